#include "policy/transform/header_rules.h"

#include <algorithm>

#include "base/meter.h"
#include "base/text.h"

namespace portico::policy::transform {
namespace {

class Headers {
  public:
    explicit Headers(const HeaderTarget& target) : target_(target) {}

    void remove(std::string_view name) {
        remove_if([&](const http::Field& f) { return http::is_same_name(f.name, name); });
    }
    template <class F>
    void remove_if(F&& drop) {
        for (http::FieldList* list : target_.lists) {
            if (!Meter::spend(1 + list->size() / 4)) return;
            list->remove_if(drop);
        }
    }
    template <class F>
    void for_each(std::string_view name, F&& f) {
        for (http::FieldList* list : target_.lists) {
            if (!Meter::spend(1 + list->size() / 4)) return;
            for (http::Field& field : list->all()) {
                if (http::is_same_name(field.name, name)) f(field);
            }
        }
    }
    bool has(std::string_view name) const {
        const auto is_it = [&](const http::Field& f) { return http::is_same_name(f.name, name); };
        return std::ranges::any_of(target_.lists, [&](const http::FieldList* list) { return std::ranges::any_of(*list, is_it); });
    }
    void add(std::string_view name, std::string_view value) { target_.lists.back()->add(name, value); }
    void add(std::string_view name, const RenderedValue& value) {
        if (!value) return;
        add(name, *value);
        for (const std::string_view line : value.further) add(name, line);
    }

    // @returns false where there is nothing to move and the place stays as it is
    bool clear_for(const Pair& move) {
        const bool there = has(move.from);
        if (!there && (target_.is_managed == nullptr || !target_.is_managed(target_.who, move.from))) return false;
        remove(move.to);
        return there;
    }
    void rename(const Pair& move) {
        if (!clear_for(move)) return;
        for_each(move.from, [&](http::Field& f) {
            f.name = move.to;
            f.id = http::field_name(move.to);
        });
    }
    void copy(const Pair& move) {
        if (!clear_for(move)) return;
        std::vector<std::string_view> values;
        for_each(move.from, [&](const http::Field& f) { values.push_back(f.value); });
        for (const std::string_view value : values) add(move.to, value);
    }

  private:
    const HeaderTarget& target_;
};

// A pattern is asked about the name as it came and as it is usually written.
bool is_removed(const Rules& rules, std::string_view name) {
    std::string usual;
    return std::ranges::any_of(rules.remove, [&](const NameTest& t) {
        if (t.pattern == nullptr) return http::is_same_name(t.name, name);
        if (t.matches(name, true)) return true;
        if (usual.empty()) usual = http::folded_name(name);
        return usual != name && t.matches(usual, true);
    });
}

}  // namespace

gateway::FieldRule rule_for(const Rules& rules, std::string_view name) {
    const auto is_it = [&](const auto& row) { return http::is_same_name(row.name, name); };
    const auto moves = [&](const Pair& p) { return http::is_same_name(p.to, name); };
    const auto takes = [&](const Pair& p) { return http::is_same_name(p.from, name); };
    const bool withholds = is_removed(rules, name) || std::ranges::any_of(rules.set, is_it) || std::ranges::any_of(rules.replace, is_it) ||
                           std::ranges::any_of(rules.rename, takes) || std::ranges::any_of(rules.rename, moves) ||
                           std::ranges::any_of(rules.copy, moves);
    if (withholds) return gateway::FieldRule::withholds;
    const bool adds = std::ranges::any_of(rules.add, is_it) || std::ranges::any_of(rules.append, is_it);
    return adds ? gateway::FieldRule::adds : gateway::FieldRule::none;
}

bool is_of_form(std::string_view name) {
    const auto id = http::field_name(name);
    return http::is_hop_by_hop(id) || id == http::FieldName::host || id == http::FieldName::content_length ||
           id == http::FieldName::content_encoding || id == http::FieldName::expect || id == http::FieldName::via || iequals(name, "Content-Range");
}

Result<void> apply_headers(const Rules& rules, const Rendered& values, const HeaderTarget& target, Arena& arena) {
    Headers headers(target);
    for (const Pair& p : rules.copy) headers.copy(p);
    for (const Pair& p : rules.rename) headers.rename(p);
    bool good = true;
    MatchingBound bound;
    size_t at = 0;
    for (const Replacement& r : rules.replace) {
        const std::string_view with = *values[at++];
        headers.for_each(r.name, [&](http::Field& f) {
            const auto after = replaced(*r.pattern, with, f.value, bound, arena);
            if (after) f.value = *after;
            good &= after && http::is_field_value(f.value);
        });
        if (!good) return fail(Fault::value_refused, "a replaced value of the header " + r.name);
    }
    if (!rules.remove.empty()) {
        headers.remove_if([&](const http::Field& f) {
            return is_removed(rules, f.name) && !is_of_form(f.name);
        });
    }
    for (const Named& n : rules.add) {
        const auto& value = values[at++];
        if (value && !headers.has(n.name)) headers.add(n.name, value);
    }
    for (const Named& n : rules.set) {
        const auto& value = values[at++];
        headers.remove(n.name);
        headers.add(n.name, value);
    }
    for (const Named& n : rules.append) headers.add(n.name, values[at++]);
    return {};
}

}  // namespace portico::policy::transform
