// `when`: which messages a part of a transform is for. All that is written must hold. Built at load, used by every worker.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/templates/body_template.h"
#include "gateway/conditions.h"
#include "http/fields.h"

namespace portico::policy::transform {

struct Condition {
    bool written = false;
    std::vector<std::pair<int, int>> statuses;  // of an answer: from and to, both included
    std::vector<gateway::ValueCondition> headers;
    std::vector<gateway::ValueCondition> query;  // of a request
    std::vector<std::string> content_types;      // "application/json", "text/*"; without parameters
    std::unique_ptr<const gateway::DocumentCondition> body;

    // What the head tells. @param query without "?"
    bool holds_for_request(const http::FieldList& fields, std::string_view query) const;
    bool holds_for_answer(int status, const http::FieldList& fields) const;

  private:
    bool holds_for_fields(const http::FieldList& fields) const;
};

}  // namespace portico::policy::transform
