#include "policy/transform/cookie_rules.h"

#include <algorithm>

#include "base/meter.h"
#include "base/text.h"
#include "http/credential.h"

namespace portico::policy::transform {
namespace {

std::string_view name_of(std::string_view cookie) { return trim_ows(cookie.substr(0, cookie.find_first_of("=;"))); }

bool is_removed(const CookieRules& rules, std::string_view name) {
    return std::ranges::any_of(rules.remove, [&](const NameTest& t) { return t.matches(name, false); }) ||
           std::ranges::any_of(rules.set, [&](const Named& n) { return n.name == name; });
}

}  // namespace

bool CookieRules::reads(size_t root) const {
    return std::ranges::any_of(set, [&](const Named& n) { return n.value.reads(root); });
}

void CookieRules::check_place(const gateway::PlaceValues& place, const config::Scope& scope) const {
    for (const Named& n : set) n.value.check_place(place, n.mark, scope);
}

Result<Rendered> render(const CookieRules& rules, const gateway::Values& values, Arena& arena) {
    Rendered all;
    for (const Named& n : rules.set) {
        auto value = gateway::value_text(n.value, values, gateway::ValuePlace::cookie, "the cookie " + n.name, arena);
        if (!value) return fail(std::move(value).error());
        all.push_back({*value});
    }
    return all;
}

void apply_cookies(const CookieRules& rules, const Rendered& values, http::FieldList& fields, Arena& arena) {
    for (const NameTest& t : rules.remove) {
        if (t.pattern == nullptr) http::remove_cookies(fields, t.name, arena);
    }
    for (const Named& n : rules.set) http::remove_cookies(fields, n.name, arena);
    std::string all;
    const auto put = [&](std::string_view pair) { all.append(all.empty() ? "" : "; ").append(pair); };
    for (const http::Field& f : fields) {
        if (f.id != http::FieldName::cookie) continue;
        for (size_t at = 0; at <= f.value.size();) {
            const size_t end = std::min(f.value.find(';', at), f.value.size());
            const std::string_view pair = trim_ows(f.value.substr(at, end - at));
            if (!Meter::spend(1 + pair.size() / 16)) return;
            if (!pair.empty() && !is_removed(rules, name_of(pair))) put(pair);
            at = end + 1;
        }
    }
    for (size_t i = 0; i < rules.set.size(); ++i) {
        if (values[i]) put(std::string(rules.set[i].name).append("=").append(*values[i]));
    }
    fields.remove_if([](const http::Field& f) { return f.id == http::FieldName::cookie; });
    if (!all.empty()) fields.add("Cookie", arena.copy(all), http::FieldName::cookie);
}

void apply_set_cookies(const CookieRules& rules, const Rendered& values, http::FieldList& fields, Arena& arena) {
    fields.remove_if([&](const http::Field& f) { return f.id == http::FieldName::set_cookie && is_removed(rules, name_of(f.value)); });
    for (size_t i = 0; i < rules.set.size(); ++i) {
        if (!values[i]) continue;
        std::string line = rules.set[i].name;
        line.append("=").append(*values[i]).append(rules.attributes[i]);
        fields.add("Set-Cookie", arena.copy(line), http::FieldName::set_cookie);
    }
}

}  // namespace portico::policy::transform
