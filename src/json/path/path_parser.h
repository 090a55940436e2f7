// A JSONPath's text taken apart (RFC 9535 §2.1.1, appendix A) into its compiled form. For json/path/path*.cc only.
#pragma once

#include <expected>
#include <string_view>

#include "json/path/path.h"
#include "json/path/path_program.h"
#include "json/path/path_scanner.h"

namespace portico::json::detail {

// Recursive descent; every step gives false once something is wrong, which the scanner then knows.
class PathParser {
  public:
    // @requires `text` is UTF-8
    PathParser(std::string_view text, const PathOptions& options) : scanner_(text), options_(options) {}

    // Without PathProgram::text.
    std::expected<PathProgram, PathError> parse();
    // A logical expression by itself: PathProgram::condition, without a query.
    std::expected<PathProgram, PathError> parse_condition();

  private:
    // What may stand beside a comparison, as an argument, or alone as a test.
    struct Term {
        enum class Kind : uint8_t { literal, query, value_function, test_function };
        Kind kind = Kind::literal;
        size_t offset = 0;
        std::string_view name;      // of a function
        PathOperand operand;        // of a test function nothing
        PathExpression expression;  // of a test function
    };
    // A level of recursion.
    class Level;

    bool read_query(PathQuery& query);
    bool read_root(PathQuery& query);
    bool read_segment(PathSegment& segment);
    bool read_dotted(PathSegment& segment);
    bool read_brackets(PathSegment& segment);
    bool read_selector(PathSelector& selector);
    bool read_index_or_slice(PathSelector& selector);
    uint32_t root_of(std::string_view name);

    bool read_either(PathExpression& expression);
    bool read_both(PathExpression& expression);
    bool read_basic(PathExpression& expression);
    bool read_negation(PathExpression& expression);
    bool read_group(PathExpression& expression);
    bool read_comparison(PathExpression& expression, Term left);
    bool read_term(Term& term);
    bool read_literal_string(Term& term);
    bool read_literal_number(Term& term);
    bool read_worded(Term& term);
    bool become_test(PathExpression& expression, Term term);
    bool become_value(PathOperand& operand, Term term, std::string_view where);

    bool read_function(Term& term);
    bool read_arguments(std::string_view function, std::vector<Term>& arguments);
    bool call_on_nodes(Term& term, Term argument);
    bool call_regex(Term& term, Term text, Term regex);

    PathScanner scanner_;
    PathOptions options_;
    PathProgram program_;
    unsigned nesting_ = 0;
    unsigned filters_ = 0;          // inside each other, here
    bool is_condition_ = false;
    unsigned segments_ = 0;
};

class PathParser::Level {
  public:
    explicit Level(PathParser& parser) : parser_(parser) { ++parser_.nesting_; }
    ~Level() { --parser_.nesting_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    bool fits() {
        if (parser_.nesting_ <= Path::kMaxNesting) return true;
        return parser_.scanner_.fail("too many parentheses, filters and functions stand inside each other");
    }

  private:
    PathParser& parser_;
};

}  // namespace portico::json::detail
