// What a JSONPath finds in documents of a declared shape: the path walked through schemas instead of values. At load; for the contract
// checks (gateway/contract/contract.h).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/openapi.h"
#include "json/path/path.h"

namespace portico::gateway {

struct PathJudgement {
    // Of the whole path, or of the step at which it fails.
    config::SchemaStep::Verdict verdict = config::SchemaStep::Verdict::declared;
    bool always = true;                     // there is a value, whatever the document
    std::string before;                     // the path up to the step that fails, such as "$.user"
    std::string step;                       // that step: a member's name, or "[*]"
    std::vector<std::string_view> names{};  // that are declared there
};

// @param answers the schemas of the document, of which one holds
PathJudgement judge_path(const config::OpenApi& api, std::span<const config::Node* const> answers,
                         const json::Path& path);

}  // namespace portico::gateway
