// The settings of forward_auth, read and judged. Built at load.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/policy.h"
#include "gateway/rewrite.h"
#include "policy/forward_auth/decision.h"

namespace portico::policy::forward_auth {

inline constexpr std::string_view kSummary = "Asks a service about each request: it decides, and may say who is asking.";

struct Settings {
    int32_t service = -1;
    std::string service_name;
    gateway::TargetTemplate path;
    std::vector<std::string> send{"Authorization", "Cookie"};
    bool send_all = false;  // all that may go there: of those above, which are credentials, is judged what it is
    std::vector<Copied> copy;
    bool copies_authorization = false;  // the client's goes no further
    std::vector<std::string> client_headers;
    Duration timeout = std::chrono::seconds(1);
    bool pass_on_failure = false;

    bool bears_claims() const;
};

// @returns none after a fault
std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults);
// PolicyType::managed_headers, describe.
std::vector<std::string> managed_headers(const config::Node& settings);
config::ObjectText describe();

}  // namespace portico::policy::forward_auth
