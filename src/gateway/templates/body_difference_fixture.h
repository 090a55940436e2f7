// For tests: one template over one document, by the plan and by the reference, compared.
#pragma once

#include <cstdlib>
#include <string>

#include "base/check.h"
#include "gateway/templates/body_reference_fixture.h"
#include "gateway/templates/body_template.h"

namespace portico::gateway {

struct Difference {
    bool compiled = false;
    bool compared = false;      // both knew what to make of it
    std::string plan{}, reference{};  // JSON in one spelling, or "failed"
    bool is_one() const { return compared && plan != reference; }
};

// Faults must have a place; what is rendered must be JSON.
inline Difference compare(const std::string& yaml, const json::Document& document) {
    Difference d;
    config::FaultList faults;
    const auto file = config::Document::parse(yaml, [](std::string_view) { return std::optional<std::string>(); }, faults);
    if (!file->has_root() || faults.has_errors()) return d;
    static const std::vector<std::string> names{"", "user", "gone"};
    static const std::vector<std::string> calls{"user", "gone"};
    static const std::vector<CallResult> results{{200, nullptr}, {0, nullptr}};
    const TemplatePlace place{.no_request = true, .roots = &names, .calls = &calls};
    const auto body = BodyTemplate::compile(config::Scope(faults), file->root(), place);
    PORTICO_CHECK((body == nullptr) == faults.has_errors());
    for (const config::Located& fault : faults.all()) PORTICO_CHECK(fault.mark.line > 0 && fault.mark.column > 0 && !fault.message.empty());
    if (body == nullptr) return d;
    d.compiled = true;

    const std::vector<json::Value> roots{document.root(), document.root().find("user"), json::Value()};
    Values values;
    values.roots = roots;
    values.calls = results;
    const std::string before = "before";
    std::string out = before;
    const auto made = body->render(values, out);
    bool bounded = false;
    if (made) {
        PORTICO_CHECK(out.starts_with(before));
        const auto parsed = json::Document::parse(std::string_view(out).substr(before.size()), {.max_size = json::Document::kMaxSize, .max_depth = 1000, .duplicates = json::Duplicates::keep});
        PORTICO_CHECK(parsed.has_value());
        json::append_value(d.plan, parsed->root());
    } else {
        PORTICO_CHECK(out == before && !made.error().client_detail.empty());
        d.plan = "failed";
        bounded = made.error().context.find(" too ") != std::string::npos || made.error().context.find("larger") != std::string::npos;
    }
    try {
        BodyReference reference({{"", roots[0]}, {"user", roots[1]}, {"gone", roots[2]}}, calls, results);
        d.reference = reference.body(file->root());
    } catch (const BodyReference::Failed&) {
        d.reference = "failed";
    } catch (const BodyReference::Unknown&) {
        return d;
    }
    d.compared = !bounded;
    return d;
}

}  // namespace portico::gateway
