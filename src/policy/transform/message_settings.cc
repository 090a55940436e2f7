#include <algorithm>

#include "base/text.h"
#include "config/read.h"
#include "gateway/templates/text_body.h"
#include "policy/transform/settings_parts.h"

namespace portico::policy::transform {
namespace {

using config::Field;
using config::Node;
using config::Scope;

constexpr uint64_t kMostBody = 64 << 20;

uint64_t read_max_body(const Scope& scope, const Node& node) { return config::read_size(scope, node, kMostBody, false).value_or(kDefaultMaxBody); }

// 404, "4xx".
std::optional<std::pair<int, int>> read_status(const Scope& scope, const Node& node) {
    const std::string& text = node.text;
    const bool digit = node.is_scalar() && text.size() == 3 && text[0] >= '1' && text[0] <= '5';
    if (digit && text.substr(1) == "xx") return std::pair((text[0] - '0') * 100, (text[0] - '0') * 100 + 99);
    const auto one = digit ? parse_decimal<int>(text) : std::nullopt;
    if (one) return std::pair(*one, *one);
    scope.expected(node, "a status such as 404, or a class such as 4xx");
    return std::nullopt;
}

struct ConditionDraft {
    Condition* into = nullptr;
    MessageKind kind = MessageKind::request;
};

void read_statuses(const Scope& scope, const Node& node, ConditionDraft& d) {
    if (d.kind == MessageKind::request) return scope.error(node.mark, "bad-condition", "a request has no status");
    if (!node.is_sequence()) {
        if (auto s = read_status(scope, node)) d.into->statuses.push_back(*s);
        return;
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
        if (auto s = read_status(Scope(scope, i), *node.items[i])) d.into->statuses.push_back(*s);
    }
}

void read_values(const Scope& scope, const Node& node, bool headers, std::vector<gateway::ValueCondition>& into) {
    std::vector<config::ValueMatch> matches;
    const size_t before = scope.faults().errors();
    config::read_conditions(scope, node, matches, headers);
    if (scope.faults().errors() != before) return;
    for (const config::ValueMatch& m : matches) into.emplace_back(m);
}

void read_content_types(const Scope& scope, const Node& node, ConditionDraft& d) {
    for (config::Text& t : config::read_texts(scope, node, "a media type such as application/json or text/*")) {
        const size_t slash = t.value.find('/');
        const bool good = slash != std::string::npos && slash > 0 && slash + 1 < t.value.size() && t.value.find_first_of("; \t") == std::string::npos;
        if (good) d.into->content_types.push_back(std::move(t.value));
        else scope.error(t.mark, "bad-media-type", "\"" + t.value + "\" is not a media type without parameters, such as application/json or text/*");
    }
}

constexpr Field<ConditionDraft> kCondition[] = {
    {{"status", "status, class such as `4xx`, or list", "", "Of an answer.", R"({})"}, read_statuses},
    {{"headers", "mapping", "", "By name: exact text, `{ regex: … }` (RE2, the whole value) or `{ present: true | false }`.", R"({"type":"object"})"}, [](const Scope& s, const Node& n, ConditionDraft& d) { read_values(s, n, true, d.into->headers); }},
    {{"query", "mapping", "", "The same, for the query parameters of a request.", R"({"type":"object"})"},
     [](const Scope& s, const Node& n, ConditionDraft& d) {
         if (d.kind == MessageKind::response) return s.error(n.mark, "bad-condition", "an answer has no query");
         read_values(s, n, false, d.into->query);
     }},
    {{"content_type", "media type or list", "", "Without parameters: `application/json`, `text/*`, `application/*+json`.", R"({"$ref":"#/$defs/textOrList"})"}, read_content_types},
    {{"body", "JSONPath condition", "", "Over the body, such as `$.plan == 'gold'`; false where it is not JSON.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, ConditionDraft& d) {
         if (auto t = config::read_text(s, n, "a condition such as $.plan == 'gold'", config::Braces::notation)) d.into->body = gateway::DocumentCondition::compile(s, *t, place_of(d.kind));
         if (d.into->body != nullptr) d.into->body_names = member_names(*d.into->body);
     }},
};

constexpr std::string_view kForms[] = {"json", "form"};
constexpr Field<RequestRules> kRequest[] = {
    {{"when", "mapping", "every request", "Which requests are changed.", R"({"$ref":"#/$defs/transformWhen"})"}, [](const Scope& s, const Node& n, RequestRules& d) { read_condition(s, n, MessageKind::request, d.when); }},
    {{"method", "method", "the client's", "What the service is asked by.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RequestRules& d) {
         const auto text = config::read_string(s, n, "a method such as POST");
         if (!text) return;
         d.method_text = *text;
         d.method = http::method_of(*text);
         using enum http::Method;
         if (d.method == head || d.method == connect || d.method == trace || !http::is_registered_method(*text)) {
             s.error(n.mark, "bad-method", "the service cannot be asked by \"" + *text + "\" in the client's place");
         }
     }},
    {{"path", "path template", "", "In the place of `forward`'s `path`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RequestRules& d) {
         const auto text = config::read_text(s, n, "a path such as /users/{id}", config::Braces::notation);
         if (!text) return;
         d.path = gateway::TargetTemplate::parse(s, *text, place_of(MessageKind::request));
         d.path_mark = n.mark;
         d.path_reads_body = d.path->reads(kBody);
     }},
    {{"query", "mapping", "", "What becomes of its pairs.", R"({"$ref":"#/$defs/transformRules"})"}, [](const Scope& s, const Node& n, RequestRules& d) { read_query(s, n, d.query); }},
    {{"headers", "mapping", "", "What becomes of its headers.", R"({"$ref":"#/$defs/transformRules"})"}, [](const Scope& s, const Node& n, RequestRules& d) { read_headers(s, n, MessageKind::request, d.headers); }},
    {{"cookies", "mapping", "", "What becomes of its cookies.", R"({"$ref":"#/$defs/transformCookies"})"}, [](const Scope& s, const Node& n, RequestRules& d) { read_cookies(s, n, MessageKind::request, d.cookies); }},
    {{"body", "body template", "", "A new body; `$` is the client's, JSON or a form.", R"({})"}, [](const Scope& s, const Node& n, RequestRules& d) { read_shape(s, n, MessageKind::request, d.body); }},
    {{"edit", "mapping", "", "The body changed as it is.", R"({"$ref":"#/$defs/transformEdit"})"}, [](const Scope& s, const Node& n, RequestRules& d) { read_edit(s, n, MessageKind::request, d.body); }},
    {{"as", "json or form", "json; of an edited one what it was", "What the new body is.", R"({"enum":["json","form"]})"},
     [](const Scope& s, const Node& n, RequestRules& d) {
         if (const auto word = config::read_word(s, n, kForms)) d.as_form = *word == 1;
     }},
    {{"max_body", "size", "1MiB", "The most that is held of a body, coded and not; more is 413.", R"({"$ref":"#/$defs/size"})"}, [](const Scope& s, const Node& n, RequestRules& d) { d.max_body = read_max_body(s, n); }},
};

void check_one_body(const Scope& scope, const Node& node, const BodyChange& change) {
    if (change.shape != nullptr && change.edit != nullptr) {
        scope.error(node.mark, "two-bodies", "body makes a new document, edit changes the one that came: one of them");
    }
}

struct LinesDraft {
    BodyChange* into = nullptr;
};
constexpr Field<LinesDraft> kLines[] = {
    {{"body", "body template", "", "A new line; `$` is the one that came.", R"({})"}, [](const Scope& s, const Node& n, LinesDraft& d) { read_shape(s, n, MessageKind::line, *d.into); }},
    {{"edit", "mapping", "", "The line changed as it is.", R"({"$ref":"#/$defs/transformEdit"})"}, [](const Scope& s, const Node& n, LinesDraft& d) { read_edit(s, n, MessageKind::line, *d.into); }},
};

void read_case_status(const Scope& scope, const Node& node, AnswerCase& d) {
    const auto status = config::read_integer(scope, node, 200, 599);
    if (!status) return;
    if (*status == 204 || *status == 205 || *status == 304) scope.error(node.mark, "bad-status", "an answer with a body cannot become one without");
    else d.status = static_cast<int>(*status);
}

constexpr Field<AnswerCase> kCase[] = {
    {{"when", "mapping", "2xx with a body; every answer where only the head changes", "Which answers it is for.", R"({"$ref":"#/$defs/transformWhen"})"}, [](const Scope& s, const Node& n, AnswerCase& d) { read_condition(s, n, MessageKind::response, d.when); }},
    {{"status", "status", "the service's", "Another status.", R"({"type":"integer"})"}, read_case_status},
    {{"headers", "mapping", "", "What becomes of its headers.", R"({"$ref":"#/$defs/transformRules"})"}, [](const Scope& s, const Node& n, AnswerCase& d) { read_headers(s, n, MessageKind::response, d.headers); }},
    {{"cookies", "mapping", "", "What becomes of its cookies.", R"({"$ref":"#/$defs/transformCookies"})"}, [](const Scope& s, const Node& n, AnswerCase& d) { read_cookies(s, n, MessageKind::response, d.cookies); }},
    {{"body", "body template", "", "A new body; `$` is the service's answer.", R"({})"}, [](const Scope& s, const Node& n, AnswerCase& d) { read_shape(s, n, MessageKind::response, d.body); }},
    {{"edit", "mapping", "", "The body changed as it is.", R"({"$ref":"#/$defs/transformEdit"})"}, [](const Scope& s, const Node& n, AnswerCase& d) { read_edit(s, n, MessageKind::response, d.body); }},
    {{"lines", "mapping", "", "Newline-delimited JSON, line by line as it comes.", R"({"$ref":"#/$defs/transformLines"})"},
     [](const Scope& s, const Node& n, AnswerCase& d) {
         LinesDraft lines{&d.lines};
         if (config::read_object<LinesDraft>(s, n, lines, "lines", kLines)) check_one_body(s, n, d.lines);
     }},
    {{"events", "pass", "refused", "An event stream is no JSON, and is 502 where the case asks for the body or changes it. `pass`: its events go by as they come; status, headers and cookies may change.", R"({"enum":["pass"]})"},
     [](const Scope& s, const Node& n, AnswerCase& d) {
         static constexpr std::string_view kPass[] = {"pass"};
         d.passes_events = config::read_word(s, n, kPass).has_value();
         d.events_mark = n.mark;
     }},
    {{"max_body", "size", "1MiB", "The most that is held of an answer, or of a line; more is 502.", R"({"$ref":"#/$defs/size"})"}, [](const Scope& s, const Node& n, AnswerCase& d) { d.max_body = read_max_body(s, n); }},
};

void read_case(const Scope& scope, const Node& node, AnswerCase& into) {
    if (!config::read_object<AnswerCase>(scope, node, into, "a case", kCase)) return;
    if (node.entries.empty()) scope.error(node.mark, "empty-policy", "this case is empty: say what changes");
    check_one_body(scope, node, into.body);
    const auto type = std::ranges::find_if(into.headers.set, [](const Named& n) { return iequals(n.name, "content-type"); });
    if (into.body.shape != nullptr && type != into.headers.set.end()) gateway::check_json_type(Scope(scope, "headers"), type->mark, type->value);
    if (into.passes_events && !into.needs_body()) {
        scope.error(into.events_mark, "idle-setting", "events says what becomes of an event stream whose body this case asks for, and it changes heads alone: they pass as it is");
    }
    if (into.body.any() && into.lines.any()) scope.error(node.mark, "two-bodies", "body and edit are for the whole body, lines for each of its lines: one of them");
    if (into.lines.any() && (into.when.body != nullptr || into.head_reads_body())) {
        scope.error(node.mark, "two-bodies", "lines pass as they come: nothing can wait for the whole body");
    }
}

}  // namespace

void read_condition(const Scope& scope, const Node& node, MessageKind kind, Condition& into) {
    ConditionDraft d{&into, kind};
    into.written = true;
    if (node.kind == config::NodeKind::string) {
        return scope.expected(node, "when as a mapping", "a condition on the body is when: { body: \"" + node.text + "\" }, one on the status when: { status: 404 }");
    }
    config::read_object<ConditionDraft>(scope, node, d, "when", kCondition);
    if (node.is_mapping() && node.entries.empty()) scope.error(node.mark, "empty-condition", "when is empty: say when, or leave it out");
}

void read_request(const Scope& scope, const Node& node, RequestRules& into) {
    config::read_object<RequestRules>(scope, node, into, "request", kRequest);
    if (node.is_mapping() && node.entries.empty()) scope.error(node.mark, "empty-policy", "request is empty: say what changes, or leave it out");
    check_one_body(scope, node, into.body);
    if (into.as_form && !into.body.any()) scope.error(node.mark, "idle-setting", "as says what form the new body has, and there is none");
}

void read_response(const Scope& scope, const Node& node, std::vector<AnswerCase>& into) {
    if (!node.is_sequence()) {
        read_case(scope, node, into.emplace_back());
        return;
    }
    if (node.items.empty()) scope.error(node.mark, "empty-policy", "response is empty: say what changes, or leave it out");
    bool waits = false, good_bodies = false;
    for (size_t i = 0; i < node.items.size(); ++i) {
        read_case(Scope(scope, i), *node.items[i], into.emplace_back());
        if (waits && into.back().lines.any()) {
            Scope(scope, i).error(node.items[i]->mark, "late-lines", "lines pass as they come, and a case before this one waits for the whole body", "put this case first, with its own when");
        }
        waits |= into.back().when.body != nullptr;
        if (good_bodies && !into.back().when.written && into.back().changes_body()) {
            Scope(scope, i).error(node.items[i]->mark, "idle-case", "a case before this one is for every 2xx with a body already: this one never applies", "write when, before that one");
        }
        good_bodies |= !into.back().when.written && into.back().changes_body();
        if (i + 1 < node.items.size() && !into.back().when.written && !into.back().changes_body()) {
            Scope(scope, i).error(node.items[i]->mark, "idle-case", "without when this case is for every answer: those behind it never apply", "write when, or put it last");
        }
    }
}

std::vector<config::ObjectText> describe_messages() {
    std::vector<config::ObjectText> all;
    all.push_back(config::describe<RequestRules>("request of `transform`", "transformRequest", "What becomes of a request.", kRequest));
    all.push_back(config::describe<AnswerCase>("response of `transform`: a case", "transformCase", "What becomes of an answer.", kCase));
    all.push_back(config::describe<ConditionDraft>("when of `transform`", "transformWhen", "All that is written must hold.", kCondition));
    all.push_back(config::describe<LinesDraft>("lines of `transform`", "transformLines", "One of them.", kLines));
    return all;
}

}  // namespace portico::policy::transform
