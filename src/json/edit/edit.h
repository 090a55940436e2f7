// Edits of a JSON document as it is: compiled from JSONPaths at load, applied in one pass that copies what they leave alone as it
// stands, numbers and spelling included. Layer 1.
//
//     keep    only what the paths select, and the objects and lists that lead there, stays
//     remove  what the path selects goes
//     rename  a member that the path selects gets another name, in its place
//     move    the value at a singular path goes to another singular path
//     map     each value that the path selects is replaced
//     set     the same, and members that are missing there are made
//
// Decided:
// - Every path is read in the document as it came, that of a move's target too: what stands under a renamed member is named by its
//   old name. So the order in which edits are written does not matter, but for two that write one place: the later wins.
// - What removes wins over what keeps, what writes over both: `remove: $.a` with `set: $.a.b` leaves an `a` with just that `b`.
//   A value that was written is whole: no edit reaches into it, and one that names a place inside it is an error at load.
// - A member that gets its name by a rename displaces the one that had it, unless it is removed or not kept; of several the later
//   step wins.
// - set and move make the members that are missing on the way, below names only: never an element of an array. `null` on the way is
//   as missing. Where anything else than an object stands in the way, or there is no such element, that is a mismatch: a fault, or
//   counted and left out. A move whose source is missing does nothing.
// - Nothing kept of an object leaves `{}`, of an array `[]`, of anything else `null`.
// - Of equal names in one object (Duplicates::keep) each is taken: what is to go goes.
//
// Thread-safe: a plan never changes. Time is linear in the document and in the paths that reach each value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "json/document.h"

namespace portico::json {

namespace detail {
struct EditProgram;
struct EditProgramDeleter {
    void operator()(const EditProgram* program) const;
};
}  // namespace detail

enum class EditKind : uint8_t { keep, remove, rename, move, map, set };

struct EditStep {
    EditKind kind = EditKind::keep;
    std::string path;  // JSONPath, from `$`
    std::string to;    // rename: the new name; move: the path of the target
};

struct EditError {
    size_t step = 0;
    bool in_target = false;  // in EditStep::to
    size_t offset = 0;       // bytes from the start of the path
    std::string what;
};

// The values that map and set write.
class EditValues {
  public:
    enum class Outcome : uint8_t {
        value,  // JSON text was appended
        none,   // there is none: the place stays as it is
        stop,   // the edit has failed; the giver knows why
    };
    virtual ~EditValues() = default;
    // @param step its place in the plan's steps
    // @param old what stands in the place; no value where nothing does
    virtual Outcome give(size_t step, Value old, std::string& out) = 0;
};

struct EditBounds {
    uint64_t max_steps = 50'000'000;     // one for each value that is looked at and each path that may lead on from it
    size_t max_size = size_t{64} << 20;  // bytes written
    bool skip_mismatches = false;
};

struct EditFault {
    enum class Reason : uint8_t {
        mismatch,
        value,  // of `step`
        too_large,
        too_many_steps,
    };
    Reason reason = Reason::mismatch;
    size_t step = 0;
    std::string place{};  // of a mismatch: the normalized path of the value in the way
    // Such as "something else than an object stands in the way".
    std::string_view what() const;
};

class EditPlan {
  public:
    static constexpr size_t kMaxSteps = 1000;

    static std::expected<EditPlan, EditError> compile(std::span<const EditStep> steps);

    // Appends the changed document to `out`. @returns how many mismatches were left out
    // @errors after which `out` is as it was
    std::expected<size_t, EditFault> apply(Value root, EditValues& values, std::string& out,
                                           const EditBounds& bounds = {}) const;
    // Without steps that need values.
    std::expected<size_t, EditFault> apply(Value root, std::string& out, const EditBounds& bounds = {}) const;

    // The step's path in one spelling.
    const std::string& path(size_t step) const;

  private:
    using Program = std::unique_ptr<const detail::EditProgram, detail::EditProgramDeleter>;
    explicit EditPlan(Program program);
    Program program_;
};

}  // namespace portico::json
