#include "config/schema.h"

#include "base/text.h"

namespace portico::config {
namespace {

std::string found_text(const Node& n) {
    switch (n.kind) {
        case NodeKind::null: return "nothing";
        case NodeKind::boolean:
        case NodeKind::number: return n.raw.empty() ? n.text : n.raw;
        case NodeKind::string: {
            const std::string empty = n.substituted && n.text.empty() ? ", which is empty" : "";
            return "\"" + (n.raw.empty() ? n.text : n.raw) + "\"" + empty;
        }
        case NodeKind::mapping: return "a mapping";
        case NodeKind::sequence: return "a list";
    }
    return "something else";
}

}  // namespace

std::string Scope::path() const {
    std::string before = parent_ == nullptr ? std::string{} : parent_->path();
    if (is_index_) return before + "[" + std::to_string(index_) + "]";
    if (key_.empty()) return before;
    return before.empty() ? std::string(key_) : before + "." + std::string(key_);
}

void Scope::expected(const Node& node, std::string_view what, std::string hint) const {
    if (node.unset) return;
    if (node.substituted && node.text.empty()) hint.clear();
    // `path: {x}` is a mapping to YAML: most likely a template without its quotes.
    if (hint.empty() && node.is_mapping() && node.entries.size() == 1 && node.entries[0].value->kind == NodeKind::null) {
        hint = "put it in quotes: \"{" + node.entries[0].key + "}\"";
    }
    error(node.mark, "wrong-type", "expected " + std::string(what) + ", found " + found_text(node), std::move(hint));
}

// What other gateways, or versions before, call a key.
static std::string_view former_name(std::string_view key) { return key == "headers" ? "send" : std::string_view{}; }

int match_key(const Scope& scope, const Entry& entry, std::string_view object, std::span<const FieldText* const> rows) {
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
    if (!near.empty()) {
        hint = "did you mean \"" + std::string(near) + "\"?";
    } else {
        hint = "it may have:";
        for (const std::string_view k : keys) hint += " " + std::string(k);
    }
    scope.error(entry.key_mark, "unknown-key", "unknown key \"" + entry.key + "\" in " + std::string(object), std::move(hint));
    return -1;
}

}  // namespace portico::config
