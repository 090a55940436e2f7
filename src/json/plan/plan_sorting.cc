// The rendering's half for `sort_by`.
#include <algorithm>
#include <bit>
#include <compare>
#include <numeric>

#include "base/metered_sort.h"
#include "json/path/path_number.h"
#include "json/plan/plan_rendering.h"

namespace portico::json::detail {
namespace {

// Numbers, then strings, then booleans; anything else, null and what is missing stand last, whichever the order.
int rank_of(Kind kind) {
    switch (kind) {
        case Kind::number: return 0;
        case Kind::string: return 1;
        case Kind::boolean: return 2;
        default: return 3;
    }
}

// What a value is sorted by, taken apart once.
struct SortedBy {
    explicit SortedBy(Value value) : rank(rank_of(value.kind())), text(value.string()) {
        if (rank == 0) number = NumberKey(value.number());
        else if (rank == 2) yes = value.boolean();
    }
    int rank;
    bool yes = false;
    std::string_view text;
    NumberKey number;
};

std::weak_ordering compare_keys(const SortedBy& a, const SortedBy& b, bool descending) {
    if (a.rank != b.rank) {
        if (a.rank == 3 || b.rank == 3) return a.rank <=> b.rank;
        return descending ? b.rank <=> a.rank : a.rank <=> b.rank;
    }
    std::weak_ordering order = std::weak_ordering::equivalent;
    if (a.rank == 0) order = a.number <=> b.number;
    else if (a.rank == 1) order = a.text <=> b.text;
    else if (a.rank == 2) order = a.yes <=> b.yes;
    return descending ? 0 <=> order : order;
}

}  // namespace

void PlanRendering::sort(const LoopShape& loop, std::vector<Value>& values) {
    // The keys of each value stand together, found and taken apart once.
    const size_t keys = loop.sort_by.size();
    ListRoom room(0);
    std::string why;
    if (!room.hold(values.size() * (keys * sizeof(SortedBy) + 2 * (sizeof(uint32_t) + sizeof(Value))), why)) {
        end_of_steps();
        return;
    }
    std::vector<SortedBy> found;
    found.reserve(values.size() * keys);
    uint64_t cost = 0;  // of comparing each with one other
    for (const Value value : values) {
        frame_[loop.place] = value;
        for (const LoopShape::SortKey& key : loop.sort_by) {
            const Value by = find(key.path);
            if (!spend(1 + number_cost(by.number()))) return;
            found.emplace_back(by);
            cost += 1 + (by.string().size() + by.number().size()) / Meter::kBytesAStep;
        }
    }
    // Comparing goes through all keys about so many times.
    if (!count(cost * static_cast<uint64_t>(std::bit_width(values.size())))) return;
    std::vector<uint32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0U);
    const bool all = metered_sort(order, [&](uint32_t a, uint32_t b) {
        for (size_t k = 0; k < keys; ++k) {
            const std::weak_ordering between = compare_keys(found[a * keys + k], found[b * keys + k], loop.sort_by[k].descending);
            if (between != 0) return between < 0;
        }
        return a < b;
    }, 1 + cost / std::max<size_t>(values.size(), 1));
    if (!all) {
        end_of_steps();
        return;
    }
    std::vector<Value> sorted;
    sorted.reserve(values.size());
    for (const uint32_t i : order) {
        if (!spend(1)) return;
        sorted.push_back(values[i]);
    }
    values = std::move(sorted);
}

}  // namespace portico::json::detail
