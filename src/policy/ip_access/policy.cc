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

void read_blocks(const Scope& scope, const Node& node, std::vector<Cidr>& into) {
    for (const config::Text& t : config::read_texts(scope, node, "a CIDR such as 10.0.0.0/8")) {
        if (const auto block = Cidr::parse(t.value)) into.push_back(*block);
        else {
            scope.error(t.mark, "bad-cidr", "expected a CIDR such as 10.0.0.0/8 or one address, found \"" + t.value + "\"",
                        "bits behind the prefix must be zero");
        }
    }
}

constexpr Field<AddressRules> kFields[] = {
    {{"allow", "list of CIDRs", "everybody", "Who may pass; everybody else may not.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, AddressRules& r) { read_blocks(s, n, r.allow); }},
    {{"deny", "list of CIDRs", "nobody", "Who may not pass, even if allowed above.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, AddressRules& r) { read_blocks(s, n, r.deny); }},
};

class IpAccess final : public gateway::Policy {
  public:
    explicit IpAccess(AddressRules rules) : rules_(std::move(rules)) {}

    gateway::Verdict on_request(gateway::Exchange& x) const override {
        if (rules_.admits(x.client_address.ip)) return gateway::Verdict::proceed();
        return gateway::Verdict::refuse(Error(Fault::forbidden, "ip_access: " + std::string(x.client_ip)));
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
