// The parser's half for functions: which there are, what they take and give (RFC 9535 §2.4). Well-typedness (§2.4.3) is decided
// here: no function of these takes a condition, and none gives nodes.
#include <array>

#include "base/text.h"
#include "json/path/path_parser.h"

namespace portico::json::detail {
namespace {

constexpr std::array<std::string_view, 5> kFunctions = {"length", "count", "match", "search", "value"};

bool takes_two(std::string_view function) {
    return function == "match" || function == "search";
}

}  // namespace

bool PathParser::read_function(Term& term) {
    Level level(*this);
    if (!level.fits()) return false;
    if (std::find(kFunctions.begin(), kFunctions.end(), term.name) == kFunctions.end()) {
        std::string what = "there is no function " + std::string(term.name) + "(): there are length, count, match, search and value";
        const std::string_view near = nearest(term.name, kFunctions.data(), kFunctions.size());
        if (!near.empty()) what += "; did you mean " + std::string(near) + "()?";
        return scanner_.fail_at(term.offset, std::move(what));
    }
    std::vector<Term> arguments;
    if (!read_arguments(term.name, arguments)) return false;
    const size_t wanted = takes_two(term.name) ? 2 : 1;
    if (arguments.size() != wanted) {
        return scanner_.fail_at(term.offset, std::string(term.name) + (wanted == 1 ? "() takes one argument" : "() takes two arguments"));
    }
    term.kind = Term::Kind::value_function;
    if (takes_two(term.name)) return call_regex(term, std::move(arguments[0]), std::move(arguments[1]));
    if (term.name != "length") return call_on_nodes(term, std::move(arguments[0]));
    term.operand.kind = PathOperand::Kind::length;
    term.operand.argument = std::make_unique<PathOperand>();
    return become_value(*term.operand.argument, std::move(arguments[0]), "length()");
}

bool PathParser::read_arguments(std::string_view function, std::vector<Term>& arguments) {
    const auto is_condition = [&] {
        return scanner_.fail(std::string(function) + "() takes " + (takes_two(function) ? "values" : "a value or a query") +
                             ", no condition");
    };
    scanner_.take("(");
    scanner_.skip_blanks();
    if (scanner_.take(")")) return true;
    do {
        scanner_.skip_blanks();
        if (scanner_.peek() == '!' || scanner_.peek() == '(') return is_condition();
        if (!read_term(arguments.emplace_back())) return false;
        scanner_.skip_blanks();
        if (std::string_view("=!<>&|").contains(scanner_.peek())) return is_condition();
    } while (scanner_.take(","));
    return scanner_.take(")") || scanner_.expected(") or ,");
}

// count() and value().
bool PathParser::call_on_nodes(Term& term, Term argument) {
    if (argument.kind != Term::Kind::query) {
        return scanner_.fail_at(argument.offset, std::string(term.name) + "() takes a query");
    }
    term.operand.kind = term.name == "count" ? PathOperand::Kind::count : PathOperand::Kind::value;
    term.operand.query = std::move(argument.operand.query);
    return true;
}

bool PathParser::call_regex(Term& term, Term text, Term regex) {
    const std::string where = std::string(term.name) + "()";
    const size_t regex_offset = regex.offset;
    term.kind = Term::Kind::test_function;
    PathExpression& test = term.expression;
    test.kind = term.name == "match" ? PathExpression::Kind::match : PathExpression::Kind::search;
    if (!become_value(test.left, std::move(text), where) || !become_value(test.right, std::move(regex), where)) return false;
    if (test.right.kind != PathOperand::Kind::literal || !test.right.literal.root().is_string()) return true;

    auto compiled = PathRegex::compile(test.right.literal.root().string());
    if (compiled) {
        test.regex = *std::move(compiled);
        return true;
    }
    const RegexError& error = compiled.error();
    if (error.too_large) return scanner_.fail_at(regex_offset, "this regular expression is too large: " + std::string(error.what));
    if (options_.lenient_regex) return true;
    return scanner_.fail_at(regex_offset, "this is no regular expression of RFC 9485 (I-Regexp): " + std::string(error.what) +
                                              " (byte " + std::to_string(error.offset) + " of it)");
}

}  // namespace portico::json::detail
