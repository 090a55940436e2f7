#include "json/path/path_comparison.h"

#include <algorithm>
#include <vector>

#include "base/held.h"
#include "base/metered_sort.h"
#include "json/path/path_number.h"

namespace portico::json::detail {
namespace {

bool equal_values(Value a, Value b, PathEffort& effort, unsigned depth);

bool same_name(std::string_view a, std::string_view b, PathEffort& effort) {
    return a.size() == b.size() && effort.spend(a.size() / Meter::kBytesAStep) && a == b;
}

// An object's members by name, the last of equal ones only.
class ByName {
  public:
    // Where it takes too much, `effort` ends.
    ByName(Value object, PathEffort& effort) {
        if (!effort.hold(held_, object.size() * 2 * sizeof(Member))) return;
        members_.reserve(object.size());
        uint64_t bytes = 0;
        for (const Member member : object.members()) {
            if (!effort.spend(1)) return;
            members_.push_back(member);
            bytes += member.name.size();
        }
        const auto less = [](const Member& a, const Member& b) {
            return a.name != b.name ? a.name < b.name : a.value.offset() > b.value.offset();
        };
        const uint64_t cost = 1 + bytes / std::max<size_t>(members_.size(), 1) / Meter::kBytesAStep;
        if (!metered_sort(members_, less, cost)) {
            effort.end(PathStop::too_many_steps);
            return;
        }
        const auto same = [](const Member& a, const Member& b) { return a.name == b.name; };
        members_.erase(std::unique(members_.begin(), members_.end(), same), members_.end());
    }
    const std::vector<Member>& members() const { return members_; }

  private:
    std::vector<Member> members_;
    Held held_{Holding::made};
};

bool same_names_in_order(Value a, Value b, PathEffort& effort) {
    auto right = b.members().begin();
    for (const Member left : a.members()) {
        if (!effort.spend(1) || !same_name(left.name, (*right).name, effort)) return false;
        ++right;
    }
    return true;
}

bool equal_objects(Value a, Value b, PathEffort& effort, unsigned depth) {
    const bool differ = a.names_differ() && b.names_differ();
    if (differ && a.size() != b.size()) return false;
    if (differ && same_names_in_order(a, b, effort)) {
        return std::equal(a.children().begin(), a.children().end(), b.children().begin(),
                          [&](Value x, Value y) { return equal_values(x, y, effort, depth); });
    }
    if (effort.ended()) return false;
    const ByName left(a, effort);
    const ByName right(b, effort);
    if (effort.ended()) return false;
    return std::ranges::equal(left.members(), right.members(), [&](const Member& x, const Member& y) {
        return same_name(x.name, y.name, effort) && equal_values(x.value, y.value, effort, depth);
    });
}

bool equal(const Comparable& a, const Comparable& b, PathEffort& effort, unsigned depth) {
    if (a.kind != b.kind) return false;
    switch (a.kind) {
        case Kind::missing:
        case Kind::null: return true;
        case Kind::boolean: return a.value.boolean() == b.value.boolean();
        case Kind::number:
            return effort.spend(number_cost(a.text) + number_cost(b.text)) && compare_numbers(a.text, b.text) == 0;
        case Kind::string: return a.text.size() == b.text.size() && effort.spend(a.text.size() / 64) && a.text == b.text;
        case Kind::array:
        case Kind::object: break;
    }
    if (a.value == b.value) return true;
    if (!effort.goes_down_to(depth + 1)) return false;
    if (a.kind == Kind::object) return equal_objects(a.value, b.value, effort, depth + 1);
    return a.value.size() == b.value.size() &&
           std::equal(a.value.children().begin(), a.value.children().end(), b.value.children().begin(),
                      [&](Value x, Value y) { return equal_values(x, y, effort, depth + 1); });
}

// As deep as the documents: Document::kMaxDepth at most.
bool equal_values(Value a, Value b, PathEffort& effort, unsigned depth) {
    return effort.spend(1) && equal(Comparable(a), Comparable(b), effort, depth);
}

bool less(const Comparable& a, const Comparable& b, PathEffort& effort) {
    if (a.kind != b.kind) return false;
    if (a.kind == Kind::number) {
        return effort.spend(number_cost(a.text) + number_cost(b.text)) && compare_numbers(a.text, b.text) < 0;
    }
    // The order of UTF-8's bytes is that of the code points.
    return a.kind == Kind::string && effort.spend(std::min(a.text.size(), b.text.size()) / 64) && a.text < b.text;
}

bool decide(PathComparison comparison, const Comparable& left, const Comparable& right, PathEffort& effort) {
    switch (comparison) {
        case PathComparison::equal: return equal(left, right, effort, 0);
        case PathComparison::not_equal: return !equal(left, right, effort, 0);
        case PathComparison::less: return less(left, right, effort);
        case PathComparison::less_or_equal: return less(left, right, effort) || equal(left, right, effort, 0);
        case PathComparison::greater: return less(right, left, effort);
        case PathComparison::greater_or_equal: return less(right, left, effort) || equal(left, right, effort, 0);
    }
    return false;
}

}  // namespace

bool holds(PathComparison comparison, const Comparable& left, const Comparable& right, PathEffort& effort) {
    return decide(comparison, left, right, effort) && !effort.ended();
}

}  // namespace portico::json::detail
