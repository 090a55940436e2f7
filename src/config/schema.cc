#include "config/schema.h"

#include <algorithm>

#include "base/text.h"
#include "config/scalar.h"

namespace portico::config {
namespace {

std::string found_text(const Node& n) {
    switch (n.kind) {
        case NodeKind::null: return "nothing";
        case NodeKind::boolean:
        case NodeKind::number: return n.raw.empty() ? n.text : n.raw;
        case NodeKind::string: {
            // A word of the language and a short number are no secret.
            const bool tells_nothing = n.variables_alone && (resolve_scalar(n.text) != NodeKind::string && (n.text.size() < 4 || resolve_scalar(n.text) != NodeKind::number));
            const std::string value = n.substituted && n.text.empty() ? ", which is empty" : tells_nothing ? ", which is " + n.text : "";
            return "\"" + (n.raw.empty() ? n.text : n.raw) + "\"" + value;
        }
        case NodeKind::mapping: return "a mapping";
        case NodeKind::sequence: return "a list";
    }
    return "something else";
}

// `$NAME` is a variable to shells. @returns the text with `${NAME}` in its place, nothing where there is none
std::string with_braces(const Node& node) {
    if (node.kind != NodeKind::string || node.substituted) return {};
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    const std::string& text = node.text;
    const size_t dollar = text.find('$');
    if (dollar == std::string::npos) return {};
    const std::string_view behind = std::string_view(text).substr(dollar + 1);
    const std::string_view name = behind.substr(0, std::min(behind.find_first_not_of(kLetters), behind.size()));
    if (!is_variable_name(name)) return {};
    return text.substr(0, dollar) + "${" + std::string(name) + "}" + std::string(behind.substr(name.size()));
}

}  // namespace

std::string Scope::path() const {
    std::string before = parent_ == nullptr ? std::string{} : parent_->path();
    if (is_index_) return before + "[" + std::to_string(index_) + "]";
    if (key_.empty()) return before;
    return before.empty() ? std::string(key_) : before + "." + std::string(key_);
}

void Scope::expected(const Node& node, std::string_view what, std::string hint) const {
    if (node.substituted && node.text.empty()) hint.clear();
    if (const std::string variable = with_braces(node); !variable.empty()) hint = "did you mean " + variable + "?";
    if (hint.empty() && node.kind == NodeKind::null && node.text.empty() && !node.substituted) {
        hint = "nothing is written here: what belongs to a key stands behind it, or on the lines below and indented further";
    }
    // `path: {x}` is a mapping to YAML: most likely a template without its quotes.
    if (hint.empty() && node.is_mapping() && node.entries.size() == 1 && node.entries[0].value->kind == NodeKind::null) {
        hint = "put it in quotes: \"{" + node.entries[0].key + "}\"";
    }
    error(node.mark, "wrong-type", "expected " + std::string(what) + ", found " + found_text(node), std::move(hint));
}

// What other gateways, or versions before, call a key.
static std::string_view former_name(std::string_view key) { return key == "headers" ? "send" : key == "answer" ? "response" : std::string_view{}; }

int match_key(const Scope& scope, const Entry& entry, std::string_view object, std::span<const FieldText* const> rows, const Entry* above) {
    std::vector<std::string_view> keys;
    for (const FieldText* row : rows) {
        if (row->key == entry.key) {
            scope.error(entry.key_mark, "not-yet",
                        "\"" + entry.key + "\" is part of the language, but this version does not have it yet");
            return -1;
        }
        keys.push_back(row->key);
    }
    const bool renamed = std::ranges::find(keys, former_name(entry.key)) != keys.end();
    const std::string_view near = renamed ? former_name(entry.key) : nearest(entry.key, keys.data(), keys.size());
    std::string hint;
    const size_t colon = entry.key.find(':');
    if (colon != std::string::npos && entry.value->kind == NodeKind::null && std::ranges::find(keys, std::string_view(entry.key).substr(0, colon)) != keys.end()) {
        hint = "a colon that ends a key has a space behind it";
    } else if (!near.empty()) {
        hint = "did you mean \"" + std::string(near) + "\"?";
    } else if (above != nullptr) {
        hint = "if it belongs to \"" + above->key + "\", indent it further than that line";
    } else {
        hint = "it may have:";
        for (const std::string_view k : keys) hint += " " + std::string(k);
    }
    scope.error(entry.key_mark, "unknown-key", "unknown key \"" + entry.key + "\" in " + std::string(object), std::move(hint));
    return -1;
}

}  // namespace portico::config
