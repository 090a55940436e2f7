// JSONPath (RFC 9535): a query compiled once, at load, where everything that can be wrong with it is said, and evaluated over the
// values of json/document.h. Layer 1: it knows documents only, not where they came from.
//
// Beyond the RFC, where the caller allows it, a query may begin at a named root, `$name` (`[A-Za-z_][A-Za-z0-9_]*`): another
// document, or a value of one, that the caller gives at evaluation. RFC 9485 (I-Regexp) is the language of match() and search().
//
// Decided: objects give their members in the order of the text; numbers compare by value, as decimals of any length, never
// as doubles; strings compare by code points; of equal names in one object (which Duplicates::keep lets stand) a name selects
// the last, while `*` and `..` visit each; `[ 'a' ]` with white space inside is a singular query too.
//
// Thread-safe: a Path never changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/document.h"

namespace portico::json {

namespace detail {
struct PathProgram;
struct PathProgramDeleter {
    void operator()(const PathProgram* program) const;
};
}  // namespace detail

struct PathOptions {
    // Whether roots other than `$` may be named.
    bool named_roots = false;
    // A regular expression that stands in the query and is no I-Regexp: the RFC lets it match nothing (§2.4.6), which helps
    // nobody who reads a file of configuration, so that without this it is an error.
    bool lenient_regex = false;
};

struct PathError {
    size_t offset = 0;  // bytes from the start of the query, at most its size
    std::string what;   // such as "expected ] here"
};

// What one evaluation may take.
struct PathBounds {
    size_t max_nodes = 100'000;         // in the result
    uint64_t max_steps = 10'000'000;    // one for each value that is looked at, and one for each 64 bytes compared
    unsigned max_depth = Document::kMaxDepth;  // levels that `..` goes down, and that two values are compared
};

// Why an evaluation ended without a result.
enum class PathStop : uint8_t {
    too_many_nodes, too_many_steps, too_deep,
    regex_too_large,  // one that came from a document and needs more memory than one may have
};
// Such as "it selects too many values".
std::string_view what(PathStop stop);

class Path {
  public:
    static constexpr size_t kMaxSize = 16384;   // bytes of a query
    static constexpr unsigned kMaxNesting = 64;   // parentheses, filters and functions inside each other
    static constexpr unsigned kMaxSegments = 1024;  // in all, those of filters included

    // @spec RFC 9535, whole; RFC 9485
    static std::expected<Path, PathError> compile(std::string_view text, const PathOptions& options = {});

    // Whether it selects at most one value, whatever the document (RFC 9535 §2.3.5.1).
    bool is_singular() const;
    // The name of the root that it begins at, "" for `$`.
    const std::string& root_name() const { return root_names().front(); }
    // Every root that it reads, each once: first the one that it begins at, then those that its filters read. "" is `$`.
    std::span<const std::string> root_names() const;
    // The query in one spelling, for messages: compiles to the same path.
    const std::string& text() const;

    // One segment of a singular query: the member of that name, or the element at that index (from the end where negative).
    struct Step {
        std::string name;
        int64_t index = 0;
        bool named = true;
    };
    // The steps of a singular query, or those that it begins with.
    std::vector<Step> steps() const;
    // Whether it is nothing but steps() and then `[*]`.
    bool ends_in_children() const;

    // The value of a singular query, without any allocation: no value where it selects none.
    // @requires is_singular()
    Value find(Value root) const;

    // Appends what it selects to `nodes`, in the order of RFC 9535 §2.1.2: a value may stand there more than once. `roots` are
    // the values for root_names(), one for one; no value there is a root where nothing is selected. After a failure `nodes` is
    // as it was. Adds the steps that it took to `spent`, where one is given.
    // @requires roots.size() == root_names().size()
    std::expected<void, PathStop> evaluate(std::span<const Value> roots, std::vector<Value>& nodes,
                                           const PathBounds& bounds = {}, uint64_t* spent = nullptr) const;
    // The same for a query that reads one root.
    std::expected<void, PathStop> evaluate(Value root, std::vector<Value>& nodes, const PathBounds& bounds = {}) const {
        return evaluate(std::span(&root, 1), nodes, bounds);
    }
    // Whether it selects anything; ends at the first value found.
    std::expected<bool, PathStop> exists(std::span<const Value> roots, const PathBounds& bounds = {}) const;

    // For what else in json/ walks by queries: edits.
    const detail::PathProgram& program() const { return *program_; }

  private:
    using Program = std::unique_ptr<const detail::PathProgram, detail::PathProgramDeleter>;
    explicit Path(Program program);
    Program program_;
};

// A logical expression of RFC 9535 §2.3.5 by itself, over roots alone: `$.total > 10 && $user.plan == 'gold'`. `@` stands for
// nothing outside of the filters that its queries hold, and is an error there.
class Condition {
  public:
    static std::expected<Condition, PathError> compile(std::string_view text, const PathOptions& options = {});

    // Every root that it reads, each once. "" is `$`.
    std::span<const std::string> root_names() const;
    const std::string& text() const;
    // The queries that it asks of roots, each in its one spelling.
    std::vector<std::string> queries() const;
    // Adds the steps that it took to `spent`, where one is given.
    // @requires roots.size() == root_names().size()
    std::expected<bool, PathStop> holds(std::span<const Value> roots, const PathBounds& bounds = {}, uint64_t* spent = nullptr) const;

  private:
    using Program = std::unique_ptr<const detail::PathProgram, detail::PathProgramDeleter>;
    explicit Condition(Program program);
    Program program_;
};

// The normalized path (RFC 9535 §2.7) that leads from `root` to `node`, such as `$['a'][3]`, for messages. @returns "" where
// `node` is not `root` and not inside it
std::string location_of(Value root, Value node);

}  // namespace portico::json
