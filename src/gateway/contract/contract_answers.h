// The OpenAPI documents that a configuration names, each read once, and the answers that they declare for the requests of its routes
// and calls. At load; for the contract checks (gateway/contract/contract.h).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "config/fault.h"
#include "config/model.h"
#include "config/openapi.h"

namespace portico::gateway {

// A fault's place: in the file and in the configuration.
struct ContractPlace {
    config::Mark mark;
    std::string path;  // "routes[3].aggregate.calls.user"
};

// Faults of contracts, each told once however many routes share what has it.
class ContractFaults {
  public:
    explicit ContractFaults(config::FaultList& faults) : faults_(faults) {}
    void tell(config::Severity severity, const ContractPlace& at, const char* code, std::string message,
              std::string hint = {});
    // @returns the path of a document that the configuration names
    std::string beside(const std::string& name) const { return faults_.beside(name); }

  private:
    config::FaultList& faults_;
    std::set<std::tuple<uint32_t, uint32_t, std::string>> told_;
};

struct DeclaredAnswer {
    const config::OpenApi* api = nullptr;
    std::vector<const config::Node*> schemas;
    std::string what;  // "GET /users/{id} (users.yaml)"
};

class DeclaredAnswers {
  public:
    explicit DeclaredAnswers(ContractFaults& faults) : faults_(faults) {}

    // @returns nullptr after a fault, told at `at`
    const config::OpenApi* document(const config::Text& schema, const ContractPlace& at);
    // The JSON answers of the operations that requests of these methods and of that path meet, each by itself. A request that meets
    // none gets a warning.
    // @param methods empty: every one that is declared there
    std::vector<DeclaredAnswer> find(const config::Text& schema, std::span<const std::string> methods,
                                     const std::string& path, const ContractPlace& at);

  private:
    void tell_unmet(const config::OpenApi& api, const std::string& name, std::string_view method,
                    const std::string& path, const ContractPlace& at);

    ContractFaults& faults_;
    std::map<std::string, std::shared_ptr<const config::OpenApi>> documents_;  // nullptr: it could not be read
};

}  // namespace portico::gateway
