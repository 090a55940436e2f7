#include "gateway/conditions.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/meter.h"
#include "base/text.h"
#include "gateway/regex_sample.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

using http::Method;

constexpr size_t kBytesOfRegexAStep = 8;

constexpr uint32_t bit(Method m) { return 1u << static_cast<unsigned>(m); }

bool all_compatible(const std::vector<ValueCondition>& a, const std::vector<ValueCondition>& b, bool headers) {
    for (const ValueCondition& x : a) {
        for (const ValueCondition& y : b) {
            const bool same = headers ? iequals(x.match().name, y.match().name) : x.match().name == y.match().name;
            if (same && !x.compatible(y)) return false;
        }
    }
    return true;
}

}  // namespace

void MethodSet::add(std::string_view text) {
    const Method m = http::method_of(text);
    if (m == Method::other) {
        others_.emplace_back(text);
        return;
    }
    bits_ |= bit(m);
    if (m == Method::get) bits_ |= bit(Method::head);
}

bool MethodSet::contains(Method method, std::string_view text) const {
    if (method != Method::other) return (bits_ & bit(method)) != 0;
    return std::ranges::find(others_, text) != others_.end();
}

bool MethodSet::overlaps(const MethodSet& other) const {
    if (any() || other.any() || (bits_ & other.bits_) != 0) return true;
    return std::ranges::any_of(others_, [&](const std::string& m) { return other.contains(Method::other, m); });
}

std::string MethodSet::common(const MethodSet& other) const {
    std::vector<std::string> mine, theirs;
    (any() ? other : *this).list(mine);
    (other.any() ? *this : other).list(theirs);
    if (any() && other.any()) return "GET";
    for (const std::string& m : mine) {
        if (std::ranges::find(theirs, m) != theirs.end()) return m;
    }
    return "GET";
}

void MethodSet::list(std::vector<std::string>& into) const {
    for (unsigned i = 0; i < static_cast<unsigned>(Method::other); ++i) {
        if ((bits_ & (1u << i)) != 0) into.emplace_back(http::method_text(static_cast<Method>(i)));
    }
    into.insert(into.end(), others_.begin(), others_.end());
}

ValueCondition::ValueCondition(const config::ValueMatch& match) : match_(match) {
    if (match.kind != config::ValueMatch::Kind::regex) return;
    re2::RE2::Options options;
    options.set_log_errors(false);
    matcher_ = std::make_shared<re2::RE2>(match.value, options);  // config/ has judged it
}

bool ValueCondition::holds(std::optional<std::string_view> value) const {
    using Kind = config::ValueMatch::Kind;
    switch (match_.kind) {
        case Kind::present: return value.has_value();
        case Kind::absent: return !value;
        case Kind::exact: return value && *value == match_.value;
        case Kind::regex:
            return value && Meter::spend(1 + value->size() / kBytesOfRegexAStep) && re2::RE2::FullMatch(re2::StringPiece(value->data(), value->size()), *matcher_);
    }
    return false;
}

bool ValueCondition::compatible(const ValueCondition& other) const {
    using Kind = config::ValueMatch::Kind;
    const Kind a = match_.kind, b = other.match_.kind;
    if (a == Kind::absent || b == Kind::absent) return a == b;
    const std::string_view mine = match_.value, theirs = other.match_.value;
    if (a == Kind::exact) return other.holds(mine);
    if (b == Kind::exact) return holds(theirs);
    return true;
}

std::string ValueCondition::text() const {
    using Kind = config::ValueMatch::Kind;
    switch (match_.kind) {
        case Kind::present: return match_.name + " is present";
        case Kind::absent: return match_.name + " is absent";
        case Kind::exact: return match_.name + " = " + match_.value;
        case Kind::regex: return match_.name + " matches " + match_.value;
    }
    return match_.name;
}

bool ValueCondition::sample(std::string& into) const {
    using Kind = config::ValueMatch::Kind;
    switch (match_.kind) {
        case Kind::absent: return false;
        case Kind::exact: into = match_.value; return true;
        case Kind::present: into = "x"; return true;
        case Kind::regex: break;
    }
    for (const std::string_view candidate : {"1", "a", "x", "abc", "123", "true", "2024", "v1", "example"}) {
        if (!holds(candidate)) continue;
        into = candidate;
        return true;
    }
    for (std::string& candidate : regex_samples(match_.value)) {
        if (!holds(candidate)) continue;
        into = std::move(candidate);
        return true;
    }
    return false;
}

Conditions::Conditions(const config::MatchConfig& match) : scheme(match.scheme) {
    for (const config::Text& m : match.methods) methods.add(m.value);
    for (const config::ValueMatch& m : match.headers) headers.emplace_back(m);
    for (const config::ValueMatch& m : match.query) query.emplace_back(m);
}

const ValueCondition* Conditions::first_failing(RequestValues& r, bool& in_query) const {
    for (const ValueCondition& c : headers) {
        if (r.request().preflight) break;
        if (!c.holds(r.header(c.match().name))) return &c;
    }
    in_query = true;
    for (const ValueCondition& c : query) {
        if (!c.holds(r.query(c.match().name))) return &c;
    }
    return nullptr;
}

bool Conditions::overlaps(const Conditions& other) const {
    if (scheme != other.scheme && scheme != config::Scheme::any && other.scheme != config::Scheme::any) return false;
    return methods.overlaps(other.methods) && all_compatible(headers, other.headers, true) &&
           all_compatible(query, other.query, false);
}

bool header_value(const http::FieldList& fields, std::string_view name, std::string& into) {
    into.clear();
    return append_header_value(fields, name, into, false);
}

bool append_header_value(const http::FieldList& fields, std::string_view name, std::string& into, bool found) {
    for (const http::Field& f : fields) {
        if (!iequals(f.name, name)) continue;
        if (found) into += f.id == http::FieldName::cookie ? "; " : ", ";
        into += f.value;
        found = true;
    }
    return found;
}

std::optional<std::string_view> cookie_value(const http::FieldList& fields, std::string_view name, uint64_t& cost) {
    for (const http::Field& f : fields) {
        if (f.id != http::FieldName::cookie) continue;
        cost += 1 + f.value.size() / 8;
        std::string_view rest = f.value;
        while (!rest.empty()) {
            const size_t end = std::min(rest.find(';'), rest.size());
            const std::string_view pair = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            const size_t equals = pair.find('=');
            if (equals != std::string_view::npos && trim_ows(pair.substr(0, equals)) == name) return trim_ows(pair.substr(equals + 1));
        }
    }
    return std::nullopt;
}

bool query_value(std::string_view query, std::string_view name, std::string& into) {
    bool found = false;
    http::for_each_pair(query, [&](std::string_view key, std::string_view value, std::string_view) {
        if (found || http::decode_query_value(key) != name) return;
        into = http::decode_query_value(value);
        found = true;
    });
    return found;
}

}  // namespace portico::gateway
