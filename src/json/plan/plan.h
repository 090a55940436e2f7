// A body template compiled (LANGUAGE.md §4): JSON text made of the documents at hand, in one walk and straight into the output.
// Constants and names are rendered at load; what is not changed is copied from the document as it is written there, white space,
// escapes and the digits of numbers included. Layer 1: it knows documents; texts with values of the gateway come from a TextSource.
//
// Thread-safe: a Plan never changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "json/plan/shape.h"

namespace portico::json {

// What one rendering may take.
struct PlanBounds {
    size_t max_output = size_t{64} << 20;  // bytes
    uint64_t max_steps = 20'000'000;       // one for each value that is looked at or made
    size_t max_list = 1'000'000;           // values of one list, where they must be held: to be sorted, or found by a query
};

// Texts of a shape that the gateway makes: `{…}` strings.
class TextSource {
  public:
    virtual ~TextSource() = default;
    // Appends the text, unescaped. `frame`: the documents and variables, by place. Adds what it costs to `cost`, in steps.
    // @returns whether there was a value: false where it is nothing but one `{…}` without one
    virtual Result<bool> append_text(uint32_t text, std::span<const Value> frame, std::string& out, uint64_t& cost) const = 0;
};

namespace detail {
struct PlanProgram;
struct PlanProgramDeleter {
    void operator()(const PlanProgram* program) const;
};
}  // namespace detail

class Plan {
  public:
    // @param roots  how many documents its paths know
    static Plan make(ShapePtr shape, size_t roots);

    // Appends the JSON text. After a failure `out` is as it was.
    // @param documents  by place; no value there is a document that is not there
    // @errors answer_mapping, its client_detail naming the path; those of `texts`
    Result<void> render(std::span<const Value> documents, const TextSource& texts, std::string& out, const PlanBounds& bounds = {}) const;

  private:
    using Program = std::unique_ptr<const detail::PlanProgram, detail::PlanProgramDeleter>;
    explicit Plan(Program program);
    Program program_;
};

}  // namespace portico::json
