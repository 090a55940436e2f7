// One rendering of a plan. For json/plan/plan*.cc only; belongs to one thread.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/held.h"
#include "base/meter.h"
#include "base/text_table.h"
#include "json/plan/list_room.h"
#include "json/plan/member_lookup.h"
#include "json/plan/plan.h"
#include "json/plan/plan_output.h"
#include "json/plan/plan_program.h"

namespace portico::json::detail {

class PlanRendering {
  public:
    PlanRendering(const PlanProgram& program, std::span<const Value> documents, const TextSource& texts, const PlanBounds& bounds,
                  std::string& out);

    // @returns whether it came to its end; else error()
    bool run();
    Error& error() { return *error_; }

  private:
    enum class Outcome : uint8_t { written, nothing, failed };

    Outcome render(const PlanNode& node);
    Outcome render_object(const PlanNode& node);
    Outcome render_list(const PlanNode& node);
    Outcome render_path(const BoundPath& path);
    Outcome render_text(const PlanNode& node);
    Outcome render_loop(const PlanNode& node);
    // @param filtered  `where` has been asked already
    Outcome render_items(const PlanNode& node, auto&& values, bool filtered);
    Outcome render_get(const PlanNode& node);
    Outcome render_changed(const PlanNode& node);
    Outcome render_missing(const PlanNode& node);
    // The source of a `get` as a value in hand. @returns false after a failure
    bool take(const GetShape& get, Datum& datum, ListRoom& room);
    // Writes `null` where there is nothing, as an element of a list does.
    bool render_element(const PlanNode& node);
    // The values that a loop goes through, where they must be held. @returns false after a failure
    bool gather(const LoopShape& loop, std::vector<Value>& values);
    bool select(const BoundPath& path, std::vector<Value>& values);
    bool passes(const LoopShape& loop, Value value, bool& yes);
    bool is_new(const LoopShape& loop, TextSet& seen, ListRoom& room);
    void sort(const LoopShape& loop, std::vector<Value>& values);

    // Puts the text into text_. @returns none after a failure, else whether there was a value
    std::optional<bool> make_text(uint32_t text);
    // @returns whether there were as many left
    bool spend(uint64_t steps) {
        return steps_.spend(steps) || end_of_steps();
    }
    // The same for what a path has spent, which has told the Meter itself.
    bool count(uint64_t steps) { return steps_.spend_told(steps) || end_of_steps(); }
    bool end_of_steps();
    // As it stands in its document.
    bool put(Value value) {
        std::string_view source = value.source();
        for (; source.size() > kPiece; source.remove_prefix(kPiece)) {
            out_.put(source.substr(0, kPiece));
            if (!spend(kPiece / Meter::kBytesAStep)) return false;
        }
        out_.put(source);
        return source.size() < kFree || spend(source.size() / Meter::kBytesAStep);
    }
    static constexpr size_t kFree = 256, kPiece = size_t{64} << 10;
    Value find(const BoundPath& path);
    Value find(const PlanMember& member, MemberLookup& lookup);
    // text_ has become longer, and is counted where it is long.
    bool hold_text();
    // @returns false, always
    bool fail(std::string_view subject, std::string_view what, Fault fault = Fault::answer_mapping);
    bool stop(std::string_view subject, PathStop why) { return fail(std::string(subject) + ":", what(why)); }
    PathBounds path_bounds() const { return {.max_nodes = bounds_.max_list, .max_steps = steps_.left()}; }

    const PlanProgram& program_;
    const TextSource& texts_;
    const PlanBounds& bounds_;
    PlanOutput out_;
    Steps steps_;
    std::array<Value, 12> inside_;
    std::vector<Value> outside_;
    std::span<Value> frame_;
    std::string text_;   // scratch
    Held held_text_{Holding::made};  // that
    std::optional<Error> error_;
};

}  // namespace portico::json::detail
