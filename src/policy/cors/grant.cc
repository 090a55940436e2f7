#include "policy/cors/grant.h"

#include "base/text.h"

namespace portico::policy::cors {
namespace {

constexpr std::string_view kPrefix = "access-control-";

// The gateway is the one that speaks of CORS on this route: a second Access-Control-Allow-Origin would make browsers refuse both.
void clean(http::FieldList& fields) {
    fields.remove_if([](const http::Field& f) { return f.id == http::FieldName::other && iequals(f.name.substr(0, kPrefix.size()), kPrefix); });
}

// The elements that are names, with the rest left out: what is echoed must not bring in anything else.
std::string_view names_of(std::string_view list, Arena& arena) {
    std::string out;
    for_each_element(list, [&](std::string_view name) {
        if (!http::is_token(name)) return;
        if (!out.empty()) out += ", ";
        out += name;
    });
    return arena.copy(out);
}

}  // namespace

void add_vary(std::string_view name, http::FieldList& fields, Arena& arena) {
    http::Field* last = nullptr;
    for (http::Field& f : fields.all()) {
        if (!iequals(f.name, "Vary")) continue;
        bool there = false;
        for_each_element(f.value, [&](std::string_view element) { there |= element == "*" || iequals(element, name); });
        if (there) return;
        last = &f;
    }
    if (last == nullptr) fields.add("Vary", name);
    else if (last->value.empty()) last->value = name;
    else last->value = arena.copy(std::string(last->value).append(", ").append(name));
}

void Grant::write_origin(std::string_view origin, http::FieldList& fields) const {
    fields.add("Access-Control-Allow-Origin", depends_on_origin() ? origin : "*");
    if (credentials) fields.add("Access-Control-Allow-Credentials", "true");
}

void Grant::write_answer(std::string_view origin, http::FieldList& fields, Arena& arena) const {
    clean(fields);
    if (depends_on_origin()) add_vary("Origin", fields, arena);
    if (!admits(origin)) return;
    write_origin(origin, fields);
    if (!expose.empty()) fields.add("Access-Control-Expose-Headers", expose);
}

void Grant::write_preflight(const Question& q, http::FieldList& fields, Arena& arena) const {
    clean(fields);
    for (const std::string_view name : {"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}) add_vary(name, fields, arena);
    if (!admits(q.origin)) return;
    write_origin(q.origin, fields);
    const std::string_view listed = !methods.empty() ? std::string_view(methods) : any_method ? std::string_view{} : q.route_methods;
    if (!listed.empty()) fields.add("Access-Control-Allow-Methods", listed);
    else if (http::is_token(q.method)) fields.add("Access-Control-Allow-Methods", q.method);
    const std::string_view allowed = any_header ? names_of(q.headers, arena) : std::string_view(headers);
    if (!allowed.empty()) fields.add("Access-Control-Allow-Headers", allowed);
    if (!max_age.empty()) fields.add("Access-Control-Max-Age", max_age);
}

}  // namespace portico::policy::cors
