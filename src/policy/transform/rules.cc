#include "policy/transform/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "base/meter.h"
#include "base/text.h"
#include "base/utf8.h"
#include "gateway/managed_headers.h"
#include "gateway/subjects.h"
#include "gateway/templates/field_value.h"

namespace portico::policy::transform {
namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

bool any_reads(const std::vector<Named>& rows, size_t root) {
    return std::ranges::any_of(rows, [&](const Named& n) { return n.value.reads(root); });
}

// The place behind a class that begins at `at`, such as `[^][:alpha:]\]]`; npos where it does not end.
size_t behind_class(std::string_view pattern, size_t at) {
    ++at;
    if (at < pattern.size() && pattern[at] == '^') ++at;
    if (at < pattern.size() && pattern[at] == ']') ++at;  // the first one is a member
    while (at < pattern.size() && pattern[at] != ']') {
        if (pattern[at] == '\\') {
            at += 2;
        } else if (pattern.substr(at).starts_with("[:")) {
            at = pattern.find(":]", at + 2);
            if (at == std::string_view::npos) return at;
            at += 2;
        } else {
            ++at;
        }
    }
    return at < pattern.size() ? at + 1 : std::string_view::npos;
}

// What a match becomes, in RE2's notation: a `\` of a value is doubled, so that no value names a group. No value is no text.
Result<std::string_view> rewrite_text(const Replacement& by, const gateway::Values& values, gateway::ValuePlace place, std::string_view what, Arena& arena) {
    if (by.with.is_literal()) return by.with.literal_text();
    std::string text;
    for (const gateway::TemplatePart& part : by.with.parts()) {
        if (part.source == gateway::Source::literal) {
            text += part.text;
            continue;
        }
        auto value = gateway::value_text(gateway::Template({part}), values, place, what, arena);
        if (!value) return fail(std::move(value).error());
        for (const char c : value->value_or(std::string_view{})) text.append(c == '\\' ? 2 : 1, c);
    }
    return arena.copy(text);
}

// Whether looking for a match may go on behind its end, to the text's: `<[^>]*>|<` at each of `<<<<`. Where nothing stands behind the first
// repetition, as in `,\s*`, the byte that is not part of it ends the search. In doubt it may.
bool may_run_on(const re2::RE2& pattern) {
    const std::string_view text = pattern.pattern();
    bool repeats = false;
    for (size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '|' || (repeats && c != ')' && c != '?')) return true;
        if (c == '[') {
            i = behind_class(text, i);
            if (i == std::string_view::npos) return true;
        } else if (c == '{') {
            const size_t end = text.find_first_not_of("0123456789,", i + 1);
            if (end == std::string_view::npos || text[end] != '}') return true;  // it counts nothing
            repeats = true;
            i = end + 1;
        } else if (c == '\\') {
            if (text.substr(i).starts_with("\\Q")) return true;
            i += 2;
        } else {
            repeats |= c == '*' || c == '+';
            ++i;
        }
    }
    return false;
}

// Empty at the text's end.
std::string_view character_at(std::string_view text, size_t at) {
    const std::string_view rest = text.substr(at);
    if (rest.empty() || static_cast<uint8_t>(rest.front()) < 0x80) return rest.substr(0, 1);
    const Utf8Piece piece = utf8_piece(rest);
    return rest.substr(0, piece.well_formed ? piece.size : 1);
}

}  // namespace

bool NameTest::matches(std::string_view candidate, bool fold_case) const {
    // A pattern takes some hundred nanoseconds, and one for each byte.
    if (!Meter::spend(pattern != nullptr ? 10 + candidate.size() / 16 : 1)) return false;
    if (pattern != nullptr) return re2::RE2::FullMatch(piece(candidate), *pattern);
    return fold_case ? iequals(candidate, name) : candidate == name;
}

bool Rules::empty() const {
    return copy.empty() && rename.empty() && replace.empty() && remove.empty() && add.empty() && set.empty() && append.empty();
}

size_t Rules::costly() const {
    return replace.size() + static_cast<size_t>(std::ranges::count_if(remove, [](const NameTest& t) { return t.pattern != nullptr; }));
}

bool Rules::reads(size_t root) const {
    const bool replaces = std::ranges::any_of(replace, [&](const Replacement& r) { return r.with.reads(root); });
    return replaces || any_reads(add, root) || any_reads(set, root) || any_reads(append, root);
}

void Rules::check_place(const gateway::PlaceValues& place, const config::Scope& scope) const {
    for (const Replacement& r : replace) r.with.check_place(place, r.mark, scope);
    for (const auto* rows : {&add, &set, &append}) {
        for (const Named& n : *rows) n.value.check_place(place, n.mark, scope);
    }
}

void Rules::add_reads(gateway::HeaderReads& reads, config::Mark mark, const config::Scope& scope) const {
    const auto is_made = [&](std::string_view name) {
        const auto makes = [&](const Pair& p) { return http::is_same_name(p.to, name); };
        return std::ranges::any_of(copy, makes) || std::ranges::any_of(rename, makes);
    };
    const auto note = [&](const std::string& name, config::Mark at) {
        if (!is_made(name)) reads.add(name, at, scope.path());
    };
    for (const auto* pairs : {&copy, &rename}) {
        for (const Pair& p : *pairs) note(p.from, mark);
    }
    for (const Replacement& r : replace) note(r.name, r.mark);
}

void Rules::warn_of_subjects(const config::Scope& scope) const {
    for (const auto* rows : {&add, &set, &append}) {
        for (const Named& n : *rows) {
            if (gateway::is_subject(n.value)) gateway::warn_of_shared_subject(scope, n.mark, "the header " + n.name);
        }
    }
}

namespace {

Result<RenderedValue> rendered(const Named& row, const gateway::Values& values, gateway::ValuePlace place, std::string_view kind, Arena& arena) {
    if (place != gateway::ValuePlace::header || !row.value.is_response_field()) {
        auto value = gateway::value_text(row.value, values, place, std::string(kind) + " " + row.name, arena);
        if (!value) return fail(std::move(value).error());
        return RenderedValue{*value};
    }
    auto lines = gateway::response_lines(row.name, row.value, values, arena);
    if (!lines) return fail(std::move(lines).error());
    if (lines->empty()) return RenderedValue{};
    return RenderedValue{lines->front(), {lines->begin() + 1, lines->end()}};
}

}  // namespace

Result<Rendered> render(const Rules& rules, const gateway::Values& values, gateway::ValuePlace place, std::string_view kind, Arena& arena) {
    Rendered all;
    all.reserve(rules.replace.size() + rules.add.size() + rules.set.size() + rules.append.size());
    for (const Replacement& r : rules.replace) {
        auto text = rewrite_text(r, values, place, std::string(kind) + " " + r.name, arena);
        if (!text) return fail(std::move(text).error());
        all.push_back({*text});
    }
    for (const auto* rows : {&rules.add, &rules.set, &rules.append}) {
        for (const Named& n : *rows) {
            auto value = rendered(n, values, place, kind, arena);
            if (!value) return fail(std::move(value).error());
            all.push_back(std::move(*value));
        }
    }
    return all;
}

bool MatchingBound::spend(size_t bytes) {
    // A byte takes two nanoseconds, and a match some hundred.
    if (bytes > left_ || !Meter::spend(10 + bytes / 4)) return false;
    left_ -= bytes;
    return true;
}

std::optional<std::string_view> replaced(const re2::RE2& pattern, std::string_view with, std::string_view text, MatchingBound& bound, Arena& arena) {
    std::array<re2::StringPiece, 10> groups;  // the match and \1 to \9
    const int wanted = 1 + re2::RE2::MaxSubmatch(piece(with));
    const bool runs_on = may_run_on(pattern);
    std::string made;
    size_t at = 0;                        // the text before it is done with
    size_t end = std::string_view::npos;  // of the last match
    bool any = false;
    while (at <= text.size()) {
        const bool found = pattern.Match(piece(text), at, text.size(), re2::RE2::UNANCHORED, groups.data(), wanted);
        const size_t begin = found ? static_cast<size_t>(groups[0].data() - text.data()) : text.size();
        // One without repetition looks no further than it is long.
        const size_t looked_at = runs_on ? text.size() - at : begin - at + pattern.pattern().size();
        if (!bound.spend(looked_at)) return std::nullopt;
        if (!found) break;
        made += text.substr(at, begin - at);
        if (begin == end && groups[0].empty()) {
            // Not where the last one ended: it goes on behind the next character.
            const std::string_view next = character_at(text, begin);
            made += next;
            at = begin + std::max<size_t>(next.size(), 1);
            continue;
        }
        pattern.Rewrite(&made, piece(with), groups.data(), wanted);
        at = end = begin + groups[0].size();
        any = true;
        if (made.size() > gateway::kMostFieldValue) return std::nullopt;
    }
    if (!any) return text;
    if (at < text.size()) made += text.substr(at);
    return arena.copy(made);
}

}  // namespace portico::policy::transform
