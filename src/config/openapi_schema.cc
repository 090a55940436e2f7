// What schemas say (JSON Schema as OpenAPI 3.0 and 3.1 use it): one step at a time, through $ref, allOf, oneOf and anyOf.
#include <re2/re2.h>

#include <algorithm>
#include <unordered_set>

#include "config/openapi.h"

namespace portico::config {
namespace {

using Verdict = SchemaStep::Verdict;

constexpr size_t kMaxVisits = 20'000;  // of schemas, for one question
constexpr size_t kMaxInside = 20'000;
constexpr unsigned kMaxNesting = 64;

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

// Of schemas that hold together.
SchemaStep both(SchemaStep a, const SchemaStep& b) {
    const auto either = [&](Verdict v) { return a.verdict == v || b.verdict == v; };
    for (const Verdict v :
         {Verdict::wrong_type, Verdict::declared, Verdict::refused, Verdict::undeclared, Verdict::unsaid}) {
        if (!either(v)) continue;
        a.verdict = v;
        break;
    }
    append(a.schemas, b.schemas);
    append(a.names, b.names);
    a.always = a.always || b.always;
    return a;
}

// Of schemas of which one holds.
SchemaStep one_of(SchemaStep a, const SchemaStep& b) {
    static const Node kAnything = [] {
        Node node;
        node.kind = NodeKind::mapping;
        return node;
    }();
    // By the one that says nothing, anything may stand where the other declares something.
    if (a.verdict != b.verdict && std::max(a.verdict, b.verdict) == Verdict::unsaid) a.schemas.push_back(&kAnything);
    a.verdict = std::min(a.verdict, b.verdict);
    append(a.schemas, b.schemas);
    append(a.names, b.names);
    a.always = a.always && b.always;
    return a;
}

bool allows_type(const Node& schema, std::string_view type) {
    const Node* types = schema.get("type");
    if (types == nullptr) return true;
    if (types->is_scalar()) return types->text == type;
    return std::ranges::any_of(types->items, [&](const Node* n) { return n->text == type; });
}

bool lists(const Node* names, std::string_view name) {
    return names != nullptr && std::ranges::any_of(names->items, [&](const Node* n) { return n->text == name; });
}

bool is_false(const Node* node) {
    return node != nullptr && node->kind == NodeKind::boolean && node->text == "false";
}

}  // namespace

// One question, asked of schemas and of what they are put together from.
class SchemaWalk {
  public:
    enum class Question : uint8_t { member, element, children };
    SchemaWalk(const OpenApi& api, Question question, std::string_view name = {})
        : api_(api), question_(question), name_(name) {}

    SchemaStep ask(std::span<const Node* const> schemas) {
        std::optional<SchemaStep> step;
        for (const Node* schema : schemas) {
            const SchemaStep one = ask(*schema);
            step = step ? one_of(*std::move(step), one) : one;
        }
        return step.value_or(SchemaStep{});
    }

  private:
    SchemaStep ask(const Node& schema) {
        if (++visits_ > kMaxVisits || nesting_ > kMaxNesting) return {};
        if (is_false(&schema)) return {.verdict = Verdict::wrong_type};
        if (!schema.is_mapping()) return {};
        ++nesting_;
        SchemaStep step = ask_itself(schema);
        if (const Node* reference = schema.get("$ref")) {
            if (const Node* target = api_.target(reference->text)) step = both(std::move(step), ask(*target));
        }
        if (const Node* all = schema.get("allOf")) {
            for (const Node* part : all->items) step = both(std::move(step), ask(*part));
        }
        for (const std::string_view word : {"oneOf", "anyOf"}) {
            if (const Node* some = schema.get(word); some != nullptr && !some->items.empty()) {
                step = both(std::move(step), ask(some->items));
            }
        }
        --nesting_;
        return step;
    }

    SchemaStep ask_itself(const Node& schema) const {
        switch (question_) {
            case Question::member: return member(schema);
            case Question::element: return element(schema);
            case Question::children: break;
        }
        const bool object = allows_type(schema, "object");
        const bool array = allows_type(schema, "array");
        if (!object && !array) return {.verdict = Verdict::wrong_type};
        SchemaStep step;
        if (array) step = element(schema);
        if (!object) return step;
        for (const std::string_view word : {"properties", "patternProperties"}) {
            const Node* declared = schema.get(word);
            for (size_t i = 0; declared != nullptr && i < declared->entries.size(); ++i) {
                step.schemas.push_back(declared->entries[i].value);
            }
        }
        if (const Node* others = schema.get("additionalProperties"); others != nullptr && others->is_mapping()) {
            step.schemas.push_back(others);
        }
        step.verdict = step.schemas.empty() ? Verdict::unsaid : Verdict::declared;
        return step;
    }

    SchemaStep member(const Node& schema) const {
        if (!allows_type(schema, "object")) return {.verdict = Verdict::wrong_type};
        const Node* properties = schema.get("properties");
        const bool always = lists(schema.get("required"), name_);
        SchemaStep step{.always = always};
        if (properties != nullptr) {
            for (const Entry& entry : properties->entries) step.names.push_back(entry.key);
            if (const Node* declared = properties->get(name_)) return {Verdict::declared, {declared}, always, {}};
        }
        const Node* patterns = schema.get("patternProperties");
        for (size_t i = 0; patterns != nullptr && i < patterns->entries.size(); ++i) {
            if (RE2::PartialMatch(name_, RE2(patterns->entries[i].key, RE2::Quiet))) {
                return {Verdict::declared, {patterns->entries[i].value}, always, {}};
            }
        }
        const Node* others = schema.get("additionalProperties");
        if (others == nullptr) others = schema.get("unevaluatedProperties");
        if (others != nullptr && others->is_mapping()) return {Verdict::declared, {others}, always, {}};
        if (is_false(others)) {
            step.verdict = Verdict::refused;
        } else if (others == nullptr && (properties != nullptr || patterns != nullptr))
            step.verdict = Verdict::undeclared;
        return step;
    }

    SchemaStep element(const Node& schema) const {
        if (!allows_type(schema, "array")) return {.verdict = Verdict::wrong_type};
        SchemaStep step;
        const Node* first = schema.get("prefixItems");
        for (size_t i = 0; first != nullptr && i < first->items.size(); ++i) step.schemas.push_back(first->items[i]);
        const Node* items = schema.get("items");
        if (items != nullptr && items->is_mapping()) step.schemas.push_back(items);
        if (!step.schemas.empty()) {
            step.verdict = Verdict::declared;
        } else if (is_false(items))
            step.verdict = Verdict::refused;
        return step;
    }

    const OpenApi& api_;
    Question question_;
    std::string name_;
    size_t visits_ = 0;
    unsigned nesting_ = 0;
};

SchemaStep OpenApi::member(std::span<const Node* const> schemas, std::string_view name) const {
    return SchemaWalk(*this, SchemaWalk::Question::member, name).ask(schemas);
}

SchemaStep OpenApi::element(std::span<const Node* const> schemas) const {
    return SchemaWalk(*this, SchemaWalk::Question::element).ask(schemas);
}

SchemaStep OpenApi::children(std::span<const Node* const> schemas) const {
    return SchemaWalk(*this, SchemaWalk::Question::children).ask(schemas);
}

std::vector<const Node*> OpenApi::all_inside(std::span<const Node* const> schemas) const {
    std::vector<const Node*> found;
    std::unordered_set<const Node*> seen;
    for (const Node* schema : schemas) {
        if (seen.insert(schema).second) found.push_back(schema);
    }
    for (size_t i = 0; i < found.size() && found.size() < kMaxInside; ++i) {
        for (const Node* child : children(std::span(&found[i], 1)).schemas) {
            if (seen.insert(child).second) found.push_back(child);
        }
    }
    return found;
}

std::vector<std::string_view> OpenApi::required(std::span<const Node* const> schemas) const {
    std::vector<std::string_view> names;
    // What is required by one of several is required by none.
    std::vector<const Node*> together;
    if (schemas.size() == 1) together.push_back(schemas.front());
    for (size_t i = 0; i < together.size() && together.size() < kMaxInside; ++i) {
        const Node& schema = *together[i];
        const auto add = [&](const Node* part) {
            if (part != nullptr && std::ranges::find(together, part) == together.end()) together.push_back(part);
        };
        if (const Node* listed = schema.get("required")) {
            for (const Node* name : listed->items) {
                if (std::ranges::find(names, name->text) == names.end()) names.push_back(name->text);
            }
        }
        if (const Node* reference = schema.get("$ref")) add(target(reference->text));
        if (const Node* all = schema.get("allOf")) {
            for (const Node* part : all->items) add(part);
        }
    }
    return names;
}

}  // namespace portico::config
