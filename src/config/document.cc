#include "config/document.h"

#include <yaml.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/text_table.h"
#include "config/concealed.h"
#include "config/lines.h"
#include "config/scalar.h"
#include "config/variables.h"
#include "config/yaml_hints.h"

namespace portico::config {

struct Document::Pool {
    std::deque<Node> nodes;
};

Document::Document() : pool_(std::make_unique<Pool>()) {}
Document::~Document() = default;

namespace {

constexpr int kMaxDepth = 64;                  // levels of the tree, with every alias in its place
constexpr size_t kMaxAliases = 100'000;        // and merge keys count as the aliases that they name
constexpr size_t kMaxExpanded = 2'000'000;     // nodes that all aliases of a file stand for together: about 2 s of a load

Mark mark_of(const yaml_mark_t& start, const yaml_mark_t& end) {
    Mark m;
    m.line = static_cast<uint32_t>(start.line + 1);
    m.column = static_cast<uint32_t>(start.column + 1);
    m.end_column = end.line == start.line && end.column > start.column ? static_cast<uint32_t>(end.column + 1) : m.column + 1;
    return m;
}

std::string_view text_of(const yaml_char_t* s) {
    return s == nullptr ? std::string_view{} : std::string_view(reinterpret_cast<const char*>(s));
}

}  // namespace

// Turns libyaml's events into nodes. Stops at the first thing that is not YAML; everything else is gathered.
class Builder {
  public:
    Builder(Document& document, const Environment& environment, FaultList& faults)
        : document_(document), environment_(environment), faults_(faults) {}

    const Node* run() {
        yaml_parser_initialize(&parser_);
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
        const std::string& source = document_.source_;
        yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(source.data()), source.size());
        const Node* root = stream();
        if (has_event_) yaml_event_delete(&event_);
        yaml_parser_delete(&parser_);
        return root;
    }

  private:
    bool next() {
        if (has_event_) yaml_event_delete(&event_);
        has_event_ = false;
        if (!yaml_parser_parse(&parser_, &event_)) {
            syntax_error();
            return false;
        }
        has_event_ = true;
        return true;
    }

    void syntax_error() {
        faults_.set_unread();
        yaml_mark_t at = parser_.problem_mark;
        std::string message = parser_.problem != nullptr ? parser_.problem : "this is not YAML";
        if (parser_.context != nullptr) message = std::string(parser_.context) + ": " + message;
        if (parser_.error == YAML_READER_ERROR) {
            // The reader knows only a byte offset.
            const size_t offset = std::min(parser_.problem_offset, document_.source_.size());
            at.line = lines_of(std::string_view(document_.source_).substr(0, offset)).size() - 1;
            at.column = 0;
            message = "the file is not valid UTF-8 text: " + message;
        }
        Mark mark;
        mark.line = static_cast<uint32_t>(at.line + 1);
        mark.column = static_cast<uint32_t>(at.column + 1);
        mark.end_column = mark.column + 1;
        std::string hint;
        if (message.ends_with("cannot start any token") && line_begins_with_tab(document_.source_, mark.line)) {
            message = "YAML is indented with spaces, and here stands a tab";
            hint = "replace the tab by spaces";
        } else if (message.ends_with("unexpected end of stream")) {
            mark.line = static_cast<uint32_t>(parser_.context_mark.line + 1);
            mark.column = static_cast<uint32_t>(parser_.context_mark.column + 1);
            mark.end_column = mark.column + 1;
            message = "the quote that opens here is never closed";
        } else if (auto better = hint_for_syntax(document_.source_, mark.line, parser_.context_mark.line + 1)) {
            mark = better->mark;
            hint = better->hint;
        } else if (message.starts_with("while parsing a block")) {
            hint = "most likely this line is indented otherwise than those that it belongs to";
        }
        faults_.error(mark, "", "yaml-syntax", message, hint);
    }

    const Node* stream() {
        if (!next() || !next()) return nullptr;  // stream start, then a document or the end
        if (event_.type == YAML_STREAM_END_EVENT) return nullptr;
        if (!next()) return nullptr;
        const Node* root = value(0);
        if (root == nullptr || !next() || !next()) return nullptr;
        if (event_.type != YAML_STREAM_END_EVENT) {
            faults_.error(mark_of(event_.start_mark, event_.end_mark), "", "yaml-documents",
                          "a second document begins here: one file holds one configuration");
        }
        return root;
    }

    Node* fresh(NodeKind kind) {
        Node& node = document_.pool_->nodes.emplace_back();
        node.kind = kind;
        node.mark = mark_of(event_.start_mark, event_.end_mark);
        node.end = mark_of(event_.end_mark, event_.end_mark);
        return &node;
    }

    // The node that begins with the current event, or nullptr after a syntax error.
    const Node* value(int depth) {
        if (depth > kMaxDepth) {
            faults_.error(mark_of(event_.start_mark, event_.end_mark), "", "yaml-depth", "nested too deeply (64 levels at most)");
            return nullptr;
        }
        switch (event_.type) {
            case YAML_SCALAR_EVENT: return scalar();
            case YAML_MAPPING_START_EVENT:
            case YAML_SEQUENCE_START_EVENT: return collection(depth);
            case YAML_ALIAS_EVENT: return alias(depth);
            default: return nullptr;
        }
    }

    // Where YAML makes one text of a key and a secret.
    // @param begin, end  what the text is in the file
    void conceal_behind_word(std::string_view text, bool is_key, bool is_quoted, const Mark& begin, const Mark& end) {
        const size_t secret = secret_behind_word(text, is_key);
        if (secret == std::string_view::npos) return;
        Mark from = begin;
        // Of a text of several lines nobody knows which is which.
        if (begin.line == end.line) from.column += static_cast<uint32_t>(secret) + (is_quoted ? 1 : 0);
        faults_.hide_source(from, end);
    }

    // What YAML takes for a tag, an alias or an anchor may be how a secret begins.
    void conceal_sign() {
        if (below_secret_) faults_.hide_source(mark_of(event_.start_mark, event_.end_mark), mark_of(event_.end_mark, event_.end_mark));
    }

    void refuse_tag(const yaml_char_t* tag) {
        const std::string_view t = text_of(tag);
        if (t.empty() || t == "!" || t == "tag:yaml.org,2002:str") return;
        faults_.error(mark_of(event_.start_mark, event_.end_mark), "", "yaml-tag",
                      "a tag (\"!\") has no meaning here: write the value alone, in quotes where it begins with that sign");
        conceal_sign();
    }

    const Node* scalar() {
        Node* node = fresh(NodeKind::string);
        const auto& s = event_.data.scalar;
        node->text.assign(reinterpret_cast<const char*>(s.value), s.length);
        node->quoted = s.style != YAML_PLAIN_SCALAR_STYLE;
        refuse_tag(s.tag);
        anchor(s.anchor, node);
        conceal_behind_word(node->text, false, node->quoted, node->mark, node->end);
        if (environment_) substitute_variables(*node, environment_, faults_, below_secret_);
        if (!node->quoted && text_of(s.tag).empty()) node->kind = resolve_scalar(node->text);
        return node;
    }

    const Node* collection(int depth) {
        const bool is_mapping = event_.type == YAML_MAPPING_START_EVENT;
        Node* node = fresh(is_mapping ? NodeKind::mapping : NodeKind::sequence);
        open_.push_back(node);
        const Node* whole = is_mapping ? mapping(node, depth) : sequence(node, depth);
        open_.pop_back();
        return whole;
    }

    const Node* sequence(Node* node, int depth) {
        refuse_tag(event_.data.sequence_start.tag);
        anchor(event_.data.sequence_start.anchor, node);
        while (next()) {
            if (event_.type == YAML_SEQUENCE_END_EVENT) return node;
            const Node* item = value(depth + 1);
            if (item == nullptr) return nullptr;
            node->items.push_back(item);
        }
        return nullptr;
    }

    const Node* mapping(Node* node, int depth) {
        node->mark.end_column = node->mark.column + 1;
        refuse_tag(event_.data.mapping_start.tag);
        anchor(event_.data.mapping_start.anchor, node);
        std::vector<const Node*> merges;
        while (next()) {
            if (event_.type == YAML_MAPPING_END_EVENT) {
                merge(*node, merges);
                return node;
            }
            const Mark key_mark = mark_of(event_.start_mark, event_.end_mark);
            if (event_.type != YAML_SCALAR_EVENT) {
                // `? secret : …` is a mapping as a key, of which nothing is read.
                faults_.set_unread();
                faults_.error(key_mark, "", "bad-key", "a key must be plain text",
                              "a text that begins with one of ? { [ * goes into quotes; a key stands before its colon, without a ?");
                return nullptr;
            }
            std::string key(reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length);
            const Mark key_end = mark_of(event_.end_mark, event_.end_mark);
            const bool key_is_quoted = event_.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
            const bool is_merge = key == "<<" && event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
            if (!next()) return nullptr;
            const bool above = std::exchange(below_secret_, below_secret_ || may_hold_secrets(key));
            const Node* v = value(depth + 1);
            below_secret_ = above;
            if (v == nullptr) return nullptr;
            if (v->is_scalar() && names_a_secret(key, v->text)) {
                conceal(faults_, *v);
                faults_.hide(v->text, kInsteadOfSecret);
            }
            if (v->kind == NodeKind::null) conceal_behind_word(key, true, key_is_quoted, key_mark, key_end);
            if (is_merge) {
                add_merge(merges, *v);
                continue;
            }
            const Entry* before = nullptr;
            if (node->entries.size() < 16) before = node->find(key);
            else if (many_.contains({node, key})) before = node->find(key);
            if (before != nullptr) {
                faults_.error(key_mark, "", "duplicate-key",
                              "the key \"" + key + "\" stands twice in one mapping: the other is on line " +
                                  std::to_string(before->key_mark.line),
                              "keep one of the two");
                continue;
            }
            if (node->entries.size() == 15) {
                for (const Entry& e : node->entries) many_.insert({node, e.key});
            }
            if (node->entries.size() >= 15) many_.insert({node, key});
            node->entries.push_back({std::move(key), key_mark, v});
        }
        return nullptr;
    }

    void add_merge(std::vector<const Node*>& merges, const Node& value) {
        if (value.is_mapping()) {
            merges.push_back(&value);
            return;
        }
        bool ok = value.is_sequence();
        for (const Node* item : value.items) {
            if (item->is_mapping()) merges.push_back(item);
            else ok = false;
        }
        if (!ok) faults_.error(value.mark, "", "bad-merge", "\"<<\" takes an alias of a mapping, or a list of them");
    }

    // Own keys first, then those of the earlier mapping.
    static void merge(Node& into, const std::vector<const Node*>& merges) {
        if (merges.empty()) return;
        // Owned texts: the entries move as they become more.
        TextSet keys;
        for (const Entry& e : into.entries) keys.insert(e.key);
        for (const Node* from : merges) {
            for (const Entry& e : from->entries) {
                if (keys.insert(e.key).second) into.entries.push_back(e);
            }
        }
    }

    void anchor(const yaml_char_t* name, const Node* node) {
        if (name == nullptr) return;
        anchors_[std::string(text_of(name))] = node;
        conceal_sign();
    }

    const Node* alias(int depth) {
        const std::string name(text_of(event_.data.alias.anchor));
        const auto found = anchors_.find(name);
        const Mark mark = mark_of(event_.start_mark, event_.end_mark);
        if (found == anchors_.end()) {
            faults_.error(mark, "", "unknown-alias", below_secret_ ? "there is no such anchor above this line" : "there is no anchor &" + name + " above this line",
                          below_secret_ ? "a value that begins with * goes into quotes" : "");
            conceal_sign();
            return nullptr;
        }
        const Node& node = *found->second;
        const std::string anchored = "the anchor &" + name + " of line " + std::to_string(node.mark.line);
        // A tree has no cycles: everything that walks it later relies on that.
        if (std::ranges::find(open_, &node) != open_.end()) {
            faults_.error(mark, "", "alias-cycle", "*" + name + " stands inside of " + anchored + ", so it would contain itself",
                          "close the anchored value before it is used");
            return nullptr;
        }
        // Nodes are shared, never copied: what an alias costs is walked later, and bounded by the whole tree's size.
        const Extent extent = extent_of(node);
        if (depth + extent.height > kMaxDepth) {
            faults_.error(mark, "", "yaml-depth", "nested too deeply with " + anchored + " in this place (64 levels at most)");
            return nullptr;
        }
        expanded_ += extent.nodes;
        if (++aliases_ > kMaxAliases || expanded_ > kMaxExpanded) {
            faults_.error(mark, "", "alias-expansion",
                          "the aliases of this file expand to too much: here it is " + anchored + ", which stands for " +
                              std::to_string(extent.nodes) + " values");
            return nullptr;
        }
        return &node;
    }

    // What stands below a node, itself included, every alias in its place.
    struct Extent {
        size_t nodes = 1;
        int height = 0;  // levels below it
    };

    // @requires that the node's end has been read. Goes down kMaxDepth levels at most: no deeper tree is built.
    Extent extent_of(const Node& node) {
        if (node.is_scalar()) return {};
        if (const auto found = extents_.find(&node); found != extents_.end()) return found->second;
        Extent all;
        const auto add = [&](const Node& child) {
            const Extent one = extent_of(child);
            all.nodes = std::min(all.nodes + one.nodes, kMaxExpanded + 1);
            all.height = std::max(all.height, one.height + 1);
        };
        for (const Entry& e : node.entries) add(*e.value);
        for (const Node* item : node.items) add(*item);
        extents_.emplace(&node, all);
        return all;
    }

    struct KeyOf {
        const Node* node;
        std::string key;
        bool operator==(const KeyOf&) const = default;
    };
    struct KeyHash {
        size_t operator()(const KeyOf& k) const {
            return SeededHash()(k.key) ^ (reinterpret_cast<uintptr_t>(k.node) >> 4);
        }
    };

    Document& document_;
    const Environment& environment_;
    FaultList& faults_;
    yaml_parser_t parser_{};
    yaml_event_t event_{};
    bool has_event_ = false;
    bool below_secret_ = false;  // a key above says that this is a secret
    TextMap<const Node*> anchors_;
    std::vector<const Node*> open_;  // whose end has not been read, outermost first
    std::unordered_map<const Node*, Extent> extents_;
    std::unordered_set<KeyOf, KeyHash> many_;
    size_t aliases_ = 0;
    size_t expanded_ = 0;
};

std::shared_ptr<const Document> Document::parse(std::string source, const Environment& environment, FaultList& faults) {
    std::shared_ptr<Document> document(new Document());
    if (source.starts_with(kByteOrderMark)) source.erase(0, kByteOrderMark.size());
    document->source_ = std::move(source);
    document->root_ = Builder(*document, environment, faults).run();
    if (document->root_ == nullptr && !faults.has_errors()) {
        faults.error({}, "", "empty-file", "the file is empty: a configuration needs at least listeners and routes");
    }
    // The source is kept even where there is no tree: the faults are shown in it.
    return document;
}

}  // namespace portico::config
