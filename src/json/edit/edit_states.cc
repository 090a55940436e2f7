// How an edit's walk goes on: which places a value has reached, and what they say.
#include <algorithm>

#include "json/edit/edit_walk.h"

namespace portico::json::detail {
namespace {

bool is_at(int64_t wanted, size_t index, size_t size) {
    if (wanted < 0) wanted += static_cast<int64_t>(size);
    return wanted == static_cast<int64_t>(index);
}

// @spec RFC 9535 §2.3.4.2.2
bool is_in_slice(const PathSelector& slice, size_t index, size_t size) {
    const auto at = static_cast<int64_t>(index);
    const auto count = static_cast<int64_t>(size);
    const int64_t step = slice.step.value_or(1);
    const auto place = [count](int64_t n) { return n >= 0 ? n : count + n; };
    if (step == 0) return false;
    if (step > 0) {
        const int64_t first = std::clamp<int64_t>(place(slice.start.value_or(0)), 0, count);
        const int64_t past = std::clamp<int64_t>(place(slice.end.value_or(count)), 0, count);
        return at >= first && at < past && (at - first) % step == 0;
    }
    const int64_t first = std::clamp<int64_t>(place(slice.start.value_or(count - 1)), -1, count - 1);
    const int64_t past = slice.end ? std::clamp<int64_t>(place(*slice.end), -1, count - 1) : -1;
    return at <= first && at > past && (first - at) % -step == 0;
}

}  // namespace

EditWalk::States EditWalk::step_into(States states, Value parent, std::string_view name, size_t index, Value child) {
    const size_t base = states_.size();
    if (!spend(1 + states.end - states.begin)) return {base, base};
    for (size_t i = states.begin; i < states.end; ++i) {
        const State state = states_[i];
        step_by(*state.place, state.full, parent, name, index, child, base);
    }
    return {base, states_.size()};
}

void EditWalk::step_by(const EditPlace& from, bool full, Value parent, std::string_view name, size_t index, Value child,
                       size_t base) {
    constexpr size_t kFew = 8;
    const auto name_of = [](const EditEdge& edge) { return std::string_view(edge.selector->name); };
    if (full && parent.is_object() && from.names.size() <= kFew) {
        for (const EditEdge& edge : from.names) {
            if (name_of(edge) == name) reach(place(edge.to), true, base);
        }
    } else if (full && parent.is_object()) {
        for (const EditEdge& edge : std::ranges::equal_range(from.names, name, {}, name_of)) {
            reach(place(edge.to), true, base);
        }
    }
    for (const EditEdge& edge : from.others) {
        if ((full || edge.descendant) && leads_to(edge, parent, name, index, child)) reach(place(edge.to), true, base);
    }
    if (from.descends) reach(from, false, base);
}

bool EditWalk::leads_to(const EditEdge& edge, Value parent, std::string_view name, size_t index, Value child) {
    const PathSelector& selector = *edge.selector;
    switch (selector.kind) {
        case PathSelector::Kind::name: return parent.is_object() && selector.name == name;
        case PathSelector::Kind::wildcard: return true;
        case PathSelector::Kind::index: return parent.is_array() && is_at(*selector.start, index, parent.size());
        case PathSelector::Kind::slice: return parent.is_array() && is_in_slice(selector, index, parent.size());
        case PathSelector::Kind::filter: return passes(edge, child);
    }
    return false;
}

bool EditWalk::passes(const EditEdge& edge, Value child) {
    evaluations_.resize(program_.paths.size());
    auto& evaluation = evaluations_[edge.path];
    if (!evaluation) {
        evaluation =
            std::make_unique<PathEvaluation>(program_.paths[edge.path].program(), std::span(&root_, 1), path_bounds_);
    }
    const bool result = evaluation->satisfies(*edge.selector->filter, child);
    if (!evaluation->stop()) return result;
    if (!fault_) fault_ = {EditFault::Reason::too_many_steps};
    return false;
}

void EditWalk::reach(const EditPlace& to, bool full, size_t base) {
    for (size_t i = base; i < states_.size(); ++i) {
        if (states_[i].place != &to) continue;
        states_[i].full |= full;
        return;
    }
    states_.push_back({&to, full});
}

EditWalk::Decision EditWalk::decide(States states, bool there) const {
    Decision decision;
    for (size_t i = states.begin; i < states.end; ++i) {
        if (!states_[i].full) continue;
        for (const EditAction& action : states_[i].place->actions) {
            switch (action.act) {
                case EditAct::keep: decision.kept = true; break;
                case EditAct::remove: decision.removed = true; break;
                case EditAct::leave: decision.removed = decision.removed || moved_[action.step].active; break;
                case EditAct::rename:
                    if (decision.rename == Decision::kNone || action.step > decision.rename) {
                        decision.rename = action.step;
                    }
                    break;
                case EditAct::arrive:
                case EditAct::map:
                case EditAct::set:
                    if (action.act == EditAct::arrive && !moved_[action.step].active) break;
                    if (action.act == EditAct::map && !there) break;
                    if (decision.write != Decision::kNone && action.step < decision.write) break;
                    decision.write = action.step;
                    decision.write_act = action.act;
                    break;
            }
        }
    }
    return decision;
}

EditWalk::Below EditWalk::below(States states) const {
    Below all;
    for (size_t i = states.begin; i < states.end; ++i) {
        const auto& [at, full] = states_[i];
        all.keeps |= at->keeps_below;
        all.writes |= at->writes_below;
        all.changes |= at->changes_below;
        all.renames_members |= at->renames_members;
        if (!full) continue;
        all.creates |= at->creates;
        all.needs_element |= at->needs_element;
        all.leads_to_element |= at->leads_to_element;
        all.leads_through_object |= at->leads_through_object;
        all.leads_through_array |= at->leads_through_array;
    }
    return all;
}

void EditWalk::find_renames(Value object, States states, Mode mode) {
    for (const Member member : object.members()) {
        const States inner = step_into(states, object, member.name, 0, member.value);
        const Decision decision = decide(inner);
        if (decision.rename != Decision::kNone) note_rename(member, inner, mode, decision);
        states_.resize(inner.begin);
        if (fault_) return;
    }
}

// Where it is not sure that anything becomes of the member, it is written: once, and for good.
void EditWalk::note_rename(const Member& member, States states, Mode mode, const Decision& decision) {
    Renamed r{program_.steps[decision.rename].to, member.value, decision.rename};
    const bool sure = !decision.removed && (mode == Mode::all || (mode == Mode::keep && decision.kept));
    if (!sure) {
        const size_t at = out_.size();
        r.stays = write(member.value, states, mode, decision);
        r.text.assign(out_, at);
        r.is_written = true;
        out_.resize(at);
    }
    renames_.push_back(std::move(r));
}

const EditWalk::Renamed* EditWalk::renamed(Value member, size_t since) const {
    for (size_t i = since; i < renames_.size(); ++i) {
        if (renames_[i].member == member) return &renames_[i];
    }
    return nullptr;
}

bool EditWalk::is_displaced(std::string_view name, Value member, size_t since) const {
    const Renamed* winner = nullptr;
    for (size_t i = since; i < renames_.size(); ++i) {
        if (renames_[i].stays && renames_[i].name == name && (winner == nullptr || renames_[i].step >= winner->step)) winner = &renames_[i];
    }
    return winner != nullptr && winner->member != member;
}

void EditWalk::note_mismatches(Value v, States states, const Below& under) {
    if (!under.wants_container()) return;
    for (size_t i = states.begin; i < states.end; ++i) {
        const auto [from, full] = states_[i];
        if (!full) continue;
        if (!v.is_object() && !v.is_null()) {
            for (const EditEdge& edge : from->names) note_mismatch(place(edge.to), v);
        }
        for (const EditEdge& edge : from->others) {
            const bool by_index = !edge.descendant && edge.selector->kind == PathSelector::Kind::index;
            if (!by_index) continue;
            const int64_t index = *edge.selector->start;
            const auto size = static_cast<int64_t>(v.size());
            const bool there = v.is_array() && (index < 0 ? index >= -size : index < size);
            if (!there) note_mismatch(place(edge.to), v);
        }
    }
}

void EditWalk::note_mismatch(const EditPlace& wanted, Value in_the_way) {
    const uint32_t step = first_maker(wanted);
    if (step != Decision::kNone) mismatch(step, in_the_way);
}

uint32_t EditWalk::first_maker(const EditPlace& from) const {
    for (const EditAction& action : from.actions) {
        if (action.act == EditAct::set || (action.act == EditAct::arrive && moved_[action.step].active)) {
            return action.step;
        }
    }
    for (const auto* edges : {&from.names, &from.others}) {
        for (const EditEdge& edge : *edges) {
            const bool one = !edge.descendant && (edge.selector->kind == PathSelector::Kind::name ||
                                                  edge.selector->kind == PathSelector::Kind::index);
            const uint32_t step = one ? first_maker(place(edge.to)) : Decision::kNone;
            if (step != Decision::kNone) return step;
        }
    }
    return Decision::kNone;
}

}  // namespace portico::json::detail
