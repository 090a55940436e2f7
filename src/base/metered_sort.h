// Sorting of lists whose length and keys a stranger chose: it says what it takes (base/meter.h), and gives up where nothing more may be
// spent. n log n, whatever the keys are.
#pragma once

#include <algorithm>
#include <bit>
#include <vector>

#include "base/meter.h"

namespace portico {

// @param less as of std::sort  @param cost of a comparison, in steps
// @returns false: it gave up, and the items are in no order, some of them moved from
template <typename T, typename Less>
bool metered_sort(std::vector<T>& items, Less less, uint64_t cost = 1) {
    // Short enough to be done in one go.
    constexpr size_t kRun = 512;
    for (size_t begin = 0; begin < items.size(); begin += kRun) {
        const size_t end = std::min(begin + kRun, items.size());
        if (!Meter::spend((end - begin) * static_cast<uint64_t>(std::bit_width(end - begin)) * cost)) return false;
        std::sort(items.begin() + static_cast<ptrdiff_t>(begin), items.begin() + static_cast<ptrdiff_t>(end), less);
    }
    if (items.size() <= kRun) return true;
    std::vector<T> merged(items.size());
    for (size_t run = kRun; run < items.size(); run *= 2) {
        for (size_t begin = 0; begin < items.size(); begin += 2 * run) {
            const size_t middle = std::min(begin + run, items.size());
            const size_t end = std::min(begin + 2 * run, items.size());
            size_t left = begin, right = middle;
            for (size_t at = begin; at < end; ++at) {
                if (!Meter::spend(cost)) return false;
                const bool from_right = left == middle || (right < end && less(items[right], items[left]));
                merged[at] = std::move(items[from_right ? right++ : left++]);
            }
        }
        items.swap(merged);
    }
    return true;
}

}  // namespace portico
