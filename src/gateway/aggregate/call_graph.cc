#include "gateway/aggregate/call_graph.h"

#include <algorithm>

namespace portico::gateway {

void CallGraph::add(uint32_t call, uint32_t needed) {
    if (std::ranges::find(needs_[call], needed) != needs_[call].end()) return;
    needs_[call].push_back(needed);
    wanted_by_[needed].push_back(call);
}

// Leaves the circle alone in `way`. @param state 0 unseen, 1 on the way, 2 without a circle
bool CallGraph::find_cycle(uint32_t call, std::vector<uint8_t>& state, std::vector<uint32_t>& way) const {
    if (state[call] == 2) return false;
    if (state[call] == 1) {
        way.erase(way.begin(), std::ranges::find(way, call));
        return true;
    }
    state[call] = 1;
    way.push_back(call);
    for (const uint32_t needed : needs_[call]) {
        if (find_cycle(needed, state, way)) return true;
    }
    way.pop_back();
    state[call] = 2;
    return false;
}

std::vector<std::vector<uint32_t>> CallGraph::cycles() const {
    std::vector<std::vector<uint32_t>> all;
    std::vector<uint8_t> state(size(), 0);
    for (uint32_t i = 0; i < size(); ++i) {
        std::vector<uint32_t> way;
        if (!find_cycle(i, state, way)) continue;
        // What led to the circle has been looked at too.
        std::ranges::replace(state, uint8_t{1}, uint8_t{2});
        all.push_back(std::move(way));
    }
    return all;
}

std::vector<uint32_t> CallGraph::depths() const {
    std::vector<uint32_t> depth(size(), 0);
    for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t i = 0; i < size(); ++i) {
            for (const uint32_t needed : needs_[i]) {
                if (depth[i] > depth[needed]) continue;
                depth[i] = depth[needed] + 1;
                moved = true;
            }
        }
    }
    return depth;
}

}  // namespace portico::gateway
