#include "config/load.h"
#include "policy/table.h"
#include "server/server.h"

namespace portico::server {

std::shared_ptr<const gateway::Snapshot> build_snapshot(std::string source, const std::string& file_name, uint64_t number,
                                                        gateway::Resources& resources, config::FaultList& faults) {
    std::vector<std::string_view> types;
    for (const gateway::PolicyType* t : policy::table()) types.push_back(t->name);
    config::LoadOptions options;
    options.policy_types = types;
    options.keep_faulty = true;
    auto config = config::load(std::move(source), file_name, options, faults);
    if (!config) return nullptr;
    return gateway::Snapshot::build(std::move(*config), policy::table(), number, resources, faults);
}

}  // namespace portico::server
