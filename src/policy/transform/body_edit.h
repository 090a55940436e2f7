// `edit`: a document changed as it is (json/edit/edit), with body templates as the values that are written. Built at load, immutable,
// used by every worker.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "config/schema.h"
#include "gateway/templates/body_template.h"
#include "json/edit/edit.h"

namespace portico::policy::transform {

class BodyEdit {
  public:
    // @param place what its templates may name; `$value` is added: what stands in the place that is written
    // @returns nullptr exactly after a fault
    static std::unique_ptr<const BodyEdit> read(const config::Scope& scope, const config::Node& node, const gateway::TemplatePlace& place);

    // Its table of settings, for the reference.
    static config::ObjectText describe();

    // Appends the changed document. @returns how many mismatches were passed over
    // @errors answer_mapping, and those of templates
    Result<uint64_t> apply(const gateway::Values& values, json::Value root, std::string& out) const;
    bool names_claims() const {
        return std::ranges::any_of(steps_, [](const Step& s) { return s.value != nullptr && s.value->names_claims(); });
    }
    bool names_response() const {
        return std::ranges::any_of(steps_, [](const Step& s) { return s.value != nullptr && s.value->names_response(); });
    }
    void add_headers(std::vector<std::string>& names) const {
        for (const Step& s : steps_) {
            if (s.value != nullptr) s.value->add_headers(names);
        }
    }
    void check_place(const gateway::PlaceValues& place, const config::Scope& scope) const;

    // The members of the document itself that it removes, or writes under that name.
    const std::vector<std::string>& decided_names() const { return decided_names_; }

  private:
    struct Step {
        config::Mark mark;
        std::unique_ptr<const gateway::BodyTemplate> value;  // of map and set, as the member `v` of an object: it may be left out
    };
    class Giver;
    struct Draft;
    BodyEdit(json::EditPlan plan, std::vector<Step> steps, std::vector<std::string> decided_names, bool skip_mismatches)
        : plan_(std::move(plan)), steps_(std::move(steps)), decided_names_(std::move(decided_names)), skip_mismatches_(skip_mismatches) {}

    json::EditPlan plan_;
    std::vector<Step> steps_;
    std::vector<std::string> decided_names_;
    bool skip_mismatches_;
};

}  // namespace portico::policy::transform
