#include "json/edit/edit_walk.h"

#include <algorithm>

namespace portico::json {
namespace detail {

EditWalk::EditWalk(const EditProgram& program, Value root, EditValues& values, std::string& out,
                   const EditBounds& bounds)
    : program_(program),
      root_(root),
      values_(values),
      out_(out),
      out_begin_(out.size()),
      bounds_(bounds),
      path_bounds_{.max_steps = bounds.max_steps},
      steps_(bounds.max_steps) {}

std::expected<size_t, EditFault> EditWalk::run() {
    reach(place(0), true, 0);
    prepare_moves();
    const States states{0, 1};
    if (!fault_ && !write(root_, states, program_.keeps ? Mode::keep : Mode::all, decide(states)) && !fault_) {
        out_ += root_.is_object() ? "{}" : root_.is_array() ? "[]" : "null";
    }
    if (!fault_ && out_.size() - out_begin_ > bounds_.max_size) fault_ = {EditFault::Reason::too_large};
    if (!fault_) return mismatches_;
    out_.resize(out_begin_);
    return std::unexpected(*std::move(fault_));
}

bool EditWalk::spend(uint64_t steps) {
    if (steps_.spend(steps)) return true;
    if (!fault_) fault_ = {EditFault::Reason::too_many_steps};
    return false;
}

// What is small is not counted.
void EditWalk::count_output() {
    constexpr size_t kCounted = size_t{64} << 10;
    const size_t made = out_.size() - out_begin_;
    if (made < kCounted || held_.set(made)) return;
    Meter::out_of_memory();
    if (!fault_) fault_ = {EditFault::Reason::too_large};
}

void EditWalk::mismatch(uint32_t step, Value in_the_way) {
    ++mismatches_;
    if (bounds_.skip_mismatches || fault_) return;
    fault_ = {EditFault::Reason::mismatch, step, location_of(root_, in_the_way)};
}

void EditWalk::separate(size_t begin) {
    if (out_.size() > begin + 1) out_ += ',';
}

// In pieces: it takes the memory for them as well.
void EditWalk::copy(std::string_view text) {
    constexpr size_t kPiece = size_t{64} << 10;
    for (; text.size() > kPiece; text.remove_prefix(kPiece)) {
        out_ += text.substr(0, kPiece);
        if (!spend(kPiece / Meter::kBytesAStep)) return;
    }
    out_ += text;
}

void EditWalk::flush(Run& run, size_t begin) {
    if (run.begin == nullptr) return;
    separate(begin);
    copy({run.begin, run.end});
    run = {};
}

bool EditWalk::write(Value v, States states, Mode mode, const Decision& decision) {
    if (decision.removed) {
        mode = Mode::none;
    } else if (decision.kept && mode == Mode::keep) {
        mode = Mode::all;
    }
    if (decision.write != Decision::kNone && write_value_of(decision, v)) return true;
    return !fault_ && write_contents(v, states, mode);
}

bool EditWalk::write_value_of(const Decision& decision, Value old) {
    const size_t at = out_.size();
    if (decision.write_act == EditAct::arrive) {
        out_ += moved_[decision.write].text;
        return true;
    }
    const auto outcome = values_.give(decision.write, old, out_);
    if (outcome == EditValues::Outcome::stop && !fault_) fault_ = {EditFault::Reason::value, decision.write};
    if (out_.size() - out_begin_ > bounds_.max_size && !fault_) fault_ = {EditFault::Reason::too_large};
    count_output();
    if (outcome != EditValues::Outcome::value || fault_) out_.resize(at);
    return outcome == EditValues::Outcome::value && !fault_;
}

bool EditWalk::write_contents(Value v, States states, Mode mode) {
    const Below under = below(states);
    if (mode == Mode::all && !under.changes) {
        copy(v.source());
        return true;
    }
    if (mode != Mode::all && !under.writes && !(mode == Mode::keep && under.keeps)) return false;
    if (mode == Mode::all) note_mismatches(v, states, under);
    if (v.is_object()) return write_object(v, states, mode, under);
    if (under.creates && (mode != Mode::all || v.is_null()) && create_object(states)) return true;
    if (v.is_array()) return write_array(v, states, mode, under);
    if (mode == Mode::all) copy(v.source());
    return mode == Mode::all;
}

// Whether it can be part of a run.
bool EditWalk::is_untouched(Value v, States states, const Decision& decision) const {
    if (states.empty()) return true;
    if (!decision.is_nothing()) return false;
    const Below under = below(states);
    return !under.changes || (v.size() == 0 && !under.wants_container());
}

bool EditWalk::write_object(Value v, States states, Mode mode, const Below& under) {
    const size_t begin = out_.size();
    const size_t renames_begin = renames_.size();
    out_ += '{';
    if (under.renames_members) find_renames(v, states, mode);
    Run run;
    for (const Member member : v.members()) {
        const States inner = step_into(states, v, member.name, 0, member.value);
        const Decision decision = decide(inner);
        const std::string_view name =
            decision.rename == Decision::kNone ? member.name : program_.steps[decision.rename].to;
        const bool displaced = is_displaced(name, member.value, renames_begin);
        if (mode == Mode::all && !displaced && is_untouched(member.value, inner, decision)) {
            if (run.begin == nullptr) run.begin = member.name_value.source().data();
            run.end = member.value.source().data() + member.value.source().size();
        } else if (!displaced && !inner.empty()) {
            flush(run, begin);
            write_member(member, inner, mode, decision, begin, renames_begin);
        } else {
            flush(run, begin);
        }
        states_.resize(inner.begin);
        if (fault_) break;
    }
    flush(run, begin);
    if (under.creates && !fault_) create_members(v, states, begin, renames_begin);
    renames_.resize(renames_begin);
    out_ += '}';
    if (!fault_ &&
        (mode == Mode::all || out_.size() > begin + 2 || (mode == Mode::keep && under.leads_through_object))) {
        return true;
    }
    out_.resize(begin);
    return false;
}

void EditWalk::write_member(const Member& member, States states, Mode mode, const Decision& decision, size_t begin, size_t renames_begin) {
    const size_t at = out_.size();
    const Renamed* const given = decision.rename == Decision::kNone ? nullptr : renamed(member.value, renames_begin);
    if (given != nullptr && !given->stays) return;
    separate(begin);
    out_ += decision.rename == Decision::kNone ? member.name_value.source()
                                               : std::string_view(program_.names[decision.rename]);
    out_ += ':';
    if (given != nullptr && given->is_written) out_ += given->text;
    else if (!write(member.value, states, mode, decision)) out_.resize(at);
}

bool EditWalk::write_array(Value v, States states, Mode mode, const Below& under) {
    const size_t begin = out_.size();
    out_ += '[';
    Run run;
    size_t index = 0;
    for (const Value element : v.elements()) {
        const States inner = step_into(states, v, {}, index++, element);
        const Decision decision = decide(inner);
        if (mode == Mode::all && is_untouched(element, inner, decision)) {
            if (run.begin == nullptr) run.begin = element.source().data();
            run.end = element.source().data() + element.source().size();
        } else {
            flush(run, begin);
            const size_t at = out_.size();
            if (!inner.empty()) {
                separate(begin);
                if (!write(element, inner, mode, decision)) out_.resize(at);
            }
        }
        states_.resize(inner.begin);
        if (fault_) break;
    }
    flush(run, begin);
    out_ += ']';
    if (!fault_ &&
        (mode == Mode::all || out_.size() > begin + 2 || (mode == Mode::keep && under.leads_through_array))) {
        return true;
    }
    out_.resize(begin);
    return false;
}

}  // namespace detail

std::string_view EditFault::what() const {
    switch (reason) {
        case Reason::mismatch: return "what stands there has no such member or element, and cannot get it";
        case Reason::value: return "it has no value to write";
        case Reason::too_large: return "the changed document is too large";
        case Reason::too_many_steps: return "it takes too many steps";
    }
    return "";
}

std::expected<size_t, EditFault> EditPlan::apply(Value root, EditValues& values, std::string& out,
                                                 const EditBounds& bounds) const {
    return detail::EditWalk(*program_, root, values, out, bounds).run();
}

std::expected<size_t, EditFault> EditPlan::apply(Value root, std::string& out, const EditBounds& bounds) const {
    class NoValues final : public EditValues {
        Outcome give(size_t, Value, std::string&) override { return Outcome::none; }
    };
    NoValues values;
    return apply(root, values, out, bounds);
}

}  // namespace portico::json
