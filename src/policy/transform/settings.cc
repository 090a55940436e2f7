#include "policy/transform/settings.h"

#include <algorithm>

#include "base/text.h"

#include "config/read.h"
#include "gateway/templates/template_string.h"
#include "policy/transform/settings_parts.h"

namespace portico::policy::transform {
namespace {

using config::Field;
using config::Node;
using config::Scope;

constexpr Field<Settings> kFields[] = {
    {{"request", "mapping", "", "What becomes of a request: `when`, `method`, `path`, `query`, `headers`, `cookies`, `body`, `edit`, `as`, `max_body`.", R"({"$ref":"#/$defs/transformRequest"})"},
     [](const Scope& s, const Node& n, Settings& d) {
         d.request.emplace();
         read_request(s, n, *d.request);
     }},
    {{"response", "mapping or list of cases", "",
      "What becomes of an answer: `when`, `status`, `headers`, `cookies`, `body`, `edit`, `lines`, `max_body`. Of a list, the first case whose `when` holds.",
      R"({"oneOf":[{"$ref":"#/$defs/transformCase"},{"type":"array","items":{"$ref":"#/$defs/transformCase"},"minItems":1}]})"},
     [](const Scope& s, const Node& n, Settings& d) { read_response(s, n, d.response); }},
};

// What these rows of a request's headers write, told without a word: reading the settings says what is wrong with them.
// @param replaces each row is a mapping whose `with` is written
void add_writes(const Node* rows, bool moves, bool replaces, std::vector<gateway::HeaderWrite>& writes) {
    if (rows == nullptr) return;
    for (const config::Entry& e : rows->entries) {
        config::FaultList unsaid;
        const Scope scope(unsaid);
        const Node* value = replaces ? e.value->get("with") : e.value;
        const auto text = value == nullptr ? std::nullopt : config::read_text(scope, *value, "text", config::Braces::notation);
        if (!text) continue;
        if (moves) writes.push_back({.name = text->value, .from = e.key, .mark = text->mark});
        else writes.push_back(gateway::written_by(e.key, gateway::Template::parse(scope, *text, place_of(MessageKind::request)), e.key_mark));
    }
}

}  // namespace

const gateway::TemplatePlace& place_of(MessageKind kind) {
    static const std::vector<std::string> kRoots = {""};
    static const gateway::TemplatePlace kRequest = [] {
        gateway::TemplatePlace place;
        place.deferred = true;
        place.roots = &kRoots;
        return place;
    }();
    static const gateway::TemplatePlace kResponse = [] {
        gateway::TemplatePlace place = kRequest;
        place.answer = true;
        return place;
    }();
    static const gateway::TemplatePlace kHeldResponse = [] {
        gateway::TemplatePlace place = kResponse;
        place.response = true;
        return place;
    }();
    if (kind == MessageKind::request) return kRequest;
    return kind == MessageKind::line ? kResponse : kHeldResponse;
}

void read_shape(const Scope& scope, const Node& node, MessageKind kind, BodyChange& into) {
    into.mark = node.mark;
    into.shape = gateway::BodyTemplate::compile(scope, node, place_of(kind));
}

void read_edit(const Scope& scope, const Node& node, MessageKind kind, BodyChange& into) { into.edit = BodyEdit::read(scope, node, place_of(kind)); }

void BodyChange::check_place(const gateway::PolicyPlace& place, const Scope& scope) const {
    if (shape != nullptr) shape->check_place(place, mark, scope);
    if (edit != nullptr) edit->check_place(place, scope);
}

Result<uint64_t> BodyChange::make(const gateway::Values& values, std::string& out) const {
    if (edit != nullptr) return edit->apply(values, values.roots[kBody], out);
    auto made = shape->render(values, out);
    if (!made) return fail(std::move(made).error());
    return 0;
}

void BodyChange::add_headers(std::vector<std::string>& names) const {
    if (shape != nullptr) shape->add_headers(names);
    if (edit != nullptr) edit->add_headers(names);
}

bool BodyChange::names_claims() const {
    return (shape != nullptr && shape->names_claims()) || (edit != nullptr && edit->names_claims());
}

bool BodyChange::names_response() const {
    return (shape != nullptr && shape->names_response()) || (edit != nullptr && edit->names_response());
}

void AnswerCase::settle() {
    const auto claims = [](const std::vector<Named>& rows) { return std::ranges::any_of(rows, [](const Named& n) { return n.value.names_claims(); }); };
    const auto caches = [](const std::vector<Named>& rows) { return std::ranges::any_of(rows, [](const Named& n) { return iequals(n.name, "Cache-Control"); }); };
    const bool replaces = std::ranges::any_of(headers.replace, [](const Replacement& r) { return r.with.names_claims(); });
    const bool of_identity = body.names_claims() || lines.names_claims() || replaces || claims(headers.set) || claims(headers.add) || claims(headers.append);
    makes_private = of_identity && !caches(headers.set);
    for (const auto* rows : {&headers.set, &headers.add, &headers.append, &cookies.set}) {
        for (const Named& row : *rows) row.value.add_headers(varies_by);
    }
    for (const Replacement& r : headers.replace) r.with.add_headers(varies_by);
    body.add_headers(varies_by);
    lines.add_headers(varies_by);
}

bool Settings::may_filter() const {
    return std::ranges::any_of(response, [](const AnswerCase& c) { return c.needs_body(); });
}

std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults) {
    Settings d;
    const size_t before = faults.errors();
    const Scope scope(faults, from.path);
    const bool read = config::read_object<Settings>(scope, from.settings, d, "transform", kFields);
    for (AnswerCase& c : d.response) c.settle();
    if (read && from.settings.entries.empty()) scope.error(from.settings.mark, "empty-policy", "transform needs request, response or both");
    if (faults.errors() != before) return std::nullopt;
    return d;
}

std::vector<gateway::HeaderWrite> header_writes(const Node& settings) {
    std::vector<gateway::HeaderWrite> writes;
    const Node* request = settings.get("request");
    const Node* headers = request == nullptr ? nullptr : request->get("headers");
    if (headers == nullptr) return writes;
    for (const std::string_view word : {"rename", "copy"}) add_writes(headers->get(word), true, false, writes);
    for (const std::string_view word : {"set", "add", "append"}) add_writes(headers->get(word), false, false, writes);
    add_writes(headers->get("replace"), false, true, writes);
    return writes;
}

config::ObjectText describe() {
    auto text = config::describe<Settings>("transform", "transform", kSummary, kFields);
    text.parts = describe_messages();
    text.parts.push_back(describe_rules());
    text.parts.push_back(describe_cookies());
    text.parts.push_back(BodyEdit::describe());
    return text;
}

}  // namespace portico::policy::transform
