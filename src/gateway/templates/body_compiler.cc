#include "gateway/templates/body_compiler.h"

#include <algorithm>

#include "base/text.h"
#include "config/read.h"
#include "gateway/templates/document_paths.h"
#include "json/plan/number.h"
#include "json/writer.h"

namespace portico::gateway {
namespace {

using config::NodeKind;
using json::Shape;
using json::ShapePtr;

constexpr std::string_view kDirectives[] = {"for_each", "get", "literal"};

ShapePtr constant(std::string json) {
    auto shape = std::make_unique<Shape>();
    shape->constant = std::move(json);
    return shape;
}

// Data may have any key: but one that is almost `for_each`, beside its words, was hardly meant to be sent to anybody.
void warn_of_misspelt_directive(const config::Scope& scope, const config::Node& node) {
    if (node.find("item") == nullptr && node.find("as") == nullptr) return;
    for (const config::Entry& e : node.entries) {
        if (nearest(e.key, kDirectives, 1).empty()) continue;
        scope.warning(e.key_mark, "misspelt-directive", "\"" + e.key + "\" is sent as it stands, with what is beside it: was \"for_each\" meant?",
                      "{ literal: { … } } says that it was not");
    }
}

}  // namespace

BodyCompiler::BodyCompiler(const TemplatePlace& place) : place_(place) {
    if (place.roots != nullptr) names_ = *place.roots;
    for (const json::RootName& name : root_names(place)) origins_.push_back(name.origin);
    documents_ = names_.size();
    findings_.roots_read.resize(documents_);
    if (place.roots != nullptr) place_.roots = &names_;
    place_.origins = &origins_;
}

ShapePtr BodyCompiler::body(const Scope& scope, const Node& node) {
    const size_t before = scope.faults().errors();
    auto shape = value(scope, node);
    if (scope.faults().errors() != before) return nullptr;
    // A body that is one value must have it.
    if (shape->kind == Shape::Kind::path && shape->path->is_singular()) findings_.reads.back().required = true;
    return shape;
}

ShapePtr BodyCompiler::value(const Scope& scope, const Node& node) {
    switch (node.kind) {
        case NodeKind::null: return constant("null");
        case NodeKind::boolean: return constant(node.text[0] == 't' || node.text[0] == 'T' ? "true" : "false");
        case NodeKind::number: return number(scope, node);
        case NodeKind::string: return string(scope, node);
        case NodeKind::sequence: return list(scope, node);
        case NodeKind::mapping: break;
    }
    for (const std::string_view word : kDirectives) {
        if (node.find(word) != nullptr) return directive(scope, node, word);
    }
    warn_of_misspelt_directive(scope, node);
    return object(scope, node);
}

ShapePtr BodyCompiler::number(const Scope& scope, const Node& node) {
    if (json::is_number(node.text)) return constant(node.text);
    scope.error(node.mark, "bad-number", "JSON cannot spell the number " + node.text, "put it in quotes, or write it in decimal");
    return nullptr;
}

ShapePtr BodyCompiler::string(const Scope& scope, const Node& node) {
    const bool is_path = node.as_template.empty() && !node.substituted && node.text.starts_with('$') && !node.text.starts_with("$$");
    if (is_path) {
        auto path = read(scope, text_of(node), false);
        if (!path) return nullptr;
        auto shape = std::make_unique<Shape>();
        shape->kind = Shape::Kind::path;
        shape->path = std::move(path);
        return shape;
    }
    const auto number = add_text(scope, node);
    if (!number) return nullptr;
    const Template& text = findings_.texts[*number].text;
    if (text.is_literal()) {
        std::string json;
        json::append_string(json, text.literal_text());
        findings_.texts.pop_back();
        return constant(std::move(json));
    }
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::text;
    shape->text = *number;
    // A status keeps its type where it stands alone.
    shape->text_is_json = text.is_single() && (text.parts()[0].source == Source::error_status || text.parts()[0].source == Source::call_status ||
                                                text.parts()[0].source == Source::response_status);
    return shape;
}

ShapePtr BodyCompiler::list(const Scope& scope, const Node& node) {
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::list;
    for (size_t i = 0; i < node.items.size(); ++i) shape->items.push_back(value(Scope(scope, i), *node.items[i]));
    return shape;
}

ShapePtr BodyCompiler::object(const Scope& scope, const Node& node) {
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::object;
    for (const config::Entry& e : node.entries) shape->members.emplace_back(e.key, value(Scope(scope, e.key), *e.value));
    return shape;
}

ShapePtr BodyCompiler::literal(const Scope& scope, const Node& node) {
    if (!known_keys(scope, node, "literal", {"literal"})) return nullptr;
    const Node& inside = *node.get("literal");
    const Scope at(scope, "literal");
    if (inside.is_mapping()) return object(at, inside);
    at.expected(inside, "a mapping whose keys are written as they stand");
    return nullptr;
}

std::optional<json::BoundPath> BodyCompiler::read(const Scope& scope, const config::Text& text, bool required) {
    auto path = read_path(scope, text, place_);
    if (path) note(*path, text.mark, required);
    return path;
}

void BodyCompiler::note(const json::BoundPath& path, config::Mark mark, bool required) {
    findings_.reads.push_back({path.shown(), mark, required});
    for (const uint32_t place : path.places()) {
        if (place < documents_) findings_.roots_read[place] = true;
    }
}

std::optional<uint32_t> BodyCompiler::add_text(const Scope& scope, const Node& node) {
    const size_t before = scope.faults().errors();
    Template text = Template::parse(scope, text_of(node), place_);
    if (scope.faults().errors() != before) return std::nullopt;
    for (const TemplatePart& part : text.parts()) {
        if (part.source == Source::document) note(*part.path, node.mark, false);
    }
    findings_.texts.push_back({std::move(text), node.mark});
    return static_cast<uint32_t>(findings_.texts.size() - 1);
}

}  // namespace portico::gateway
