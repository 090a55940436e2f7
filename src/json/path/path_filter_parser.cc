// The parser's half for filters: logical expressions, comparisons, literals (RFC 9535 §2.3.5).
#include "json/path/path_parser.h"
#include "json/writer.h"

namespace portico::json::detail {
namespace {

std::optional<PathComparison> take_comparison(PathScanner& scanner) {
    if (scanner.take("==")) return PathComparison::equal;
    if (scanner.take("!=")) return PathComparison::not_equal;
    if (scanner.take("<=")) return PathComparison::less_or_equal;
    if (scanner.take(">=")) return PathComparison::greater_or_equal;
    if (scanner.take("<")) return PathComparison::less;
    if (scanner.take(">")) return PathComparison::greater;
    return std::nullopt;
}

// Puts `first` and what follows under one `kind`.
PathExpression& join(PathExpression& expression, PathExpression::Kind kind) {
    if (expression.kind != kind || expression.parts.empty()) {
        PathExpression whole;
        whole.kind = kind;
        whole.parts.push_back(std::move(expression));
        expression = std::move(whole);
    }
    return expression.parts.emplace_back();
}

}  // namespace

bool PathParser::read_either(PathExpression& expression) {
    if (!read_both(expression)) return false;
    while (true) {
        const size_t before = scanner_.at();
        scanner_.skip_blanks();
        if (!scanner_.take("||")) {
            scanner_.go_back(before);
            return true;
        }
        scanner_.skip_blanks();
        if (!read_both(join(expression, PathExpression::Kind::either))) return false;
    }
}

bool PathParser::read_both(PathExpression& expression) {
    if (!read_basic(expression)) return false;
    while (true) {
        const size_t before = scanner_.at();
        scanner_.skip_blanks();
        if (!scanner_.take("&&")) {
            scanner_.go_back(before);
            return true;
        }
        scanner_.skip_blanks();
        if (!read_basic(join(expression, PathExpression::Kind::both))) return false;
    }
}

bool PathParser::read_basic(PathExpression& expression) {
    if (scanner_.take("!")) return read_negation(expression);
    if (scanner_.peek() == '(') return read_group(expression);
    Term term;
    return read_term(term) && read_comparison(expression, std::move(term));
}

bool PathParser::read_group(PathExpression& expression) {
    Level level(*this);
    if (!level.fits()) return false;
    scanner_.take("(");
    scanner_.skip_blanks();
    if (!read_either(expression)) return false;
    scanner_.skip_blanks();
    return scanner_.take(")") || scanner_.expected(")");
}

bool PathParser::read_negation(PathExpression& expression) {
    scanner_.skip_blanks();
    expression.kind = PathExpression::Kind::negation;
    PathExpression& part = expression.parts.emplace_back();
    if (scanner_.peek() == '(') return read_group(part);
    if (scanner_.peek() == '!') return scanner_.fail("a second ! needs parentheses: !(!…)");
    Term term;
    if (!read_term(term) || !become_test(part, std::move(term))) return false;
    const size_t before = scanner_.at();
    scanner_.skip_blanks();
    const size_t sign = scanner_.at();
    if (take_comparison(scanner_)) return scanner_.fail_at(sign, "! before a comparison needs parentheses: !(… == …)");
    scanner_.go_back(before);
    return true;
}

// What follows a term: a comparison, or nothing, which makes it a test.
bool PathParser::read_comparison(PathExpression& expression, Term left) {
    const size_t before = scanner_.at();
    scanner_.skip_blanks();
    const auto comparison = take_comparison(scanner_);
    if (!comparison) {
        if (scanner_.peek() == '=') return scanner_.fail("equality is written ==");
        scanner_.go_back(before);
        return become_test(expression, std::move(left));
    }
    expression.kind = PathExpression::Kind::comparison;
    expression.comparison = *comparison;
    if (!become_value(expression.left, std::move(left), "a comparison")) return false;
    scanner_.skip_blanks();
    Term right;
    return read_term(right) && become_value(expression.right, std::move(right), "a comparison");
}

bool PathParser::become_test(PathExpression& expression, Term term) {
    switch (term.kind) {
        case Term::Kind::literal:
            return scanner_.fail_at(term.offset, "a literal alone is no condition: compare it with something");
        case Term::Kind::value_function:
            return scanner_.fail_at(term.offset,
                                    std::string(term.name) + "() gives a value: compare it with something");
        case Term::Kind::query:
            expression.kind = PathExpression::Kind::existence;
            expression.query = std::move(term.operand.query);
            return true;
        case Term::Kind::test_function: expression = std::move(term.expression); return true;
    }
    return false;
}

bool PathParser::become_value(PathOperand& operand, Term term, std::string_view where) {
    if (term.kind == Term::Kind::test_function) {
        return scanner_.fail_at(term.offset, std::string(term.name) + "() is true or false already: it is no value for " +
                                                 std::string(where));
    }
    if (term.kind == Term::Kind::query && !term.operand.query->singular) {
        return scanner_.fail_at(term.offset, std::string(where) +
                                                 " takes one value, and this query may select several: name one, or write value(…)");
    }
    operand = std::move(term.operand);
    return true;
}

bool PathParser::read_term(Term& term) {
    term.offset = scanner_.at();
    const char c = scanner_.peek();
    if (c == '$' || c == '@') {
        term.kind = Term::Kind::query;
        term.operand.kind = PathOperand::Kind::query;
        term.operand.query = std::make_unique<PathQuery>();
        return read_query(*term.operand.query);
    }
    if (c == '\'' || c == '"') return read_literal_string(term);
    if (c == '-' || (c >= '0' && c <= '9')) return read_literal_number(term);
    return read_worded(term);
}

bool PathParser::read_literal_string(Term& term) {
    std::string decoded;
    if (!scanner_.read_string(decoded)) return false;
    std::string text;
    append_string(text, decoded);
    term.operand.literal = Document::parse(text).value_or(Document());
    return true;
}

bool PathParser::read_literal_number(Term& term) {
    std::string_view number;
    if (!scanner_.read_number(number)) return false;
    term.operand.literal = Document::parse(number).value_or(Document());
    return true;
}

// A function or `true`, `false`, `null`.
bool PathParser::read_worded(Term& term) {
    term.name = scanner_.take_word();
    if (scanner_.peek() == '(' && !term.name.empty()) return read_function(term);
    if (term.name == "true" || term.name == "false" || term.name == "null") {
        term.operand.literal = Document::parse(term.name).value_or(Document());
        return true;
    }
    if (!term.name.empty()) {
        return scanner_.fail_at(term.offset, "expected a query, a literal or a function here (text stands in quotes)");
    }
    return scanner_.expected("a query that begins with @ or $, a literal or a function");
}

}  // namespace portico::json::detail
