// What `explain` prints, and what it keeps to itself: values of the environment and of files are shown by their names, passwords of URLs
// as asterisks, and credentials as `…`, wherever in the request they stand and whatever was made of them (LANGUAGE.md §1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/fault.h"
#include "gateway/conditions.h"
#include "gateway/policy.h"
#include "gateway/snapshot.h"
#include "http/message.h"

namespace portico::cli {

class Shown {
  public:
    // @param faults  of the load, which know what must not be shown
    // @requires the snapshot lives as long
    Shown(config::FaultList faults, const gateway::Snapshot& snapshot);

    // The credentials of a request: from now on their texts are hidden wherever they appear.
    void learn(const http::RequestHead& request);
    // As std::printf to stdout.
    [[gnu::format(printf, 2, 3)]] void print(const char* format, ...) const;
    // A request line or a field line of a head, ready to be printed.
    std::string head_line(std::string_view line) const;
    std::string target(std::string_view target) const;
    // A condition of a route that does not hold.
    std::string condition(const gateway::ValueCondition& condition, bool in_query) const;

  private:
    // Where a policy takes credentials out of any header: whether it is none.
    bool is_harmless(std::string_view name) const;
    bool is_credential(std::string_view name, bool in_query) const;

    config::FaultList faults_;
    std::vector<gateway::CredentialPlace> places_;
    const gateway::Snapshot& snapshot_;
};

}  // namespace portico::cli
