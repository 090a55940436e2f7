#include <algorithm>
#include <memory>

#include "config/read.h"
#include "gateway/exchange.h"
#include "gateway/policy.h"
#include "policy/ip_access/address_rules.h"

namespace portico::policy::ip_access {
namespace {

using config::Field;
using config::Node;
using config::Scope;

constexpr Field<AddressRules> kFields[] = {
    {{"allow", "list of CIDRs and `unix`", "everybody with an address",
      "Who may pass; everybody else may not. `unix`: clients without an address, by a unix socket or because a trusted proxy names none that can be read.",
      R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, AddressRules& r) { r.allow = config::read_cidrs(s, n, &r.unix_allowed); }},
    {{"deny", "list of CIDRs", "nobody", "Who may not pass, even if allowed above.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, AddressRules& r) { r.deny = config::read_cidrs(s, n); }},
};

class IpAccess final : public gateway::Policy {
  public:
    explicit IpAccess(AddressRules rules) : rules_(std::move(rules)) {}

    gateway::Verdict on_request(gateway::Exchange& x) const override {
        if (rules_.admits(x.client_address)) return gateway::Verdict::proceed();
        return gateway::Verdict::refuse(Error(Fault::forbidden, "ip_access: " + (x.client_address ? std::string(x.client_ip) : "the client has no address")));
    }

  private:
    AddressRules rules_;
};

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    AddressRules rules;
    const size_t before = faults.errors();
    const Scope scope(faults, settings.path);
    if (config::read_object<AddressRules>(scope, settings.settings, rules, "ip_access", kFields) && settings.settings.entries.empty()) {
        scope.error(settings.settings.mark, "empty-policy", "ip_access needs allow, deny or both");
    }
    if (faults.errors() != before) return nullptr;
    const config::Node* allow = settings.settings.get("allow");
    if (allow != nullptr && std::ranges::any_of(rules.allow, config::is_nearly_everybody)) {
        Scope(scope, "allow").warning(allow->mark, "allowed-everybody", "nearly every address may pass here: this policy refuses next to nobody",
                                      "name the networks that may pass, or leave allow out where deny alone decides");
    }
    return std::make_unique<IpAccess>(std::move(rules));
}

config::ObjectText describe() {
    return config::describe<AddressRules>("ip_access", "ip_access", "Lets pass or refuses (403) by the client's address.", kFields);
}

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "ip_access",
        .summary = "Lets pass or refuses (403) by the client's address.",
        .can_refuse = true,
        .make = make,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::ip_access
