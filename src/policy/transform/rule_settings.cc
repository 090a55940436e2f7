#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"
#include "config/read.h"
#include "config/scalar.h"
#include "gateway/claim_headers.h"
#include "policy/transform/header_rules.h"
#include "policy/transform/settings_parts.h"

namespace portico::policy::transform {
namespace {

using config::Entry;
using config::Field;
using config::Node;
using config::NodeKind;
using config::Scope;

enum class What : uint8_t { request_header, response_header, query, cookie };

bool check_header_name(const Scope& scope, config::Mark mark, std::string_view name, What what) {
    const std::string plain = http::folded_name(name);
    if (!config::is_header_name(name)) {
        scope.error(mark, "bad-header-name", "\"" + std::string(name) + "\" is not a header's name");
    } else if (is_of_form(plain)) {
        scope.error(mark, "bad-header", std::string(name) + " belongs to the message's form: the gateway writes it itself",
                    plain == "host" ? "what a service sees as Host is forward: host" : "");
    } else if (what == What::request_header ? gateway::is_written_by_gateway(name) : plain == "x-request-id") {
        scope.error(mark, "bad-header", std::string(name) + " is written by the gateway itself");
    } else {
        return true;
    }
    return false;
}

bool check_name(const Scope& scope, config::Mark mark, std::string_view name, What what) {
    if (what == What::request_header || what == What::response_header) return check_header_name(scope, mark, name, what);
    if (what == What::cookie && !http::is_token(name)) {
        scope.error(mark, "bad-cookie-name", "\"" + std::string(name) + "\" is not a cookie's name");
        return false;
    }
    if (name.empty()) scope.error(mark, "bad-name", "a name is wanted here");
    return !name.empty() && config::check_no_braces(scope, mark, name);
}

std::shared_ptr<const re2::RE2> read_pattern(const Scope& scope, const Node& node, bool fold_case) {
    const auto text = config::read_string(scope, node, "a regular expression (RE2)", config::Braces::notation);
    if (!text) return nullptr;
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(!fold_case);
    auto made = std::make_shared<const re2::RE2>(*text, options);
    if (made->ok()) return made;
    scope.error(node.mark, "bad-regex", "not a regular expression (RE2): " + made->error());
    return nullptr;
}

struct Draft : Rules {
    What what = What::query;
};

gateway::ValuePlace place_of_value(What what) {
    if (what == What::query) return gateway::ValuePlace::any;
    return what == What::cookie ? gateway::ValuePlace::cookie : gateway::ValuePlace::header;
}

// Identity headers that a client could send elsewhere are no identity (LANGUAGE.md §6).
void check_claims(const Scope& scope, const Entry& e, const gateway::Template& value, What what) {
    if (!value.names_claims()) return;
    if (what == What::request_header) {
        config::check_managed_header(scope, e.key_mark, e.key);
    } else if (what == What::cookie) {
        scope.error(e.value->mark, "claim-in-cookie", "a cookie cannot be managed: what a service takes for an identity would be any client's on another route",
                    "hand the claim on in a header");
    }
}

gateway::Template parse_value(const Scope& scope, const config::Text& text, What what) {
    return gateway::parse_field(scope, text, place_of(what == What::response_header ? MessageKind::response : MessageKind::request), place_of_value(what));
}

void read_named(const Scope& scope, const Node& node, What what, std::vector<Named>& into) {
    if (!node.is_mapping()) return scope.expected(node, "names, each with its value");
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        if (!check_name(at, e.key_mark, e.key, what)) continue;
        const auto text = config::read_text(at, *e.value, "a value: text, with {…} in it", config::Braces::notation);
        if (!text) continue;
        Named row{e.key, parse_value(at, *text, what), e.value->mark};
        check_claims(at, e, row.value, what);
        into.push_back(std::move(row));
    }
}

void read_pairs(const Scope& scope, const Node& node, What what, std::vector<Pair>& into) {
    if (!node.is_mapping()) return scope.expected(node, "old names, each with its new one");
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        const auto to = config::read_string(at, *e.value, "a name");
        if (!to || !check_name(at, e.key_mark, e.key, what) || !check_name(at, e.value->mark, *to, what)) continue;
        const bool same = what == What::query ? e.key == *to : iequals(e.key, *to);
        if (same) at.error(e.value->mark, "bad-name", "the old name and the new one are the same");
        else into.push_back({e.key, *to});
    }
}

// A replacement as RE2 judges it, each value being a letter: a `\` does not reach into a value.
std::string rewrite_shape(const gateway::Template& made) {
    std::string shape;
    for (const gateway::TemplatePart& part : made.parts()) shape += part.source == gateway::Source::literal ? std::string_view(part.text) : "v";
    return shape;
}

void read_replace(const Scope& scope, const Node& node, What what, std::vector<Replacement>& into) {
    if (!node.is_mapping()) return scope.expected(node, "names, each with { regex, with }");
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        const Node* regex = e.value->get("regex");
        const Node* with = e.value->get("with");
        if (regex == nullptr || with == nullptr || e.value->entries.size() != 2) {
            at.expected(*e.value, R"-({ regex: "^/old(/.*)", with: '/new\1' })-");
            continue;
        }
        auto pattern = read_pattern(Scope(at, "regex"), *regex, false);
        const auto text = config::read_text(Scope(at, "with"), *with, "the text in its place, with {…} in it", config::Braces::notation);
        if (pattern == nullptr || !text || !check_name(at, e.key_mark, e.key, what)) continue;
        gateway::Template made = parse_value(Scope(at, "with"), *text, what);
        check_claims(at, e, made, what);
        std::string why;
        if (pattern->CheckRewriteString(rewrite_shape(made), &why)) into.push_back({e.key, std::move(pattern), std::move(made), with->mark});
        else at.error(with->mark, "bad-regex", "it names a group that the expression does not have: " + why);
    }
}

// A name, { regex: … }, or a list of them.
void read_tests(const Scope& scope, const Node& node, What what, std::vector<NameTest>& into) {
    if (node.is_sequence()) {
        if (node.items.empty()) scope.error(node.mark, "empty-list", "the list is empty: leave the key out, or name something");
        for (size_t i = 0; i < node.items.size(); ++i) read_tests(Scope(scope, i), *node.items[i], what, into);
        return;
    }
    const bool header = what == What::request_header || what == What::response_header;
    if (node.is_mapping() && node.entries.size() == 1 && node.get("regex") != nullptr) {
        if (auto pattern = read_pattern(Scope(scope, "regex"), *node.get("regex"), header)) into.push_back({"", std::move(pattern)});
        return;
    }
    const auto name = config::read_string(scope, node, "a name, or { regex: … }");
    if (name && check_name(scope, node.mark, *name, what)) into.push_back({*name, nullptr});
}

constexpr std::string_view kNames = R"({"type":"object","additionalProperties":{"type":"string"}})";
constexpr Field<Draft> kFields[] = {
    {{"copy", "old names, each with a new one", "", "A second one of another name.", kNames}, [](const Scope& s, const Node& n, Draft& d) { read_pairs(s, n, d.what, d.copy); }},
    {{"rename", "old names, each with a new one", "", "Another name, in the place of what had it.", kNames}, [](const Scope& s, const Node& n, Draft& d) { read_pairs(s, n, d.what, d.rename); }},
    {{"replace", "names, each with `{ regex, with }`", "", "Every match of a regular expression (RE2) in the value; `\\1` is its first group, and `with` is a template.", R"({"type":"object"})"}, [](const Scope& s, const Node& n, Draft& d) { read_replace(s, n, d.what, d.replace); }},
    {{"remove", "name, `{ regex: … }` or list", "", "Those of that name, or whose whole name matches.", R"({})"}, [](const Scope& s, const Node& n, Draft& d) { read_tests(s, n, d.what, d.remove); }},
    {{"add", "names, each with a template string", "", "Only where there is none of that name.", kNames}, [](const Scope& s, const Node& n, Draft& d) { read_named(s, n, d.what, d.add); }},
    {{"set", "names, each with a template string", "", "Instead of those that are there.", kNames}, [](const Scope& s, const Node& n, Draft& d) { read_named(s, n, d.what, d.set); }},
    {{"append", "names, each with a template string", "", "Beside those that are there.", kNames}, [](const Scope& s, const Node& n, Draft& d) { read_named(s, n, d.what, d.append); }},
};

struct CookieDraft : CookieRules {
    MessageKind kind = MessageKind::request;
};

// The attributes of an answer's cookie, in the order in which they are written.
struct Attributes {
    const Node* value = nullptr;
    std::string text;
};

std::optional<std::string> read_attribute(const Scope& scope, const Node& node) {
    auto text = config::read_string(scope, node);
    if (text && (text->find(';') != std::string::npos || !http::is_field_value(*text))) {
        scope.error(node.mark, "bad-cookie", "an attribute's value holds no \";\" and no control characters");
        return std::nullopt;
    }
    return text;
}

constexpr std::string_view kSameSite[] = {"Strict", "Lax", "None"};
constexpr Field<Attributes> kAttributes[] = {
    {{"value", "template string", "", "The value.", R"({"type":"string"})", true}, [](const Scope&, const Node& n, Attributes& a) { a.value = &n; }},
    {{"path", "text", "", "`Path`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Attributes& a) { if (auto t = read_attribute(s, n)) a.text += "; Path=" + *t; }},
    {{"domain", "text", "", "`Domain`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Attributes& a) { if (auto t = read_attribute(s, n)) a.text += "; Domain=" + *t; }},
    {{"max_age", "duration", "", "`Max-Age`, in whole seconds.", R"({"$ref":"#/$defs/duration"})"},
     [](const Scope& s, const Node& n, Attributes& a) {
         const auto age = config::read_duration(s, n, false);
         if (age) a.text += "; Max-Age=" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*age).count());
     }},
    {{"secure", "true or false", "", "`Secure`.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, Attributes& a) { if (config::read_bool(s, n).value_or(false)) a.text += "; Secure"; }},
    {{"http_only", "true or false", "", "`HttpOnly`.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, Attributes& a) { if (config::read_bool(s, n).value_or(false)) a.text += "; HttpOnly"; }},
    {{"same_site", "Strict, Lax or None", "", "`SameSite`.", R"({"enum":["Strict","Lax","None"]})"},
     [](const Scope& s, const Node& n, Attributes& a) {
         if (auto w = config::read_word(s, n, kSameSite)) a.text += "; SameSite=" + std::string(kSameSite[*w]);
     }},
};

void read_set_cookies(const Scope& scope, const Node& node, CookieDraft& d) {
    if (!node.is_mapping()) return scope.expected(node, "cookies by name");
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        Attributes a{e.value, {}};
        if (e.value->is_mapping()) config::read_object<Attributes>(at, *e.value, a, "a cookie", kAttributes);
        if (!check_name(at, e.key_mark, e.key, What::cookie)) continue;
        const auto text = config::read_text(at, *a.value, "a value, or { value, path, … }", config::Braces::notation);
        if (!text) continue;
        d.set.push_back({e.key, gateway::parse_field(at, *text, place_of(MessageKind::response), gateway::ValuePlace::cookie), a.value->mark});
        d.attributes.push_back(std::move(a.text));
    }
}

constexpr Field<CookieDraft> kCookies[] = {
    {{"remove", "name, `{ regex: … }` or list", "", "Those of that name, or whose whole name matches.", R"({})"}, [](const Scope& s, const Node& n, CookieDraft& d) { read_tests(s, n, What::cookie, d.remove); }},
    {{"set", "names, each with its value", "", "A template string; of an answer's cookie also a mapping with its attributes.", R"({"type":"object"})"},
     [](const Scope& s, const Node& n, CookieDraft& d) {
         if (d.kind == MessageKind::request) read_named(s, n, What::cookie, d.set);
         else read_set_cookies(s, n, d);
     }},
};

}  // namespace

void read_headers(const Scope& scope, const Node& node, MessageKind kind, Rules& into) {
    Draft d;
    d.what = kind == MessageKind::request ? What::request_header : What::response_header;
    config::read_object<Draft>(scope, node, d, "headers", kFields);
    into = std::move(d);
}

void read_query(const Scope& scope, const Node& node, Rules& into) {
    Draft d;
    config::read_object<Draft>(scope, node, d, "query", kFields);
    into = std::move(d);
}

void read_cookies(const Scope& scope, const Node& node, MessageKind kind, CookieRules& into) {
    CookieDraft d;
    d.kind = kind;
    config::read_object<CookieDraft>(scope, node, d, "cookies", kCookies);
    into = std::move(d);
}

config::ObjectText describe_rules() {
    return config::describe<Draft>("headers and query of `transform`", "transformRules", "They run in this order, whatever the order of writing.", kFields);
}

config::ObjectText describe_cookies() {
    auto text = config::describe<CookieDraft>("cookies of `transform`", "transformCookies", "The pairs of `Cookie`, or an answer's `Set-Cookie`.", kCookies);
    text.parts.push_back(config::describe<Attributes>("an answer's cookie of `transform`", "transformCookie", "Or its value alone.", kAttributes));
    return text;
}

}  // namespace portico::policy::transform
