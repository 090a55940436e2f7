#include "config/route_names.h"

#include "base/text_table.h"

namespace portico::config {
namespace {

constexpr size_t kMostBytes = 200;  // it stands in every line of the log, and in every series

// The first of several, and how many more there are.
void append_first(std::string& name, const std::vector<Text>& texts) {
    if (texts.empty()) return;
    name += texts.front().value;
    if (texts.size() > 1) name += "(+" + std::to_string(texts.size() - 1) + ")";
}

void append_conditions(std::string& name, const MatchConfig& match) {
    std::string names;
    for (const ValueMatch& h : match.headers) names += (names.empty() ? "" : ", ") + h.name;
    for (const ValueMatch& q : match.query) names += (names.empty() ? "?" : ", ?") + q.name;
    if (!names.empty()) name += " [" + names + "]";
}

void shorten(std::string& name) {
    if (name.size() <= kMostBytes) return;
    size_t end = kMostBytes;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
    name.resize(end);
    name += "…";
}

std::string name_of(const MatchConfig& match) {
    std::string name;
    for (const Text& m : match.methods) name += (name.empty() ? "" : ",") + m.value;
    if (!name.empty()) name += ' ';
    if (match.scheme != Scheme::any) name += match.scheme == Scheme::http ? "http://" : "https://";
    append_first(name, match.hosts);
    append_first(name, match.paths);
    append_conditions(name, match);
    shorten(name);
    return name;
}

}  // namespace

void name_routes(std::span<RouteConfig> routes) {
    TextSet taken;
    for (const RouteConfig& r : routes) {
        if (r.named) taken.insert(r.name);
    }
    TextMap<size_t> counts;  // of routes that would have one name
    for (RouteConfig& r : routes) {
        if (r.named) continue;
        const std::string name = name_of(r.match);
        size_t& count = counts[name];
        do {
            r.name = ++count == 1 ? name : name + " #" + std::to_string(count);
        } while (!taken.insert(r.name).second);
    }
}

}  // namespace portico::config
