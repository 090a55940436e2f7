#include "policy/authorize/settings.h"

#include <algorithm>

#include "config/read.h"

namespace portico::policy::authorize {
namespace {

using config::Field;
using config::Node;
using config::NodeKind;
using config::Scope;

constexpr std::string_view kList = R"({"$ref":"#/$defs/textOrList"})";

struct RoleRules {
    Names names;
    gateway::ClaimPath from;
};
struct ScopeRules {
    Names names;
    std::optional<gateway::ClaimPath> from;
};

// A policy does not know yet on which routes it stands.
constexpr gateway::TemplatePlace kPlace{.identity = true, .deferred = true};

std::optional<gateway::ClaimPath> read_claim(const Scope& scope, const Node& node, std::string_view such_as) {
    const auto text = config::read_string(scope, node, "a claim such as " + std::string(such_as), config::Braces::notation);
    if (!text) return std::nullopt;
    std::string fault;
    auto path = gateway::ClaimPath::parse(*text, fault);
    if (!path) scope.error(node.mark, "bad-claim", "\"" + *text + "\" names no claim: " + fault);
    return path;
}

std::vector<Name> read_names(const Scope& scope, const Node& node, std::string_view what, std::vector<MadeName>& made) {
    std::vector<Name> names;
    for (const config::Text& t : config::read_texts(scope, node, what, config::Braces::notation)) {
        if (t.value.empty()) {
            scope.error(t.mark, "bad-name", "an empty text names nothing");
            continue;
        }
        gateway::Template text = gateway::Template::parse(scope, t, kPlace);
        if (!text.is_literal()) {
            made.push_back({std::move(text), t.value});
            continue;
        }
        std::string name(text.literal_text());
        if (std::ranges::find(names, name, &Name::text) != names.end()) scope.error(t.mark, "duplicate-name", "\"" + name + "\" stands twice in this list");
        else names.push_back({std::move(name)});
    }
    return names;
}

std::vector<Name> read_scopes(const Scope& scope, const Node& node, std::vector<MadeName>& made) {
    auto names = read_names(scope, node, "a scope", made);
    // RFC 6749 §3.3: what a scope cannot hold would never be found in a token, nor could a challenge name it.
    const auto fits = [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '\\'; };
    for (const auto& [name, written] : names) {
        if (std::ranges::all_of(name, fits)) continue;
        scope.error(node.mark, "bad-scope", "\"" + name + "\" cannot be a scope: it may hold no space, quote, backslash or control",
                    name.find(' ') == std::string::npos ? "" : "write several scopes as a list");
    }
    return names;
}

constexpr Field<ScopeRules> kScopes[] = {
    {{"from", "claim", "scope, or scp", "The claim that holds the scopes, as a list or as one text, such as `data.scope`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, ScopeRules& v) { v.from = read_claim(s, n, "data.scope"); }},
    {{"all", "list of scopes", "", "Each of these is needed.", kList},
     [](const Scope& s, const Node& n, ScopeRules& v) { v.names.all = read_scopes(s, n, v.names.made_all); }},
    {{"any", "list of scopes", "", "One of these is needed.", kList},
     [](const Scope& s, const Node& n, ScopeRules& v) { v.names.any = read_scopes(s, n, v.names.made_any); }},
    {{"none", "list of scopes", "", "None of these may be there.", kList},
     [](const Scope& s, const Node& n, ScopeRules& v) { v.names.none = read_scopes(s, n, v.names.made_none); }},
};

constexpr Field<RoleRules> kRoles[] = {
    {{"from", "claim", "roles", "The claim that lists the roles, such as `realm_access.roles`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RoleRules& v) {
         if (auto path = read_claim(s, n, "realm_access.roles")) v.from = std::move(*path);
     }},
    {{"all", "list of roles", "", "Each of these is needed.", kList},
     [](const Scope& s, const Node& n, RoleRules& v) { v.names.all = read_names(s, n, "a role", v.names.made_all); }},
    {{"any", "list of roles", "", "One of these is needed.", kList},
     [](const Scope& s, const Node& n, RoleRules& v) { v.names.any = read_names(s, n, "a role", v.names.made_any); }},
    {{"none", "list of roles", "", "None of these may be there.", kList},
     [](const Scope& s, const Node& n, RoleRules& v) { v.names.none = read_names(s, n, "a role", v.names.made_none); }},
};

std::optional<Scalar> read_scalar(const Scope& scope, const Node& node) {
    if (node.kind == NodeKind::string) {
        gateway::Template text = gateway::Template::parse(scope, config::text_of(node), kPlace);
        if (text.is_literal()) return Scalar{{json::Kind::string, std::string(text.literal_text())}, false, {}};
        return Scalar{{json::Kind::string, {}}, true, std::move(text)};
    }
    if (node.kind == NodeKind::null) {
        scope.error(node.mark, "bad-condition", "a claim that is null counts as not there", "write { present: false }");
        return std::nullopt;
    }
    auto constant = gateway::read_claim_constant(scope, node);
    if (!constant) return std::nullopt;
    return Scalar{std::move(*constant), false, {}};
}

void read_wanted(const Scope& scope, const Node& node, ClaimCondition& into) {
    if (node.is_mapping()) {
        const Node* present = node.entries.size() == 1 ? node.get("present") : nullptr;
        if (present == nullptr) return scope.expected(node, "a value, a list of values, or { present: true }");
        into.present = config::read_bool(Scope(scope, "present"), *present);
        return;
    }
    const config::PlainList list(scope, node);
    if (!list.is_list()) {
        if (auto value = read_scalar(scope, *list.items().front())) into.values.push_back(std::move(*value));
        return;
    }
    if (list.items().empty()) scope.error(node.mark, "empty-list", "the list is empty: no value would do");
    for (size_t i = 0; i < list.items().size(); ++i) {
        if (auto value = read_scalar(Scope(scope, i), *list.items()[i])) into.values.push_back(std::move(*value));
    }
}

std::vector<ClaimCondition> read_conditions(const Scope& scope, const Node& node) {
    std::vector<ClaimCondition> conditions;
    if (!node.is_mapping()) {
        scope.expected(node, "claims with their values", "write { tenant: acme }");
        return conditions;
    }
    if (node.entries.empty()) scope.error(node.mark, "empty-policy", "there is no claim here: leave the key out, or name one");
    for (const config::Entry& e : node.entries) {
        const Scope at(scope, e.key);
        std::string fault;
        auto path = gateway::ClaimPath::parse(e.key, fault);
        if (!path) {
            at.error(e.key_mark, "bad-claim", "\"" + e.key + "\" names no claim: " + fault);
            continue;
        }
        ClaimCondition c{std::move(*path), {}, {}};
        read_wanted(at, *e.value, c);
        conditions.push_back(std::move(c));
    }
    return conditions;
}

constexpr std::string_view kMapping = R"({"type":"object"})";
constexpr Field<ClaimConditions> kClaims[] = {
    {{"all", "mapping of claims", "", "Each of these has to hold.", kMapping},
     [](const Scope& s, const Node& n, ClaimConditions& v) { v.all = read_conditions(s, n); }},
    {{"any", "mapping of claims", "", "One of these has to hold.", kMapping},
     [](const Scope& s, const Node& n, ClaimConditions& v) { v.any = read_conditions(s, n); }},
    {{"none", "mapping of claims", "", "None of these may hold.", kMapping},
     [](const Scope& s, const Node& n, ClaimConditions& v) { v.none = read_conditions(s, n); }},
};

// What everybody will write first: a plain list.
bool is_mapping(const Scope& scope, const Node& node, std::string_view what) {
    if (node.is_mapping()) return true;
    scope.expected(node, std::string(what) + " as all, any or none", node.kind != NodeKind::null ? "write { all: [...] } where each is needed, { any: [...] } where one is" : "");
    return false;
}

void refuse_contradictions(const Scope& scope, const Node& node, const Names& names) {
    for (const Name& n : names.none) {
        if (std::ranges::find(names.all, n.text, &Name::text) == names.all.end()) continue;
        scope.error(node.mark, "contradiction", "\"" + n.text + "\" is needed and forbidden at once: nobody would pass");
    }
    if (names.empty()) scope.error(node.mark, "empty-policy", "nothing is asked here: write all, any or none");
}

constexpr Field<Rules> kRules[] = {
    {{"scopes", "`all`, `any`, `none`, `from`", "", "Scopes of the claim `scope` (or, without it, `scp`), or of the one that `from` names.", kMapping},
     [](const Scope& s, const Node& n, Rules& r) {
         if (!is_mapping(s, n, "scopes")) return;
         ScopeRules scopes;
         if (config::read_object<ScopeRules>(s, n, scopes, "scopes", kScopes)) refuse_contradictions(s, n, scopes.names);
         r.scopes = std::move(scopes.names);
         r.scopes_from = std::move(scopes.from);
     }},
    {{"roles", "`all`, `any`, `none`, `from`", "", "Roles: the texts of the claim `roles`, or of the one that `from` names.", kMapping},
     [](const Scope& s, const Node& n, Rules& r) {
         if (!is_mapping(s, n, "roles")) return;
         RoleRules roles{{}, r.roles_from};
         if (config::read_object<RoleRules>(s, n, roles, "roles", kRoles)) refuse_contradictions(s, n, roles.names);
         r.roles = std::move(roles.names);
         r.roles_from = std::move(roles.from);
     }},
    {{"claims", "`all`, `any`, `none`", "", "Claims with the value that they must have, a list of which one will do, or `{ present: true }`. A value may be a template, such as `sub: \"{id}\"` for own resources only.", kMapping},
     [](const Scope& s, const Node& n, Rules& r) {
         if (!is_mapping(s, n, "claims")) return;
         if (config::read_object<ClaimConditions>(s, n, r.claims, "claims", kClaims) && r.claims.empty() && n.entries.empty()) {
             s.error(n.mark, "empty-policy", "nothing is asked here: write all, any or none", "{ all: { tenant: acme } }");
         }
     }},
};

}  // namespace

std::span<const Field<Rules>> rule_fields() { return kRules; }

bool read_rules(const Scope& scope, const Node& node, Rules& into) {
    const size_t before = scope.faults().errors();
    std::string fault;
    into.roles_from = *gateway::ClaimPath::parse("roles", fault);
    if (config::read_object<Rules>(scope, node, into, "authorize", kRules) && node.entries.empty()) {
        scope.error(node.mark, "empty-policy", "authorize needs scopes, roles or claims");
    }
    return scope.faults().errors() == before;
}

}  // namespace portico::policy::authorize
