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
    std::vector<std::string> body_names;  // members of the body's object that `body` asks for by name
    // What the head tells. Names count in every spelling, as they do for the rules (http/credential.h); of a value that is there more
    // than once, each: the service may take any of them. @param query without "?"
    bool holds_for_request(const http::FieldList& fields, std::string_view query) const;
    bool holds_for_answer(int status, const http::FieldList& fields) const;

  private:
    bool holds_for_fields(const http::FieldList& fields) const;
};

// Of a condition over a body: Condition::body_names.
std::vector<std::string> member_names(const gateway::DocumentCondition& condition);

}  // namespace portico::policy::transform
