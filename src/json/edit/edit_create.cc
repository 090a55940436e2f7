// The parts of an edit's walk that put something where nothing was: members that are missing, and values that move.
#include <algorithm>

#include "json/edit/edit_walk.h"
#include "json/writer.h"

namespace portico::json::detail {
namespace {

bool leads_by_names(const PathQuery& query, size_t from) {
    return std::all_of(
        query.segments.begin() + static_cast<ptrdiff_t>(from), query.segments.end(),
        [](const PathSegment& segment) { return segment.selectors.front().kind == PathSelector::Kind::name; });
}

Value element_of(Value array, int64_t index) {
    if (index < 0) index += static_cast<int64_t>(array.size());
    return index < 0 ? Value() : array.at(static_cast<size_t>(index));
}

// What looking something up in it costs, in steps.
uint64_t find_cost(Value in) { return 1 + in.size() / 8; }

}  // namespace

void EditWalk::prepare_moves() {
    for (uint32_t step = 0; step < program_.steps.size(); ++step) {
        if (program_.steps[step].kind != EditKind::move) continue;
        moved_.resize(program_.steps.size());
        uint64_t cost = 1;
        const Value source = find_singular(program_.query(step), root_, cost);
        if (!spend(cost)) return;
        if (!source) continue;
        moved_[step].active = can_arrive(program_.query(program_.targets[step]));
        if (!moved_[step].active) mismatch(step, root_);
    }
    for (size_t step = 0; step < moved_.size() && !fault_; ++step) {
        if (moved_[step].active) write_moved(step);
    }
}

// Whether the walk will find or make that place.
bool EditWalk::can_arrive(const PathQuery& target) {
    Value at = root_;
    for (size_t i = 0; i < target.segments.size(); ++i) {
        const PathSelector& selector = target.segments[i].selectors.front();
        if (!spend(find_cost(at))) return false;
        if (at.is_null() || !at) return leads_by_names(target, i);
        if (selector.kind == PathSelector::Kind::name) {
            if (!at.is_object()) return false;
            at = at.find(selector.name);
        } else {
            at = element_of(at, *selector.start);
            if (!at) return false;
        }
    }
    return true;
}

void EditWalk::write_moved(size_t step) {
    States states{0, 1};
    Value at = root_;
    for (const PathSegment& segment : program_.query(step).segments) {
        const PathSelector& selector = segment.selectors.front();
        const bool named = selector.kind == PathSelector::Kind::name;
        if (!spend(find_cost(at))) return;
        const Value child = named ? at.find(selector.name) : element_of(at, *selector.start);
        const int64_t index = named ? 0 : *selector.start;
        const auto place = static_cast<size_t>(index < 0 ? index + static_cast<int64_t>(at.size()) : index);
        states = step_into(states, at, selector.name, place, child);
        at = child;
    }
    const size_t begin = out_.size();
    write_contents(at, states, Mode::all);
    moved_[step].text.assign(out_, begin);
    out_.resize(begin);
    states_.resize(1);
}

bool EditWalk::create_object(States states) {
    const size_t begin = out_.size();
    out_ += '{';
    create_members(Value(), states, begin, renames_.size());
    out_ += '}';
    if (out_.size() > begin + 2) return true;
    out_.resize(begin);
    return false;
}

void EditWalk::create_members(Value object, States states, size_t begin, size_t renames_begin) {
    const auto makes = [&](const EditEdge& edge) { return place(edge.to).makes || place(edge.to).creates; };
    std::vector<std::string_view> names;
    for (size_t i = states.begin; i < states.end && !fault_; ++i) {
        const State state = states_[i];
        if (!state.full) continue;
        for (const EditEdge& edge : state.place->names) {
            const std::string_view name = edge.selector->name;
            if (!makes(edge)) continue;
            if (!spend(find_cost(object))) return;
            if (object.find(name) || std::ranges::find(names, name) != names.end()) continue;
            names.push_back(name);
            if (!is_displaced(name, Value(), renames_begin)) create_member(name, states, begin);
        }
    }
}

void EditWalk::create_member(std::string_view name, States states, size_t begin) {
    const size_t base = states_.size();
    for (size_t i = states.begin; i < states.end; ++i) {
        const State state = states_[i];
        if (!state.full) continue;
        for (const EditEdge& edge : state.place->names) {
            if (edge.selector->name == name) reach(place(edge.to), true, base);
        }
    }
    const size_t at = out_.size();
    separate(begin);
    append_string(out_, name);
    out_ += ':';
    if (!spend(1) || !create_value({base, states_.size()})) out_.resize(at);
    states_.resize(base);
}

bool EditWalk::create_value(States states) {
    const Decision decision = decide(states, false);
    if (decision.write != Decision::kNone && write_value_of(decision, Value())) return true;
    return !fault_ && below(states).creates && create_object(states);
}

}  // namespace portico::json::detail
