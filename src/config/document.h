// A YAML file as a tree with exact marks: libyaml's events, our own nodes (LANGUAGE.md §1). Duplicate keys are faults,
// merge keys (`<<`) are applied, the expansion of aliases is bounded (nothing contains itself, and 64 levels stand below the
// root at most, aliases included: whoever walks the tree may recurse), a number keeps the text it was written with, and
// `${NAME}` / `${NAME:-text}` in scalar values are replaced from the environment once, after the YAML was read. No schema here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/fault.h"

namespace portico::config {

enum class NodeKind : uint8_t { null, boolean, number, string, mapping, sequence };

struct Node;
struct Entry {
    std::string key;
    Mark key_mark;
    const Node* value = nullptr;
};

struct Node {
    NodeKind kind = NodeKind::null;
    Mark mark;
    Mark end;                     // scalars: the place behind the last character, which may stand on another line
    std::string text;             // scalars: the value (numbers: as written, after substitution)
    bool quoted = false;          // a string that stood in quotes or a block
    bool variables_alone = false; // all of the text came from the environment, or from the variables' defaults
    bool substituted = false;     // some of the text came from the environment: literal text in a template string
    std::string as_template;      // where a variable or `$${` stood: the text in a template's notation, in which these mean nothing more
    std::string raw;              // what the file says, where substituted
    bool unset = false;           // a variable in it could not be replaced: a fault says so, and no other follows from it
    std::vector<Entry> entries;   // mapping, in order of writing, merges applied (own keys first)
    std::vector<const Node*> items;  // sequence

    bool is_mapping() const { return kind == NodeKind::mapping; }
    bool is_sequence() const { return kind == NodeKind::sequence; }
    bool is_scalar() const { return !is_mapping() && !is_sequence(); }
    const Entry* find(std::string_view key) const {
        for (const Entry& e : entries) {
            if (e.key == key) return &e;
        }
        return nullptr;
    }
    const Node* get(std::string_view key) const {
        const Entry* e = find(key);
        return e ? e->value : nullptr;
    }
};

// Looks a variable up; none when it is unset. Without such a function nothing is replaced.
using Environment = std::function<std::optional<std::string>(std::string_view)>;
Environment process_environment();

// What editors may put before a text in UTF-8.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class Document {
  public:
    // Reads `source`, behind a byte order mark. What cannot be read is reported in `faults`; Never @returns nullptr;
    // has_root() tells whether there is a tree.
    static std::shared_ptr<const Document> parse(std::string source, const Environment& environment, FaultList& faults);
    bool has_root() const { return root_ != nullptr; }
    const Node& root() const { return *root_; }
    const std::string& source() const { return source_; }
    ~Document();

  private:
    Document();
    friend class Builder;
    std::string source_;
    const Node* root_ = nullptr;
    struct Pool;
    std::unique_ptr<Pool> pool_;
};

}  // namespace portico::config
