#include <cstdio>

#include "cli/commands.h"
#include "config/load.h"
#include "policy/table.h"

namespace portico::cli {

int schema(bool markdown) {
    std::vector<config::ObjectText> policies;
    for (const gateway::PolicyType* type : policy::table()) {
        if (type->describe != nullptr) policies.push_back(type->describe());
    }
    const std::string text = markdown ? config::markdown_reference(policies) : config::json_schema(policies);
    std::fputs(text.c_str(), stdout);
    if (!text.ends_with('\n')) std::fputc('\n', stdout);
    return kGood;
}

}  // namespace portico::cli
