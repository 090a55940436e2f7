#include "gateway/probe.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"
#include "gateway/regex_sample.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

constexpr size_t kAttempts = 6;
constexpr std::string_view kSamples[] = {"1", "a", "x", "abc", "2024", "12", "123", "me", "v1", "en", "a.json", "index.html",
                                         "00000000-0000-0000-0000-000000000000", "A", "ab", "01", "a-b", "a_b"};

const PathSegment* segment_of(const PathPattern& p, size_t i) { return i < p.segments().size() ? &p.segments()[i] : nullptr; }

bool accepts(const PathSegment* s, std::string_view text) {
    if (s == nullptr) return true;  // below **
    if (s->kind == PathSegment::Kind::fixed) return s->text == text;
    return !text.empty() && (s->kind == PathSegment::Kind::parameter || segment_matches(*s->matcher, text));
}

}  // namespace

std::span<const std::string_view> path_samples() { return kSamples; }

std::vector<std::string> pattern_samples(const PathSegment& segment) {
    std::vector<std::string> samples;
    if (segment.kind != PathSegment::Kind::pattern) return samples;
    for (const std::string& text : regex_samples(segment.regex)) {
        std::string encoded;
        http::encode_segment(text, encoded);
        if (accepts(&segment, encoded)) samples.push_back(std::move(encoded));
    }
    return samples;
}

bool sample_segment(const PathSegment* a, const PathSegment* b, size_t number, std::string& into, size_t skip) {
    for (const PathSegment* s : {a, b}) {
        if (s == nullptr || s->kind != PathSegment::Kind::fixed) continue;
        into = s->text;
        return accepts(a, into) && accepts(b, into);
    }
    bool found = false;
    // The last one where there are fewer than are skipped.
    const auto is_enough = [&](std::string_view text) {
        if (!accepts(a, text) || !accepts(b, text)) return false;
        into = text;
        found = true;
        return skip-- == 0;
    };
    const PathSegment* named = a != nullptr ? a : b;
    if (named != nullptr && accepts(a, "1") && accepts(b, "1") && is_enough(std::to_string(number + 1))) return true;
    for (const std::string_view s : kSamples) {
        if (is_enough(s)) return true;
    }
    for (const PathSegment* s : {a, b}) {
        if (s == nullptr) continue;
        for (const std::string& text : pattern_samples(*s)) {
            if (is_enough(text)) return true;
        }
    }
    return found;
}

namespace {

// @param attempt another one gives another path, where there are several: other texts, or further down
bool sample_path(const PathPattern& a, const PathPattern& b, size_t attempt, std::string& into) {
    const size_t n = std::max(a.segments().size(), b.segments().size());
    if ((a.segments().size() < n && !a.open()) || (b.segments().size() < n && !b.open())) return false;
    size_t number = 0;
    for (size_t i = 0; i < n; ++i) {
        std::string piece;
        if (!sample_segment(segment_of(a, i), segment_of(b, i), number++, piece, attempt)) return false;
        into += "/" + piece;
    }
    for (size_t i = 0; a.open() && b.open() && i < attempt % 3; ++i) into += "/x";
    if (into.empty()) into = "/";
    return true;
}

bool sample_host(std::string_view a, std::string_view b, std::string& into) {
    const std::string_view narrow = a.size() >= b.size() ? a : b;
    const std::string_view wide = a.size() >= b.size() ? b : a;
    if (narrow.empty()) return true;
    // Of an exact host and a wildcard the exact one is the narrower, whatever their lengths.
    for (const std::string_view s : {a, b}) {
        if (s.empty() || s.starts_with('*')) continue;
        into = s;
        return RouteTable::host_matches(a, s) && RouteTable::host_matches(b, s);
    }
    into = "www" + std::string(narrow.substr(1));
    return RouteTable::host_matches(wide, into);
}

void add_values(const std::vector<ValueCondition>& conditions, std::vector<std::pair<std::string, std::string>>& into, bool& good) {
    for (const ValueCondition& c : conditions) {
        if (c.match().kind == config::ValueMatch::Kind::absent) continue;
        const auto there = std::ranges::find_if(into, [&](const auto& p) { return iequals(p.first, c.match().name); });
        std::string value;
        if (there != into.end()) {
            const std::string_view have = there->second;
            if (c.holds(have)) continue;
            if (!c.sample(value)) good = false;
            there->second = value;
        } else if (c.sample(value)) {
            into.emplace_back(c.match().name, value);
        } else {
            good = false;
        }
    }
}

}  // namespace

template <class F>
auto Probe::with_view(F&& f) const {
    http::FieldList fields;
    for (const auto& [name, value] : headers) fields.add(name, value);
    std::string q;
    for (const auto& [name, value] : query) {
        if (!q.empty()) q += '&';
        http::encode_query_value(name, q);
        q += '=';
        http::encode_query_value(value, q);
    }
    RequestView view;
    view.method = http::method_of(method);
    view.method_text = method;
    view.host = host;
    view.path = path;
    view.query = q;
    view.has_query = !query.empty();
    view.fields = &fields;
    if (scheme == config::Scheme::https) view.scheme = "https";
    return f(view);
}

std::optional<Probe> Probe::for_both(const RouteTable& table, const RouteTable::Entry& a, const RouteTable::Entry& b, size_t attempt) {
    Probe p;
    if (!sample_host(a.host, b.host, p.host) || !sample_path(a.path, b.path, attempt, p.path)) return std::nullopt;
    const Conditions& ca = table.rules()[a.route].conditions;
    const Conditions& cb = table.rules()[b.route].conditions;
    if (!ca.overlaps(cb)) return std::nullopt;
    p.method = ca.methods.common(cb.methods);
    p.scheme = ca.scheme != config::Scheme::any ? ca.scheme : cb.scheme;
    bool good = true;
    for (const Conditions* c : {&ca, &cb}) {
        add_values(c->headers, p.headers, good);
        add_values(c->query, p.query, good);
    }
    if (!good || !p.matches(table, a) || !p.matches(table, b)) return std::nullopt;
    return p;
}

std::optional<Probe> Probe::for_entry(const RouteTable& table, const RouteTable::Entry& entry) {
    const auto first = for_both(table, entry, entry);
    if (!first || first->route_in(table) == entry.route) return first;
    for (size_t attempt = 1; attempt < kAttempts; ++attempt) {
        if (auto p = for_both(table, entry, entry, attempt); p && p->route_in(table) == entry.route) return p;
    }
    return first;
}

std::optional<Probe> Probe::lost(const RouteTable& table, const RouteTable::Entry& by, const RouteTable::Entry& to) {
    for (size_t attempt = 0; attempt < kAttempts; ++attempt) {
        auto p = for_both(table, by, to, attempt);
        if (!p) return std::nullopt;
        const size_t taken_by = p->route_in(table);
        if (taken_by == to.route) return p;
        if (taken_by == by.route) return std::nullopt;  // which goes first is the same for every request that both match
    }
    return std::nullopt;
}

bool Probe::matches(const RouteTable& table, const RouteTable::Entry& entry) const {
    if (!RouteTable::host_matches(entry.host, host) || !entry.path.matches(path)) return false;
    const Conditions& c = table.rules()[entry.route].conditions;
    return with_view([&](const RequestView& v) { return c.method_holds(v) && c.values_hold(v); });
}

size_t Probe::route_in(const RouteTable& table) const {
    return with_view([&](const RequestView& v) {
        Match m;
        return table.find(v, m) ? m.route : Match::kNone;
    });
}

std::string Probe::text() const {
    std::string out = method + " " + path;
    char joint = '?';
    for (const auto& [name, value] : query) {
        out += joint;
        http::encode_query_value(name, out);
        out += '=';
        http::encode_query_value(value, out);
        joint = '&';
    }
    if (scheme != config::Scheme::any) out += scheme == config::Scheme::https ? " over https" : " over http";
    std::vector<std::string> with;
    if (!host.empty()) with.push_back("Host: " + host);
    for (const auto& [name, value] : headers) with.push_back(name + ": " + value);
    for (size_t i = 0; i < with.size(); ++i) out += (i == 0 ? " with " : ", ") + with[i];
    return out;
}

}  // namespace portico::gateway
