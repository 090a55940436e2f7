// Properties of edits: what is written is JSON again, and the same by the same plan; a plan of nothing copies; after a fault nothing is
// left; keeping never adds, and what was removed is gone. The input is lines: an edit each (`k`, `d`, `r NAME`, `v TARGET`, `m` or `s`
// before a path), then the document.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "json/edit/edit.h"
#include "json/path/path.h"

namespace {

using namespace portico::json;

class Values final : public EditValues {
    Outcome give(size_t step, Value old, std::string& out) override {
        if (step % 4 == 3) return Outcome::none;
        out += old ? std::string(old.source()) : std::to_string(step);
        return Outcome::value;
    }
};

bool read_step(std::string_view line, EditStep& step) {
    constexpr std::string_view kLetters = "kdrvms";
    const size_t kind = line.empty() ? std::string_view::npos : kLetters.find(line[0]);
    if (kind == std::string_view::npos) return false;
    step.kind = static_cast<EditKind>(kind);
    line.remove_prefix(1);
    if (step.kind == EditKind::rename || step.kind == EditKind::move) {
        const size_t space = line.find(' ');
        step.to = line.substr(0, space);
        line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    }
    step.path = line;
    return true;
}

void check_removed(const std::vector<EditStep>& steps, const Document& changed) {
    if (steps.size() != 1 || steps[0].kind != EditKind::remove || !steps[0].path.starts_with("$..") ||
        steps[0].path.find_first_of("[?*-", 3) != std::string::npos) {
        return;
    }
    const auto path = Path::compile(steps[0].path);
    const Value root = changed.root();
    const auto left = path->exists(std::span(&root, 1));
    PORTICO_CHECK(left && !*left);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 2048) return 0;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::vector<EditStep> steps;
    while (true) {
        const size_t end = text.find('\n');
        EditStep step;
        if (end == std::string_view::npos || !read_step(text.substr(0, end), step)) break;
        steps.push_back(std::move(step));
        text.remove_prefix(end + 1);
    }
    const auto document = Document::parse(text);
    if (!document) return 0;
    const auto plan = EditPlan::compile(steps);
    if (!plan) {
        PORTICO_CHECK(plan.error().step < steps.size() && !plan.error().what.empty());
        return 0;
    }
    for (const bool skip : {false, true}) {
        Values values;
        const EditBounds bounds{.max_steps = 100'000, .max_size = 100'000, .skip_mismatches = skip};
        std::string out = "x";
        std::string again;
        const auto done = plan->apply(document->root(), values, out, bounds);
        PORTICO_CHECK(plan->apply(document->root(), values, again, bounds).has_value() == done.has_value());
        PORTICO_CHECK(out.substr(1) == again);
        if (!done) {
            PORTICO_CHECK(out == "x" && !done.error().what().empty());
            PORTICO_CHECK(!skip || done.error().reason != EditFault::Reason::mismatch);
            continue;
        }
        PORTICO_CHECK(again.size() <= bounds.max_size && (skip || *done == 0));
        const auto changed = Document::parse(again, {.max_depth = 1024});
        PORTICO_CHECK(changed.has_value());
        if (steps.empty()) PORTICO_CHECK(again == document->root().source());
        check_removed(steps, *changed);
    }
    return 0;
}
