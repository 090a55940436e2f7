// A compiled JSONPath evaluated over values. For json/path/path*.cc only.
//
// Depth first: each value that a segment selects goes through the rest of the segments before the next is looked at, which is
// the order of RFC 9535 §2.1.2 and needs no lists between segments. The recursion is as deep as the query has segments and
// nesting, whatever the document: `..` keeps its way down on a stack of its own.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "json/path/path_comparison.h"
#include "json/path/path_effort.h"
#include "json/path/path_program.h"

namespace portico::json::detail {

// The value of a singular query below `from`. Adds what it cost to `steps`.
Value find_singular(const PathQuery& query, Value from, uint64_t& steps);

// One evaluation; belongs to one thread. `program`, `roots` and `bounds` outlive it.
class PathEvaluation {
  public:
    PathEvaluation(const PathProgram& program, std::span<const Value> roots, const PathBounds& bounds)
        : program_(program), roots_(roots), effort_(bounds) {}

    // Appends what the query selects. @returns whether it came to its end
    bool select_all(std::vector<Value>& nodes);
    // Whether it selects anything.
    bool selects_any();
    // Whether `current` passes a filter of the program. Meaningless where the evaluation ended.
    bool satisfies(const PathExpression& filter, Value current) { return effort_.spend(1) && is_true(filter, current); }
    // Whether the program's condition holds; meaningless where it ended early.
    bool condition_holds() { return is_true(*program_.condition, Value()); }
    // In steps; all of them where it ended early.
    uint64_t spent() const { return effort_.spent(); }
    // Why it ended early.
    std::optional<PathStop> stop() const { return effort_.stop(); }

  private:
    // Where selected values go: a list, or none where they are only counted.
    struct Sink {
        std::vector<Value>* nodes = nullptr;
        size_t enough = SIZE_MAX;  // ends there
        size_t count = 0;
        Value first{};
    };
    // Room for the digits of a number that a function counts.
    using Digits = std::array<char, 20>;
    struct CachedRegex {
        std::string expression;
        std::unique_ptr<PathRegex> regex;  // none: it is no I-Regexp
        bool used = false;
    };
    struct Level {
        Children::Iterator at;
        Children::Iterator end;
    };

    // These give false where nothing further is to be selected: there is enough, or the evaluation ended.
    bool take(Value node, Sink& sink);
    bool run(const PathQuery& query, Value current, Sink& sink);
    bool select(const PathQuery& query, size_t segment, Value node, Sink& sink);
    bool descend(const PathQuery& query, size_t segment, Value node, Sink& sink);
    bool apply(const PathQuery& query, size_t segment, Value node, Sink& sink);
    bool apply_one(const PathSelector& selector, const PathQuery& query, size_t next, Value node, Sink& sink);
    bool apply_slice(const PathSelector& selector, const PathQuery& query, size_t next, Value array, Sink& sink);
    bool apply_filter(const PathSelector& selector, const PathQuery& query, size_t next, Value node, Sink& sink);

    Value start_of(const PathQuery& query, Value current) const {
        return query.root == PathQuery::kCurrent ? current : roots_[query.root];
    }
    // Meaningless where the evaluation ended.
    bool is_true(const PathExpression& expression, Value current);
    bool compares(const PathExpression& expression, Value current);
    bool regex_matches(const PathExpression& expression, Value current);
    Comparable value_of(const PathOperand& operand, Value current, Digits& digits);
    Value singular_value(const PathQuery& query, Value current);
    const PathRegex* regex_of(std::string_view expression);

    const PathProgram& program_;
    std::span<const Value> roots_;
    PathEffort effort_;
    std::vector<Level> levels_;  // of all `..` at work
    std::array<CachedRegex, 4> regexes_;
    size_t next_regex_ = 0;
};

}  // namespace portico::json::detail
