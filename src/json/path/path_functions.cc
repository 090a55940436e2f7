// The evaluation's half for functions (RFC 9535 §2.4.4 to §2.4.8).
#include <algorithm>
#include <charconv>

#include "json/path/path_evaluation.h"
#include "json/path/path_utf8.h"

namespace portico::json::detail {
namespace {

// What compiling a regular expression costs at least, beside its length, and for each class of Unicode's that it names, which is a list of
// hundreds of ranges.
constexpr uint64_t kRegexCost = 1000;
constexpr uint64_t kClassCost = 4000;
uint64_t cost_to_read(std::string_view expression) {
    uint64_t cost = kRegexCost + expression.size();
    for (size_t i = 0; i + 1 < expression.size() && i < PathRegex::kMaxSize; ++i) {
        if (expression[i] == '\\' && (expression[i + 1] == 'p' || expression[i + 1] == 'P')) cost += kClassCost;
    }
    return cost;
}
// And for the instructions that it becomes: each costs some 150 ns, and each beside each other a third of one, so that
// `([a-z]{0,30}){0,30}` is worth 130,000 steps.
uint64_t cost_to_compile(uint64_t instructions) { return instructions * 16 + instructions * instructions / 32; }

// A text is gone through at 16 bytes a step by an automaton; where that gets too large, slower by the size of the program.
constexpr size_t kBytesAStep = 16;
constexpr size_t kInstructionsAStep = 256;
uint64_t cost_to_run(size_t bytes, const PathRegex& regex) { return 1 + bytes / kBytesAStep * (1 + regex.size() / kInstructionsAStep); }
// Who chooses both the expression and the text can make each byte go through all instructions: some 7 ns for each.
// It is done in one go: some 20 ms at most where it is as slow as that, which few are.
constexpr uint64_t kMostToRunOfDocument = 1'500'000;
uint64_t cost_to_run_of_document(size_t bytes, const PathRegex& regex) { return 1 + (1 + bytes) * regex.size() / 4; }

}  // namespace

Comparable PathEvaluation::value_of(const PathOperand& operand, Value current, Digits& digits) {
    const auto counted = [&](size_t n) {
        const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
        return Comparable::counted({digits.data(), static_cast<size_t>(end - digits.data())});
    };
    switch (operand.kind) {
        case PathOperand::Kind::literal: return Comparable(operand.literal.root());
        case PathOperand::Kind::query: return Comparable(singular_value(*operand.query, current));
        case PathOperand::Kind::length: {
            const Comparable of = value_of(*operand.argument, current, digits);
            if (of.kind == Kind::array || of.kind == Kind::object) return counted(of.value.size());
            if (of.kind != Kind::string || !effort_.spend(of.text.size() / 64)) return {};
            return counted(utf8_length(of.text));
        }
        case PathOperand::Kind::count: {
            Sink sink;
            run(*operand.query, current, sink);
            return counted(sink.count);
        }
        case PathOperand::Kind::value: {
            Sink sink{.enough = 2};
            run(*operand.query, current, sink);
            return Comparable(sink.count == 1 ? sink.first : Value());
        }
    }
    return {};
}

bool PathEvaluation::regex_matches(const PathExpression& expression, Value current) {
    Digits digits;
    const Comparable text = value_of(expression.left, current, digits);
    if (text.kind != Kind::string) return false;
    const PathRegex* regex = expression.regex.get();
    const bool of_document = regex == nullptr;
    if (of_document) {
        if (expression.right.kind == PathOperand::Kind::literal) return false;  // which is no I-Regexp
        const Comparable of = value_of(expression.right, current, digits);
        if (of.kind != Kind::string) return false;
        regex = regex_of(of.text);
        if (regex == nullptr) return false;
    }
    const size_t bytes = text.text.size();
    const uint64_t cost = of_document ? cost_to_run_of_document(bytes, *regex) : cost_to_run(bytes, *regex);
    if (of_document && cost > kMostToRunOfDocument) return effort_.end(PathStop::regex_too_large);
    if (!effort_.spend(cost)) return false;
    return expression.kind == PathExpression::Kind::match ? regex->matches(text.text) : regex->found_in(text.text);
}

// Of an expression that a document holds. @returns null where it is no I-Regexp or the evaluation ended
const PathRegex* PathEvaluation::regex_of(std::string_view expression) {
    for (const CachedRegex& cached : regexes_) {
        if (cached.used && cached.expression == expression) return cached.regex.get();
    }
    if (!effort_.spend(cost_to_read(expression))) return nullptr;
    auto compiled = PathRegex::compile(expression, PathRegex::Origin::document);
    if (!compiled && compiled.error().too_large) {
        effort_.end(PathStop::regex_too_large);
        return nullptr;
    }
    if (compiled && !effort_.spend(cost_to_compile((*compiled)->size()))) return nullptr;
    CachedRegex& place = regexes_[next_regex_];
    next_regex_ = (next_regex_ + 1) % regexes_.size();
    place = {std::string(expression), compiled ? *std::move(compiled) : nullptr, true};
    return place.regex.get();
}

}  // namespace portico::json::detail
