// The compiled form of a JSONPath: what the parser makes, the printer writes and the evaluation walks. For json/ and for who
// judges queries by what documents are declared to hold (gateway/contract/contract_path).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "json/document.h"
#include "json/path/path_regex.h"

namespace portico::json::detail {

struct PathExpression;
struct PathQuery;

struct PathSelector {
    enum class Kind : uint8_t { name, wildcard, index, slice, filter };
    Kind kind = Kind::wildcard;
    std::string name;
    std::optional<int64_t> start;  // of a slice; always of an index
    std::optional<int64_t> end;
    std::optional<int64_t> step;
    std::unique_ptr<PathExpression> filter;
};

struct PathSegment {
    bool descendant = false;
    std::vector<PathSelector> selectors;  // at least one
};

struct PathQuery {
    static constexpr uint32_t kCurrent = UINT32_MAX;  // `@`
    uint32_t root = kCurrent;                         // else the place of its name in PathProgram::roots
    bool singular = true;
    std::vector<PathSegment> segments;
};

// What is compared, or given to a function as a value.
struct PathOperand {
    enum class Kind : uint8_t { literal, query, length, count, value };
    Kind kind = Kind::literal;
    Document literal;                       // a scalar
    std::unique_ptr<PathQuery> query;       // singular unless of count and value
    std::unique_ptr<PathOperand> argument;  // of length
};

enum class PathComparison : uint8_t { equal, not_equal, less, less_or_equal, greater, greater_or_equal };

struct PathExpression {
    enum class Kind : uint8_t { either, both, negation, existence, comparison, match, search };
    Kind kind = Kind::existence;
    PathComparison comparison = PathComparison::equal;
    std::vector<PathExpression> parts;  // of either and both two or more, of negation one
    std::unique_ptr<PathQuery> query;   // of existence
    PathOperand left;                   // of comparison, match and search
    PathOperand right;
    std::unique_ptr<PathRegex> regex;   // of match and search where `right` is a literal that is one
};

struct PathProgram {
    PathQuery query;
    std::unique_ptr<PathExpression> condition;  // of a Condition, which has no query
    std::vector<std::string> roots;  // the query's own first
    std::string text;
};

}  // namespace portico::json::detail
