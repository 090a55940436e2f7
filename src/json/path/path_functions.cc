// The evaluation's half for functions (RFC 9535 §2.4.4 to §2.4.8).
#include <algorithm>
#include <charconv>

#include "json/path/path_evaluation.h"
#include "json/path/path_utf8.h"

namespace portico::json::detail {
namespace {

// What compiling a regular expression costs at least, beside its length, and for each instruction that it becomes: half a microsecond,
// so that `([a-z]{0,30}){0,30}` is worth 30,000 steps.
constexpr uint64_t kRegexCost = 1000;
constexpr uint64_t kInstructionCost = 16;
// A text is gone through at 16 bytes a step by an automaton; where that gets too large, slower by the size of the program.
constexpr size_t kBytesAStep = 16;
constexpr size_t kInstructionsAStep = 256;

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
    if (regex == nullptr) {
        if (expression.right.kind == PathOperand::Kind::literal) return false;  // which is no I-Regexp
        const Comparable of = value_of(expression.right, current, digits);
        if (of.kind != Kind::string) return false;
        regex = regex_of(of.text);
        if (regex == nullptr) return false;
    }
    if (!effort_.spend(1 + text.text.size() / kBytesAStep * (1 + regex->size() / kInstructionsAStep))) return false;
    return expression.kind == PathExpression::Kind::match ? regex->matches(text.text) : regex->found_in(text.text);
}

// Of an expression that a document holds. @returns null where it is no I-Regexp or the evaluation ended
const PathRegex* PathEvaluation::regex_of(std::string_view expression) {
    for (const CachedRegex& cached : regexes_) {
        if (cached.used && cached.expression == expression) return cached.regex.get();
    }
    if (!effort_.spend(kRegexCost + expression.size())) return nullptr;
    auto compiled = PathRegex::compile(expression);
    if (!compiled && compiled.error().too_large) {
        effort_.end(PathStop::regex_too_large);
        return nullptr;
    }
    if (compiled && !effort_.spend((*compiled)->size() * kInstructionCost)) return nullptr;
    CachedRegex& place = regexes_[next_regex_];
    next_regex_ = (next_regex_ + 1) % regexes_.size();
    place = {std::string(expression), compiled ? *std::move(compiled) : nullptr, true};
    return place.regex.get();
}

}  // namespace portico::json::detail
