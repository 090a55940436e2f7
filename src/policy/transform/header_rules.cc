#include "policy/transform/header_rules.h"

#include <algorithm>

#include "base/text.h"

namespace portico::policy::transform {
namespace {

class Headers {
  public:
    explicit Headers(const HeaderTarget& target) : target_(target) {}

    void remove(std::string_view name) {
        remove_if([&](const http::Field& f) { return iequals(f.name, name); });
    }
    template <class F>
    void remove_if(F&& drop) {
        for (http::FieldList* list : target_.lists) list->remove_if(drop);
    }
    template <class F>
    void for_each(std::string_view name, F&& f) {
        for (http::FieldList* list : target_.lists) {
            for (http::Field& field : list->all()) {
                if (iequals(field.name, name)) f(field);
            }
        }
    }
    bool has(std::string_view name) const {
        return std::ranges::any_of(target_.lists, [&](const http::FieldList* list) { return list->find(name) != nullptr; });
    }
    void add(std::string_view name, std::string_view value) { target_.lists.back()->add(name, value); }

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

}  // namespace

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
    for (const Replacement& r : rules.replace) {
        headers.for_each(r.name, [&](http::Field& f) {
            f.value = replaced(r, f.value, arena);
            good &= http::is_field_value(f.value);
        });
        if (!good) return fail(Fault::value_refused, "a replaced value of the header " + r.name);
    }
    if (!rules.remove.empty()) {
        headers.remove_if([&](const http::Field& f) {
            return std::ranges::any_of(rules.remove, [&](const NameTest& t) { return t.matches(f.name, true); }) && !is_of_form(f.name);
        });
    }
    size_t at = 0;
    for (const Named& n : rules.add) {
        const auto& value = values[at++];
        if (value && !headers.has(n.name)) headers.add(n.name, *value);
    }
    for (const Named& n : rules.set) {
        const auto& value = values[at++];
        headers.remove(n.name);
        if (value) headers.add(n.name, *value);
    }
    for (const Named& n : rules.append) {
        if (const auto& value = values[at++]) headers.add(n.name, *value);
    }
    return {};
}

}  // namespace portico::policy::transform
