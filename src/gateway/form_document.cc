#include "gateway/form_document.h"

#include <unordered_map>
#include <vector>

#include "http/form.h"
#include "json/writer.h"

namespace portico::gateway {
namespace {

std::string_view text_of(json::Value scalar) {
    return scalar.is_string() ? scalar.string() : scalar.source();
}

}  // namespace

bool append_form_as_json(std::string& out, std::string_view form, size_t max_pairs) {
    const auto pairs = http::parse_form(form, max_pairs);
    if (!pairs) return false;
    std::unordered_map<std::string_view, size_t> places;
    std::vector<std::vector<const http::FormPair*>> members;
    for (const http::FormPair& pair : *pairs) {
        const auto [place, is_new] = places.try_emplace(pair.name, members.size());
        if (is_new) members.emplace_back();
        members[place->second].push_back(&pair);
    }
    json::Writer writer(out);
    writer.begin_object();
    for (const auto& member : members) {
        writer.key(member.front()->name);
        if (member.size() > 1) writer.begin_array();
        for (const http::FormPair* pair : member) writer.value(pair->value);
        if (member.size() > 1) writer.end_array();
    }
    writer.end_object();
    return true;
}

std::expected<void, std::string> append_json_as_form(std::string& out, json::Value object) {
    if (!object.is_object()) return std::unexpected("it is not an object");
    const size_t begin = out.size();
    for (const json::Member member : object.members()) {
        const auto refuse = [&](std::string_view what) {
            out.resize(begin);
            return std::unexpected("`" + std::string(member.name) + "` " + std::string(what));
        };
        if (member.value.is_null()) continue;
        if (member.value.is_object()) return refuse("is an object");
        if (!member.value.is_array()) {
            http::append_form_pair(out, begin, member.name, text_of(member.value));
            continue;
        }
        for (const json::Value element : member.value.elements()) {
            if (element.is_object() || element.is_array()) return refuse("holds an object or a list");
            if (!element.is_null()) http::append_form_pair(out, begin, member.name, text_of(element));
        }
    }
    return {};
}

}  // namespace portico::gateway
