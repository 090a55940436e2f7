#include "policy/transform/settings.h"

#include <algorithm>

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

// Headers of these rows whose value names a claim, told without a word: reading the settings says what is wrong with them.
void add_claim_headers(const Node* rows, std::vector<std::string>& names) {
    if (rows == nullptr) return;
    for (const config::Entry& e : rows->entries) {
        config::FaultList unsaid;
        const Scope scope(unsaid);
        const auto text = config::read_text(scope, *e.value);
        if (text && gateway::Template::parse(scope, *text, place_of(MessageKind::request)).names_claims()) names.push_back(e.key);
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
    return kind == MessageKind::request ? kRequest : kResponse;
}

void read_shape(const Scope& scope, const Node& node, MessageKind kind, BodyChange& into) {
    into.mark = node.mark;
    into.shape = gateway::BodyTemplate::compile(scope, node, place_of(kind));
}

void read_edit(const Scope& scope, const Node& node, MessageKind kind, BodyChange& into) { into.edit = BodyEdit::read(scope, node, place_of(kind)); }

void BodyChange::check_place(const gateway::PolicyPlace& place, const Scope& scope) const {
    if (shape != nullptr) shape->check_place(place.parameters, place.identity, mark, scope);
    if (edit != nullptr) edit->check_place(place.parameters, place.identity, scope);
}

Result<uint64_t> BodyChange::make(const gateway::Values& values, std::string& out) const {
    if (edit != nullptr) return edit->apply(values, values.roots[kBody], out);
    auto made = shape->render(values, out);
    if (!made) return fail(std::move(made).error());
    return 0;
}

bool Settings::may_filter() const {
    return std::ranges::any_of(response, [](const AnswerCase& c) { return c.needs_body(); });
}

std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults) {
    Settings d;
    const size_t before = faults.errors();
    const Scope scope(faults, from.path);
    const bool read = config::read_object<Settings>(scope, from.settings, d, "transform", kFields);
    if (read && from.settings.entries.empty()) scope.error(from.settings.mark, "empty-policy", "transform needs request, response or both");
    if (faults.errors() != before) return std::nullopt;
    return d;
}

std::vector<std::string> managed_headers(const Node& settings) {
    std::vector<std::string> names;
    const Node* request = settings.get("request");
    const Node* headers = request == nullptr ? nullptr : request->get("headers");
    if (headers == nullptr) return names;
    for (const std::string_view word : {"set", "add", "append"}) add_claim_headers(headers->get(word), names);
    return names;
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
