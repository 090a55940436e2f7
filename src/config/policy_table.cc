#include "config/objects.h"
#include "config/read.h"
#include "http/message.h"

namespace portico::config {
namespace {

constexpr std::string_view kModes[] = {"enforce", "shadow"};

// A slash parts a name from what is counted of it apart, as `fair-use/shadow`.
bool is_policy_name(const Scope& scope, const std::string& name, Mark mark) {
    if (!name.empty() && name.find('/') == std::string::npos) return true;
    scope.error(mark, "policy-name", name.empty() ? "a policy's name is empty" : "a policy's name holds no \"/\", found \"" + name + "\"");
    return false;
}

}  // namespace

std::optional<PolicyConfig> read_policy(const Scope& scope, const Node& node, bool in_place) {
    if (!node.is_mapping()) {
        scope.expected(node, "a policy as a mapping: one type with its settings");
        return std::nullopt;
    }
    PolicyConfig policy;
    policy.mark = node.mark;
    bool good = true;
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        if (e.key == "mode") {
            const auto mode = read_word(at, *e.value, kModes);
            good &= mode.has_value();
            policy.shadow = mode.value_or(0) == 1;
        } else if (e.key == "name" && in_place) {
            const auto name = read_string(at, *e.value, "a name");
            good &= name.has_value();
            if (name) policy.name = *name;
            good &= !name || is_policy_name(at, *name, e.value->mark);
        } else if (policy.settings == nullptr) {
            policy.type = e.key;
            policy.settings = e.value;
            policy.mark = e.key_mark;
        } else {
            at.error(e.key_mark, "policy-type",
                     "a policy has one type, this one has \"" + policy.type + "\" and \"" + e.key + "\"",
                     "write two policies and list both in use");
            good = false;
        }
    }
    if (policy.settings == nullptr) {
        scope.error(node.mark, "policy-type", "a policy needs a type with its settings, such as ip_access: { allow: [10.0.0.0/8] }");
        return std::nullopt;
    }
    if (!good) return std::nullopt;
    return policy;
}

void read_policies(const Scope& scope, const Node& node, Draft& into) {
    if (!node.is_mapping()) return scope.expected(node, "policies by name");
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        if (auto policy = read_policy(at, *e.value, false)) {
            policy->name = e.key;
            policy->name_mark = e.key_mark;
            (void)is_policy_name(at, e.key, e.key_mark);
            into.config.policies.push_back(std::move(*policy));
        } else {
            into.broken_policies.push_back(e.key);
        }
    }
}

void read_use(const Scope& scope, const Node& node, RouteConfig& into) {
    if (!node.is_sequence()) {
        std::string hint;
        if (node.is_scalar() && node.kind != NodeKind::null) hint = "did you mean [" + node.text + "]?";
        return scope.expected(node, "a list of policies", hint);
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
        const Node& item = *node.items[i];
        const Scope at(scope, i);
        UseEntry entry;
        entry.mark = item.mark;
        if (item.is_mapping()) {
            auto policy = read_policy(at, item, true);
            if (!policy) continue;
            entry.in_place = std::move(policy);
        } else if (auto name = read_string(at, item, "the name of a policy, or a policy in place")) {
            entry.name = *name;
        } else {
            continue;
        }
        into.use.push_back(std::move(entry));
    }
}

}  // namespace portico::config
