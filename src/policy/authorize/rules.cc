#include "policy/authorize/rules.h"

#include <algorithm>

#include "base/text.h"
#include "gateway/exchange.h"
#include "gateway/subjects.h"
#include "json/same_number.h"

namespace portico::policy::authorize {
namespace {

using json::Value;

enum class Spelling : uint8_t { words, whole };  // a text of several names (RFC 8693 §4.2), or one name

bool has_word(std::string_view words, std::string_view wanted) {
    for (size_t at = 0; at < words.size();) {
        const size_t end = std::min(words.find(' ', at), words.size());
        if (words.substr(at, end - at) == wanted) return true;
        at = end + 1;
    }
    return false;
}

bool holds(Value held, Spelling spelling, std::string_view name) {
    if (held.is_string()) return spelling == Spelling::words ? has_word(held.string(), name) : held.string() == name;
    for (const Value element : held.elements()) {
        if (element.is_string() && element.string() == name) return true;
    }
    return false;
}

// Whether `wanted` stands in the text between any of the characters that somebody may separate names by: what is not separated as
// it should be is read differently by whom the identity is for.
bool may_hold(std::string_view text, std::string_view wanted, bool spaces_separate) {
    const auto separates = [&](char c) {
        if (c == ' ') return spaces_separate;
        constexpr std::string_view kOfNames = "-_.:/*~#@%+=?&!$";
        const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        return !alphanumeric && kOfNames.find(c) == std::string_view::npos;
    };
    for (size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1)) {
        const size_t end = at + wanted.size();
        if ((at == 0 || separates(text[at - 1])) && (end == text.size() || separates(text[end]))) return true;
    }
    return false;
}

// Without the blanks around it, which whom the identity is for may take off.
std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n\v\f";
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// For `none`: a role in a list may have spaces within its name, a scope has none (RFC 6749 §3.3).
bool may_hold(Value held, Spelling spelling, std::string_view name) {
    if (held.is_string()) return may_hold(held.string(), name, true);
    return std::ranges::any_of(held.elements(), [&](Value element) {
        if (!element.is_string()) return false;
        const std::string_view text = element.string();
        return trimmed(text) == name || may_hold(text, name, spelling == Spelling::words);
    });
}

// Whether what is there can be searched for names: if not, nobody knows what it does not hold.
bool is_searchable(Value held) {
    if (!held || held.is_null() || held.is_string()) return true;
    if (!held.is_array()) return false;
    return std::ranges::all_of(held.elements(), [](Value v) { return v.is_string(); });
}

// Whether something stands in the path's way that holds no members: what the claim says, nobody knows.
bool is_blocked(const gateway::ClaimPath& path, const json::Document& claims) {
    Value at = claims.root();
    for (const std::string& name : path.names()) {
        if (!at || at.is_null()) return false;
        if (!at.is_object()) return true;
        at = at.find(name);
    }
    return false;
}

void append(std::string& detail, std::string_view sentence) {
    if (!detail.empty()) detail += ' ';
    detail += sentence;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& n : names) text.append(text.empty() ? "" : ", ").append(n);
    return text;
}

std::string listed(const std::vector<Name>& names) {
    std::string text;
    for (const Name& n : names) text.append(text.empty() ? "" : ", ").append(n.shown());
    return text;
}

// @returns whether more names would help
bool judge_names(const Names& names, Value held, Spelling spelling, const std::string& noun, std::string& detail) {
    const size_t before = detail.size();
    std::vector<std::string> missing;
    for (const Name& n : names.all) {
        if (!holds(held, spelling, n.text)) missing.push_back(n.shown());
    }
    if (missing.size() == 1) append(detail, "The " + noun + " " + missing[0] + " is missing.");
    if (missing.size() > 1) append(detail, "The " + noun + "s " + listed(missing) + " are missing.");
    const auto held_here = [&](const Name& n) { return holds(held, spelling, n.text); };
    if (!names.any.empty() && std::ranges::none_of(names.any, held_here)) {
        append(detail, names.any.size() == 1 ? "The " + noun + " " + names.any[0].shown() + " is missing."
                                             : "One of the " + noun + "s " + listed(names.any) + " is needed.");
    }
    const bool more_would_help = detail.size() != before;
    if (!names.none.empty() && !is_searchable(held)) append(detail, "The " + noun + "s cannot be read.");
    for (const Name& n : names.none) {
        if (may_hold(held, spelling, n.text)) append(detail, "The " + noun + " " + n.shown() + " does not allow this.");
    }
    return more_would_help;
}

bool holds_one_of(Value claim, const std::vector<Scalar>& wanted) {
    return std::ranges::any_of(wanted, [&](const Scalar& s) { return equals(claim, s); });
}

bool condition_holds(const ClaimCondition& c, const json::Document& claims) {
    const Value claim = c.claim.find(claims);
    // In what cannot be looked into nobody knows that it is absent.
    if (c.present == false && is_blocked(c.claim, claims)) return false;
    if (c.present) return (claim && !claim.is_null()) == *c.present;
    if (!claim.is_array()) return holds_one_of(claim, c.values);
    return std::ranges::any_of(claim.elements(), [&](Value element) { return holds_one_of(element, c.values); });
}

// Whether the text is a JSON number, white space around it or not.
bool is_number(std::string_view text) {
    const std::string_view bare = trimmed(text);
    if (bare.empty() || (bare.front() != '-' && (bare.front() < '0' || bare.front() > '9'))) return false;
    const auto document = json::Document::parse(text);
    return document && document->root().kind() == json::Kind::number;
}

// Values that must not be there, and those of them that read as numbers.
struct Unwanted {
    explicit Unwanted(const std::vector<Scalar>& values) : all(values) {
        for (const Scalar& s : values) {
            if (is_number(s.text)) numbers.push_back(trimmed(s.text));
        }
    }
    const std::vector<Scalar>& all;
    std::vector<std::string_view> numbers;
};

// Whether a value reads like one that must not be there though it has another type ("true" for true, "1" for 1), or cannot be read:
// an object or a list in a list, a number that cannot be compared.
bool may_equal(Value value, const Unwanted& unwanted) {
    if (unwanted.all.empty()) return false;
    if (gateway::is_compound(value)) return true;
    if (value.kind() == json::Kind::number && !json::is_comparable(value.source())) return true;
    if (value.is_null() || !value) return false;
    const std::string_view text = value.is_string() ? value.string() : value.source();
    const std::string_view bare = trimmed(text);
    if (std::ranges::any_of(unwanted.all, [&](const Scalar& s) { return bare == s.text; })) return true;
    if (unwanted.numbers.empty() || !is_number(text)) return false;
    return std::ranges::any_of(unwanted.numbers, [&](std::string_view number) { return json::same_number(bare, number); });
}

// Whether a claim may hide, in a form that equals() does not look into, what must not be there.
bool may_hide(const ClaimCondition& c, const json::Document& claims) {
    if (is_blocked(c.claim, claims)) return true;
    const Value claim = c.claim.find(claims);
    if (c.present) return false;
    const Unwanted unwanted(c.values);
    const auto hides = [&](Value value) { return may_equal(value, unwanted); };
    return claim.is_array() ? std::ranges::any_of(claim.elements(), hides) : hides(claim);
}

void judge_claims(const ClaimConditions& conditions, const json::Document& claims, std::string& detail) {
    const auto refuse = [&](const ClaimCondition& c) { append(detail, "The claim " + c.claim.text() + " does not allow this."); };
    const auto met = [&](const ClaimCondition& c) { return condition_holds(c, claims); };
    for (const ClaimCondition& c : conditions.all) {
        if (!met(c)) refuse(c);
    }
    for (const ClaimCondition& c : conditions.none) {
        if (met(c) || may_hide(c, claims)) refuse(c);
    }
    if (conditions.any.empty() || std::ranges::any_of(conditions.any, met)) return;
    if (conditions.any.size() == 1) return refuse(conditions.any[0]);
    std::vector<std::string> names;
    for (const ClaimCondition& c : conditions.any) names.push_back(c.claim.text());
    append(detail, "One of the claims " + listed(names) + " has to allow this.");
}

// Settles templates, and remembers what refuses by itself.
class Settling {
  public:
    Settling(const gateway::Values& values, std::string& unsettled) : values_(values), unsettled_(unsettled) {}

    // @returns none where a part of it has no value, or an empty one
    std::optional<std::string> text(const gateway::Template& made, bool lacking_refuses) {
        std::string out;
        Arena arena;
        for (const gateway::TemplatePart& part : made.parts()) {
            if (part.source == gateway::Source::literal) {
                out += part.text;
                continue;
            }
            const size_t given = values_.times_given(part);
            if (given > 1) {
                append(unsettled_, name_of(part) + " is there twice.");
                return std::nullopt;
            }
            const auto value = values_.is_compound(part) ? std::nullopt : values_.get(part, arena);
            if (!value && given > 0) {
                append(unsettled_, name_of(part) + " is there in another spelling.");
                return std::nullopt;
            }
            if (value && !value->empty()) {
                out += *value;
                continue;
            }
            if (lacking_refuses) append(unsettled_, name_of(part) + " has no value.");
            return std::nullopt;
        }
        return out;
    }
    void names(std::vector<MadeName>& made, std::vector<Name>& into, bool lacking_refuses) {
        for (MadeName& one : made) {
            if (auto settled = text(one.made, lacking_refuses)) into.push_back({std::move(*settled), std::move(one.written)});
        }
        made.clear();
    }
    void names(Names& all) {
        names(all.made_all, all.all, true);
        names(all.made_none, all.none, true);
        // Of several one will do; where none of them has a value, none does.
        const bool asked = !all.made_any.empty();
        names(all.made_any, all.any, false);
        if (asked && all.any.empty()) append(unsettled_, "None of the values that would do is there.");
    }
    void conditions(std::vector<ClaimCondition>& all, bool lacking_refuses) {
        for (ClaimCondition& c : all) {
            std::vector<Scalar> settled;
            for (Scalar& s : c.values) {
                if (!s.made) settled.push_back(std::move(s));
                else if (auto made = text(*s.made, lacking_refuses)) settled.push_back({{json::Kind::string, std::move(*made)}, true, {}});
            }
            c.values = std::move(settled);
        }
    }

  private:
    const gateway::Values& values_;
    std::string& unsettled_;
};

}  // namespace

bool Rules::ask_subject_alone() const {
    const auto asks = [](const std::vector<ClaimCondition>& conditions, std::string_view name) {
        return std::ranges::any_of(conditions, [&](const ClaimCondition& c) { return c.claim.names().size() == 1 && c.claim.names().front() == name && !c.values.empty(); });
    };
    const auto lets_in = [](const Names& n) { return !n.all.empty() || !n.any.empty() || !n.made_all.empty() || !n.made_any.empty(); };
    const bool as_names = (lets_in(roles) && gateway::is_subject(roles_from)) || (lets_in(scopes) && scopes_from && gateway::is_subject(*scopes_from));
    return (as_names || asks(claims.all, "sub") || asks(claims.any, "sub")) && !asks(claims.all, "iss");
}

std::vector<const gateway::Template*> Rules::templates() const {
    std::vector<const gateway::Template*> all;
    for (const Names* names : {&scopes, &roles}) {
        for (const auto* made : {&names->made_all, &names->made_any, &names->made_none}) {
            for (const MadeName& n : *made) all.push_back(&n.made);
        }
    }
    for (const auto* conditions : {&claims.all, &claims.any, &claims.none}) {
        for (const ClaimCondition& c : *conditions) {
            for (const Scalar& s : c.values) {
                if (s.made) all.push_back(&*s.made);
            }
        }
    }
    return all;
}

bool Rules::made() const { return !templates().empty(); }

Rules Rules::settled(const gateway::Values& values) const {
    Rules r = *this;
    Settling settling(values, r.unsettled);
    settling.names(r.scopes);
    settling.names(r.roles);
    settling.conditions(r.claims.all, false);
    settling.conditions(r.claims.any, false);
    settling.conditions(r.claims.none, true);
    return r;
}

bool equals(Value claim, const Scalar& wanted) {
    if (wanted.by_text && (claim.kind() == json::Kind::number || claim.kind() == json::Kind::boolean)) return claim.source() == wanted.text;
    return gateway::equals(claim, wanted);
}

std::optional<Refusal> Rules::judge(const json::Document& claims_of) const {
    Refusal refusal;
    if (!claims_of.root()) {
        refusal.detail = "Sign in first.";
        return refusal;
    }
    refusal.detail = unsettled;
    if (!scopes.empty() && scopes_from) {
        refusal.scope_missing = judge_names(scopes, scopes_from->find(claims_of), Spelling::words, "scope", refusal.detail);
        if (!scopes.none.empty() && is_blocked(*scopes_from, claims_of)) append(refusal.detail, "The scopes cannot be read.");
    } else if (!scopes.empty()) {
        const Value scope = claims_of.root().find("scope");
        const Value scp = claims_of.root().find("scp");
        const bool named = scope && !scope.is_null();
        refusal.scope_missing = judge_names(scopes, named ? scope : scp, Spelling::words, "scope", refusal.detail);
        // What must not be there must be in neither.
        if (named && scp) judge_names(Names{.all = {}, .any = {}, .none = scopes.none, .made_all = {}, .made_any = {}, .made_none = {}}, scp, Spelling::words, "scope", refusal.detail);
    }
    if (!roles.empty()) judge_names(roles, roles_from.find(claims_of), Spelling::whole, "role", refusal.detail);
    if (!roles.none.empty() && is_blocked(roles_from, claims_of)) append(refusal.detail, "The roles cannot be read.");
    judge_claims(claims, claims_of, refusal.detail);
    if (refusal.detail.empty()) return std::nullopt;
    return refusal;
}

std::string Rules::wanted_scopes() const {
    std::string text;
    const auto add = [&](const Name& n) { text.append(text.empty() ? "" : " ").append(n.text); };
    std::ranges::for_each(scopes.all, add);
    // Of several one would do, and a list says that all are needed (RFC 6750 §3).
    if (scopes.any.size() == 1 && scopes.made_any.empty()) add(scopes.any.front());
    return text;
}

}  // namespace portico::policy::authorize
