#include "policy/transform/rules.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"

namespace portico::policy::transform {
namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

bool any_reads(const std::vector<Named>& rows, size_t root) {
    return std::ranges::any_of(rows, [&](const Named& n) { return n.value.reads(root); });
}

}  // namespace

bool NameTest::matches(std::string_view candidate, bool fold_case) const {
    if (pattern != nullptr) return re2::RE2::FullMatch(piece(candidate), *pattern);
    return fold_case ? iequals(candidate, name) : candidate == name;
}

bool Rules::empty() const {
    return copy.empty() && rename.empty() && replace.empty() && remove.empty() && add.empty() && set.empty() && append.empty();
}

bool Rules::reads(size_t root) const { return any_reads(add, root) || any_reads(set, root) || any_reads(append, root); }

void Rules::check_place(const std::vector<std::string>& parameters, bool identity, const config::Scope& scope) const {
    for (const auto* rows : {&add, &set, &append}) {
        for (const Named& n : *rows) n.value.check_place(parameters, identity, n.mark, scope);
    }
}

Result<Rendered> render(const Rules& rules, const gateway::Values& values, gateway::ValuePlace place, std::string_view kind, Arena& arena) {
    Rendered all;
    all.reserve(rules.add.size() + rules.set.size() + rules.append.size());
    for (const auto* rows : {&rules.add, &rules.set, &rules.append}) {
        for (const Named& n : *rows) {
            auto value = gateway::value_text(n.value, values, place, std::string(kind) + " " + n.name, arena);
            if (!value) return fail(std::move(value).error());
            all.push_back(*value);
        }
    }
    return all;
}

std::string_view replaced(const Replacement& by, std::string_view text, Arena& arena) {
    std::string made(text);
    if (re2::RE2::GlobalReplace(&made, *by.pattern, by.with) == 0) return text;
    return arena.copy(made);
}

}  // namespace portico::policy::transform
