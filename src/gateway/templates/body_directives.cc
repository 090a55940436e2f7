// The directives of body templates: for_each, get, literal (LANGUAGE.md §4).
#include <algorithm>

#include "base/text.h"
#include "config/read.h"
#include "config/scalar.h"
#include "gateway/templates/body_changes.h"
#include "gateway/templates/body_compiler.h"
#include "gateway/templates/document_paths.h"

namespace portico::gateway {
namespace {

using json::Shape;
using json::ShapePtr;

bool is_path(const config::Node& node) {
    return node.kind == config::NodeKind::string && node.as_template.empty() && !node.substituted && node.text.starts_with('$') && !node.text.starts_with("$$");
}

}  // namespace

// A variable, as long as what it is known in is compiled.
class BodyCompiler::Variable {
  public:
    Variable(BodyCompiler& compiler, std::string name, std::string origin) : compiler_(compiler) {
        compiler_.names_.push_back(std::move(name));
        compiler_.origins_.push_back(std::move(origin));
    }
    ~Variable() {
        compiler_.names_.pop_back();
        compiler_.origins_.pop_back();
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    BodyCompiler& compiler_;
};

ShapePtr BodyCompiler::directive(const Scope& scope, const Node& node, std::string_view word) {
    if (word == "literal") return literal(scope, node);
    return word == "get" ? get(scope, node) : for_each(scope, node);
}

bool BodyCompiler::known_keys(const Scope& scope, const Node& node, std::string_view word, std::initializer_list<std::string_view> keys) {
    bool good = true;
    for (const config::Entry& e : node.entries) {
        if (std::ranges::find(keys, e.key) != keys.end()) continue;
        good = false;
        const std::string_view near = nearest(e.key, keys.begin(), keys.size());
        std::string hint = "did you mean \"" + std::string(near) + "\"?";
        if (near.empty()) hint = "{ literal: { … } } makes data of a mapping that has a key \"" + std::string(word) + "\"";
        scope.error(e.key_mark, "unknown-key", "a mapping with \"" + std::string(word) + "\" is a directive, which knows no key \"" + e.key + "\"",
                    std::move(hint));
    }
    return good;
}

std::optional<json::BoundPath> BodyCompiler::path_of(const Scope& scope, const Node& node, std::string_view what, bool required) {
    if (is_path(node)) return read(scope, text_of(node), required);
    std::string hint;
    if (node.kind == config::NodeKind::string && !node.text.empty() && config::is_variable_name(node.text)) hint = "did you mean $." + node.text + "?";
    scope.expected(node, what, std::move(hint));
    return std::nullopt;
}

std::optional<json::BoundPath> BodyCompiler::one_value(const Scope& scope, const Node& node, std::string_view what) {
    auto path = path_of(scope, node, what);
    if (!path || path->is_singular()) return path;
    scope.error(node.mark, "bad-key-path", path->text() + " may select several values, and one is compared", "name one, such as " + first_of(path->text()));
    return std::nullopt;
}

std::optional<std::string> BodyCompiler::variable_of(const Scope& scope, const Node& node) {
    const Node* as = node.get("as");
    if (as == nullptr) return "item";
    const Scope at(scope, "as");
    if (as->kind != config::NodeKind::string || !config::is_variable_name(as->text)) {
        std::string hint;
        if (as->text.starts_with('$')) hint = "without the dollar here: it is written when the variable is read";
        at.expected(*as, "a variable's name, such as order", std::move(hint));
        return std::nullopt;
    }
    return as->text;
}

ShapePtr BodyCompiler::for_each(const Scope& scope, const Node& node) {
    bool good = known_keys(scope, node, "for_each", {"for_each", "as", "where", "sort_by", "distinct", "limit", "item"});
    auto source = path_of(Scope(scope, "for_each"), *node.get("for_each"), "a JSONPath such as $.orders[*]");
    auto name = variable_of(scope, node);
    if (name && std::ranges::find(names_, *name) != names_.end()) {
        const Node* as = node.get("as");
        const bool variable = std::ranges::find(names_.begin() + static_cast<long>(documents_), names_.end(), *name) != names_.end();
        scope.error(as != nullptr ? as->mark : node.find("for_each")->key_mark, "variable-twice",
                    "$" + *name + " is " + (variable ? "a variable of the for_each around this one" : "a call") + " already", "as: names another");
        good = false;
    }
    if (node.get("item") == nullptr) {
        scope.error(node.mark, "missing-key", "for_each needs the key \"item\": what is made of each value");
        good = false;
    }
    if (!source || !name || !good) return nullptr;
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::loop;
    const std::string origin = source->shown_each();
    shape->loop = std::make_unique<json::LoopShape>(json::LoopShape{.source = *std::move(source)});
    shape->loop->place = static_cast<uint32_t>(names_.size());
    const Variable variable(*this, *std::move(name), origin);
    good = refine(scope, node, *shape->loop);
    shape->loop->item = value(Scope(scope, "item"), *node.get("item"));
    return good && shape->loop->item != nullptr ? std::move(shape) : nullptr;
}

bool BodyCompiler::refine(const Scope& scope, const Node& node, json::LoopShape& loop) {
    bool good = true;
    if (const Node* where = node.get("where")) {
        const Scope at(scope, "where");
        const auto text = config::read_text(at, *where, "a condition such as $item.total > 10", config::Braces::notation);
        loop.where = text ? read_condition(at, *text, place_) : std::nullopt;
        good &= loop.where.has_value();
        for (size_t i = 0; loop.where && i < loop.where->shown().size(); ++i) findings_.reads.push_back({loop.where->shown()[i], where->mark});
        for (const uint32_t place : loop.where ? loop.where->places() : std::span<const uint32_t>()) {
            if (place < documents_) findings_.roots_read[place] = true;
        }
    }
    if (const Node* sort = node.get("sort_by")) good &= sort_keys(Scope(scope, "sort_by"), *sort, loop);
    if (const Node* distinct = node.get("distinct")) {
        loop.distinct = one_value(Scope(scope, "distinct"), *distinct, "a JSONPath such as $item.id");
        good &= loop.distinct.has_value();
    }
    if (const Node* limit = node.get("limit")) {
        const auto n = config::read_integer(Scope(scope, "limit"), *limit, 0, INT64_MAX);
        good &= n.has_value();
        if (n) loop.limit = static_cast<uint64_t>(*n);
    }
    return good;
}

bool BodyCompiler::sort_keys(const Scope& scope, const Node& node, json::LoopShape& loop) {
    if (!node.is_sequence()) return sort_key(scope, node, loop);
    bool good = true;
    for (size_t i = 0; i < node.items.size(); ++i) good &= sort_key(Scope(scope, i), *node.items[i], loop);
    return good;
}

bool BodyCompiler::sort_key(const Scope& scope, const Node& node, json::LoopShape& loop) {
    const Node* by = &node;
    bool descending = false;
    if (node.is_mapping()) {
        if (!known_keys(scope, node, "sort_by", {"by", "order"})) return false;
        by = node.get("by");
        if (by == nullptr) {
            scope.error(node.mark, "missing-key", "sort_by needs the key \"by\", such as { by: $item.total, order: desc }");
            return false;
        }
        if (const Node* order = node.get("order")) {
            if (order->text != "asc" && order->text != "desc") {
                Scope(scope, "order").expected(*order, "asc or desc");
                return false;
            }
            descending = order->text == "desc";
        }
    }
    auto path = one_value(scope, *by, "a JSONPath such as $item.total, or { by: $item.total, order: desc }");
    if (!path) return false;
    loop.sort_by.push_back({*std::move(path), descending});
    return true;
}

bool BodyCompiler::flag(const Scope& scope, const Node& node, std::string_view key, bool& into) {
    const Node* value = node.get(key);
    if (value == nullptr) return true;
    const auto read = config::read_bool(Scope(scope, key), *value);
    into = read.value_or(false);
    return read.has_value();
}

bool BodyCompiler::get_source(const Scope& scope, const Node& node, json::GetShape& get) {
    get.name = "\"" + node.text + "\"";
    if (is_path(node)) {
        get.source = read(scope, text_of(node), get.required);
        if (get.source) get.name = get.source->shown();
        return get.source.has_value();
    }
    if (node.kind == config::NodeKind::string) {
        const auto text = add_text(scope, node);
        if (!text) return false;
        get.text = *text;
        get.fault = blame_of(findings_.texts[*text].text);
        return true;
    }
    scope.expected(node, "a JSONPath such as $.total, or a text with a value, such as \"{query.page}\"");
    return false;
}

ShapePtr BodyCompiler::get(const Scope& scope, const Node& node) {
    if (!known_keys(scope, node, "get", {"get", "default", "required", "omit_null", "apply", "date", "map", "cast"})) return nullptr;
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::get;
    shape->get = std::make_unique<json::GetShape>();
    json::GetShape& get = *shape->get;
    bool good = flag(scope, node, "required", get.required);
    good &= flag(scope, node, "omit_null", get.omit_null);
    good &= get_source(Scope(scope, "get"), *node.get("get"), get);
    good &= read_changes(scope, node, get.changes);
    if (const Node* fallback = node.get("default")) {
        if (get.required) {
            scope.error(node.find("default")->key_mark, "bad-get", "a value that is required needs no default: one of the two");
            good = false;
        }
        get.fallback = value(Scope(scope, "default"), *fallback);
        good &= get.fallback != nullptr;
    }
    return good ? std::move(shape) : nullptr;
}

}  // namespace portico::gateway
