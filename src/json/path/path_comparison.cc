#include "json/path/path_comparison.h"

#include <algorithm>
#include <vector>

#include "json/path/path_number.h"

namespace portico::json::detail {
namespace {

bool equal_values(Value a, Value b, PathEffort& effort, unsigned depth);

// The members of an object by name, the last of equal ones only.
std::vector<Member> by_name(Value object) {
    std::vector<Member> members;
    members.reserve(object.size());
    for (const Member member : object.members()) members.push_back(member);
    const auto less = [](const Member& a, const Member& b) {
        return a.name != b.name ? a.name < b.name : a.value.offset() > b.value.offset();
    };
    std::sort(members.begin(), members.end(), less);
    const auto same = [](const Member& a, const Member& b) { return a.name == b.name; };
    members.erase(std::unique(members.begin(), members.end(), same), members.end());
    return members;
}

bool same_names_in_order(Value a, Value b) {
    auto right = b.members().begin();
    for (const Member left : a.members()) {
        if (left.name != (*right).name) return false;
        ++right;
    }
    return true;
}

bool equal_objects(Value a, Value b, PathEffort& effort, unsigned depth) {
    const bool differ = a.names_differ() && b.names_differ();
    if (differ && a.size() != b.size()) return false;
    if (!effort.spend(a.size() + b.size())) return false;
    if (differ && same_names_in_order(a, b)) {
        return std::equal(a.children().begin(), a.children().end(), b.children().begin(),
                          [&](Value x, Value y) { return equal_values(x, y, effort, depth); });
    }
    const std::vector<Member> left = by_name(a);
    const std::vector<Member> right = by_name(b);
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [&](const Member& x, const Member& y) {
        return x.name == y.name && equal_values(x.value, y.value, effort, depth);
    });
}

bool equal(const Comparable& a, const Comparable& b, PathEffort& effort, unsigned depth) {
    if (a.kind != b.kind) return false;
    switch (a.kind) {
        case Kind::missing:
        case Kind::null: return true;
        case Kind::boolean: return a.value.boolean() == b.value.boolean();
        case Kind::number:
            return effort.spend((a.text.size() + b.text.size()) / 64) && compare_numbers(a.text, b.text) == 0;
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
        return effort.spend((a.text.size() + b.text.size()) / 64) && compare_numbers(a.text, b.text) < 0;
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
