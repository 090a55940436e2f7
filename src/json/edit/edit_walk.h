// One application of compiled edits: the document walked together with the places that its values have reached. For json/edit/edit*.cc
// only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/held.h"
#include "base/meter.h"
#include "json/edit/edit_program.h"
#include "json/path/path_evaluation.h"

namespace portico::json::detail {

class EditWalk {
  public:
    // All of it outlives the walk.
    EditWalk(const EditProgram& program, Value root, EditValues& values, std::string& out, const EditBounds& bounds);
    EditWalk(const EditWalk&) = delete;
    EditWalk& operator=(const EditWalk&) = delete;

    std::expected<size_t, EditFault> run();

  private:
    // What becomes of a value that no edit names.
    enum class Mode : uint8_t {
        all,   // it stays
        keep,  // only what is kept inside it stays
        none,  // only what is written inside it is there
    };
    // A value has reached `place`; or only what its `..` select, from a value above.
    struct State {
        const EditPlace* place;
        bool full;
    };
    // Those of one value: a piece of states_.
    struct States {
        size_t begin;
        size_t end;
        bool empty() const { return begin == end; }
    };
    struct Decision {
        static constexpr uint32_t kNone = UINT32_MAX;
        bool kept = false;
        bool removed = false;
        uint32_t rename = kNone;
        uint32_t write = kNone;  // the step whose value it gets
        EditAct write_act = EditAct::set;
        bool is_nothing() const { return !kept && !removed && rename == kNone && write == kNone; }
    };
    struct Below {
        bool keeps = false;
        bool writes = false;
        bool changes = false;
        bool creates = false;
        bool needs_element = false;
        bool leads_to_element = false;
        bool renames_members = false;
        // Something must stand here that members, or elements, can be made in.
        bool wants_container() const { return creates || needs_element || leads_to_element; }
        bool leads_through_object = false;
        bool leads_through_array = false;
    };
    // A member to which a rename gives a name.
    struct Renamed {
        std::string_view name;
        Value member;
        uint32_t step;
        bool stays = true;         // something becomes of it: it takes the name
        std::string text{};        // that, where it was written to find out
        bool is_written = false;
    };
    struct Moved {
        bool active = false;
        std::string text;
    };
    // What stands between two changed children, copied in one piece.
    struct Run {
        const char* begin = nullptr;
        const char* end = nullptr;
    };

    void prepare_moves();
    bool can_arrive(const PathQuery& target);
    void write_moved(size_t step);

    // These append what becomes of `v`. @returns false, and appends nothing, where nothing does, or after a fault
    bool write(Value v, States states, Mode mode, const Decision& decision);
    bool write_contents(Value v, States states, Mode mode);
    bool write_object(Value v, States states, Mode mode, const Below& below);
    bool write_array(Value v, States states, Mode mode, const Below& below);
    void write_member(const Member& member, States states, Mode mode, const Decision& decision, size_t begin, size_t renames_begin);
    bool write_value_of(const Decision& decision, Value old);
    // An object of the members that are made below, in place of a value that is none.
    bool create_object(States states);
    // Those that `object` has not: no value has none.
    void create_members(Value object, States states, size_t begin, size_t renames_begin);
    void create_member(std::string_view name, States states, size_t begin);
    bool create_value(States states);

    States step_into(States states, Value parent, std::string_view name, size_t index, Value child);
    void step_by(const EditPlace& place, bool full, Value parent, std::string_view name, size_t index, Value child,
                 size_t base);
    bool leads_to(const EditEdge& edge, Value parent, std::string_view name, size_t index, Value child);
    void reach(const EditPlace& place, bool full, size_t base);
    bool passes(const EditEdge& edge, Value child);
    // @param there false: for a value that would be made
    Decision decide(States states, bool there = true) const;
    Below below(States states) const;
    bool is_untouched(Value v, States states, const Decision& decision) const;

    // What gets a name, and whether it stays: of two members only one can have it.
    void find_renames(Value object, States states, Mode mode);
    void note_rename(const Member& member, States states, Mode mode, const Decision& decision);
    const Renamed* renamed(Value member, size_t since) const;
    // Whether another member gets `name` by a rename. @param member no value: one that would be made
    bool is_displaced(std::string_view name, Value member, size_t since) const;
    // Counts what is to be made below `v` and cannot be.
    void note_mismatches(Value v, States states, const Below& under);
    void note_mismatch(const EditPlace& wanted, Value in_the_way);
    // A step that makes something there or below; Decision::kNone where none does now.
    uint32_t first_maker(const EditPlace& from) const;
    void mismatch(uint32_t step, Value in_the_way);
    bool spend(uint64_t steps);
    void count_output();
    void separate(size_t begin);
    void flush(Run& run, size_t begin);
    // As it stands in the document.
    void copy(std::string_view text);

    const EditPlace& place(uint32_t i) const { return program_.places[i]; }

    const EditProgram& program_;
    Value root_;
    EditValues& values_;
    std::string& out_;
    const size_t out_begin_;
    const EditBounds& bounds_;
    const PathBounds path_bounds_;
    Steps steps_;
    Held held_{Holding::made};  // while it is made
    size_t mismatches_ = 0;
    std::optional<EditFault> fault_;
    std::vector<State> states_;
    std::vector<Renamed> renames_;
    std::vector<Moved> moved_;                                  // by step; empty where there is no move
    std::vector<std::unique_ptr<PathEvaluation>> evaluations_;  // by path, for its filters
};

}  // namespace portico::json::detail
