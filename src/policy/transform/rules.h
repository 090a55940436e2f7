// What is done to named values: a message's headers, a query's pairs. Seven words, in one order whatever the order of writing:
// copy, rename, replace, remove, add, set, append. Built at load, immutable, used by every worker.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "config/schema.h"
#include "gateway/templates/field_value.h"
#include "gateway/templates/template_string.h"

namespace re2 {
class RE2;
}

namespace portico::policy::transform {

// Which names: one, or those that a regular expression matches whole.
struct NameTest {
    std::string name;
    std::shared_ptr<const re2::RE2> pattern;  // nullptr: that name

    bool matches(std::string_view candidate, bool fold_case) const;
};

struct Named {  // a value that is set
    std::string name;
    gateway::Template value;
    config::Mark mark;
};
struct Pair {
    std::string from, to;
};
struct Replacement {  // in the value: every match of the pattern
    std::string name;
    std::shared_ptr<const re2::RE2> pattern;
    gateway::Template with;  // its literals in RE2's notation: \1
    config::Mark mark{};
};

struct Rules {
    std::vector<Pair> copy, rename;
    std::vector<Replacement> replace;
    std::vector<NameTest> remove;
    std::vector<Named> add, set, append;  // add: only where there is none of that name

    bool empty() const;
    // How many go by a regular expression.
    size_t costly() const;
    bool reads(size_t root) const;
    void check_place(const gateway::PlaceValues& place, const config::Scope& scope) const;
    // Of headers: those that stand in the request when the rules begin, and are copied, renamed or replaced.
    void add_reads(gateway::HeaderReads& reads, config::Mark mark, const config::Scope& scope) const;
    // Of headers, where more than one party may name the same `sub`: those that hold it and nothing else.
    void warn_of_subjects(const config::Scope& scope) const;
};

// The values of replace, add, set and append, in that order, rendered before anything is changed. None: the pair is left out, and what
// had that name goes where it is `set`. Those of `replace` are in RE2's notation, and always there.
struct RenderedValue {
    std::optional<std::string_view> text;
    std::vector<std::string_view> further{};  // lines of a header that is nothing but a header field of the response

    explicit operator bool() const { return text.has_value(); }
    std::string_view operator*() const { return *text; }
};
using Rendered = std::vector<RenderedValue>;
// @param kind such as "the header", for the log
Result<Rendered> render(const Rules& rules, const gateway::Values& values, gateway::ValuePlace place, std::string_view kind, Arena& arena);

// What replacing in one message may look at, in bytes: to find one match, all that follows it may have to be read, and then again for
// the next one. Some milliseconds, which are left in the middle (gateway::Policy::costly_rules).
class MatchingBound {
  public:
    // @returns false: it was more, or nothing more may be spent
    bool spend(size_t bytes);

  private:
    size_t left_ = 4'000'000;
};

// The text with every match replaced, or the text itself. @returns none where that takes more than the bound
// @param with what a match becomes, in RE2's notation
std::optional<std::string_view> replaced(const re2::RE2& pattern, std::string_view with, std::string_view text, MatchingBound& bound, Arena& arena);

}  // namespace portico::policy::transform
