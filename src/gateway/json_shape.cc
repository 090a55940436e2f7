#include "gateway/json_shape.h"

#include <algorithm>

#include "json/writer.h"

namespace portico::gateway {
namespace {

using config::Node;
using config::NodeKind;

// RFC 8259 §6.
bool is_json_number(std::string_view s) {
    size_t at = 0;
    const auto digits = [&] {
        const size_t from = at;
        while (at < s.size() && s[at] >= '0' && s[at] <= '9') ++at;
        return at - from;
    };
    if (at < s.size() && s[at] == '-') ++at;
    const size_t whole_at = at;
    const size_t whole = digits();
    if (whole == 0 || (whole > 1 && s[whole_at] == '0')) return false;
    if (at < s.size() && s[at] == '.') {
        ++at;
        if (digits() == 0) return false;
    }
    if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
        ++at;
        if (at < s.size() && (s[at] == '+' || s[at] == '-')) ++at;
        if (digits() == 0) return false;
    }
    return at == s.size();
}

}  // namespace

std::unique_ptr<const JsonShape> JsonShape::compile(const config::Scope& scope, const Node& node, const TemplatePlace& place) {
    auto shape = std::make_unique<JsonShape>();
    switch (node.kind) {
        case NodeKind::null: shape->raw_ = "null"; return shape;
        case NodeKind::boolean: shape->raw_ = node.text[0] == 't' || node.text[0] == 'T' ? "true" : "false"; return shape;
        case NodeKind::number:
            if (!is_json_number(node.text)) {
                scope.error(node.mark, "bad-number", "JSON cannot spell the number " + node.text, "put it in quotes, or write it in decimal");
                return nullptr;
            }
            shape->raw_ = node.text;
            return shape;
        case NodeKind::string: {
            shape->kind_ = Kind::text;
            const size_t before = scope.faults().errors();
            shape->text_ = Template::parse(scope, {node.text, node.mark, true, node.substituted}, place);
            if (scope.faults().errors() != before) return nullptr;
            return shape;
        }
        case NodeKind::sequence: {
            shape->kind_ = Kind::list;
            bool good = true;
            for (size_t i = 0; i < node.items.size(); ++i) {
                shape->items_.push_back(compile(config::Scope(scope, i), *node.items[i], place));
                good &= shape->items_.back() != nullptr;
            }
            if (!good) return nullptr;
            return shape;
        }
        case NodeKind::mapping: break;
    }
    const Node* inside = &node;
    if (const Node* literal = node.get("literal"); literal != nullptr && node.entries.size() == 1 && literal->is_mapping()) {
        inside = literal;
    } else {
        for (const std::string_view word : {"for_each", "get", "literal"}) {
            if (node.find(word) == nullptr) continue;
            scope.error(node.find(word)->key_mark, "directive",
                        "\"" + std::string(word) + "\" is a directive, and there is no document here to apply it to",
                        "{ literal: { … } } writes its keys as they stand");
            return nullptr;
        }
    }
    shape->kind_ = Kind::object;
    bool good = true;
    for (const config::Entry& e : inside->entries) {
        shape->members_.emplace_back(e.key, compile(config::Scope(scope, e.key), *e.value, place));
        good &= shape->members_.back().second != nullptr;
    }
    if (!good) return nullptr;
    return shape;
}

const TemplatePart* JsonShape::compound(const Values& values) const {
    if (kind_ == Kind::text) return text_.compound(values);
    for (const auto& item : items_) {
        if (const TemplatePart* part = item->compound(values)) return part;
    }
    for (const auto& [name, value] : members_) {
        if (const TemplatePart* part = value->compound(values)) return part;
    }
    return nullptr;
}

void JsonShape::render(const Values& values, std::string& out) const {
    switch (kind_) {
        case Kind::raw: out += raw_; return;
        case Kind::text: {
            // A status keeps its type where it stands alone.
            if (text_.is_single() && text_.parts()[0].source == Source::error_status) {
                text_.render(values, out);
                return;
            }
            std::string text;
            text_.render(values, text);
            json::append_string(out, text);
            return;
        }
        case Kind::list: {
            out += '[';
            for (size_t i = 0; i < items_.size(); ++i) {
                if (i > 0) out += ',';
                items_[i]->render(values, out);
            }
            out += ']';
            return;
        }
        case Kind::object: {
            out += '{';
            for (size_t i = 0; i < members_.size(); ++i) {
                if (i > 0) out += ',';
                json::append_string(out, members_[i].first);
                out += ':';
                members_[i].second->render(values, out);
            }
            out += '}';
            return;
        }
    }
}

std::unique_ptr<const ErrorShape> ErrorShape::compile(const config::Scope& scope, const Node& node, TemplatePlace place) {
    auto shape = std::make_unique<ErrorShape>();
    place.error = true;
    const size_t before = scope.faults().errors();
    if (node.is_mapping() || node.is_sequence()) {
        shape->json_ = JsonShape::compile(scope, node, place);
    } else if (node.kind == NodeKind::null) {
        scope.expected(node, "the shape of errors, such as { error: \"{error.title}\" }");
    } else {
        shape->text_ = Template::parse(scope, {node.text, node.mark, true, node.substituted}, place);
    }
    if (scope.faults().errors() != before) return nullptr;
    return shape;
}

std::string ErrorShape::render(const Values& values) const {
    std::string out;
    if (json_ != nullptr) json_->render(values, out);
    else text_.render(values, out);
    return out;
}

}  // namespace portico::gateway
