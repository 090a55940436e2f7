#include "gateway/limit_key.h"

#include <algorithm>
#include <array>

#include "gateway/client_address.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"
#include "gateway/subjects.h"

namespace portico::gateway {
namespace {

constexpr size_t kMaxValues = 8;

// Whether nobody before the limit has set or judged the value.
bool is_chosen_by_client(const TemplatePart& part, const PolicyPlace& place) {
    if (part.source != Source::header && part.source != Source::query_value) return false;
    if (part.source == Source::header && (is_forwarding_header(part.text) || (place.reads != nullptr && place.reads->is_set(part.text)))) return false;
    return std::ranges::none_of(place.before, [&](const ChainLink& l) { return !l.shadow && l.policy->proves(part); });
}

}  // namespace

LimitKey::LimitKey() {
    TemplatePart part;
    part.source = Source::client_ip;
    values_.emplace_back(std::vector{std::move(part)});
}

LimitKey LimitKey::read(const config::Scope& scope, const config::Node& node) {
    LimitKey key;
    key.values_.clear();
    const size_t before = scope.faults().errors();
    for (const config::Text& text : config::read_texts(scope, node, "a value such as client.ip, or a list of them", config::Braces::notation)) {
        Template value = Template::parse_value(scope, text, {.deferred = true});
        if (scope.faults().errors() != before) continue;
        if (!value.is_single()) {
            scope.error(text.mark, "bad-key", "a key is one value or a list of values, found \"" + text.value + "\"",
                        "write [client.ip, claims.sub]: values are joined so that none can look like two");
        }
        key.values_.push_back(std::move(value));
    }
    if (scope.faults().errors() != before) return {};
    if (key.values_.empty() || key.values_.size() > kMaxValues) {
        scope.error(node.mark, "bad-key", "a key has 1 to " + std::to_string(kMaxValues) + " values");
        return {};
    }
    return key;
}

bool LimitKey::check_place(const PolicyPlace& place, config::Mark mark, const config::Scope& scope) const {
    if (!std::ranges::all_of(values_, [&](const Template& t) { return t.check_place(place, mark, scope); })) return false;
    const auto chosen = [&](const Template& t) { return is_chosen_by_client(t.parts().front(), place); };
    if (!std::ranges::all_of(values_, chosen)) return true;
    scope.warning(mark, "chosen-key",
                  "clients choose " + name_of(values_.front().parts().front()) + ": whoever sends another value with each request is never limited",
                  "add client.ip to the key, or put a policy before it that proves the value");
    return true;
}

bool LimitKey::is_address() const { return values_.size() == 1 && values_[0].parts().front().source == Source::client_ip; }

bool LimitKey::is_subject() const { return values_.size() == 1 && gateway::is_subject(values_[0]); }

bool LimitKey::names_claims() const {
    return std::ranges::any_of(values_, [](const Template& t) { return t.names_claims(); });
}

bool LimitKey::names_parameter(std::string_view name) const {
    return std::ranges::any_of(values_, [&](const Template& t) { return t.names_parameter(name); });
}

bool LimitKey::names_header(std::string_view name) const {
    return std::ranges::any_of(values_, [&](const Template& t) { return t.names_header(name); });
}

Result<void> LimitKey::build(const Exchange& x, std::string& out) const {
    const Values values = x.values();
    Arena arena;
    std::string address;
    std::array<std::string_view, kMaxValues> found;
    for (size_t i = 0; i < values_.size(); ++i) {
        const TemplatePart& part = values_[i].parts().front();
        if (part.source == Source::client_ip) {
            if (!x.client_address || x.client_address->is_v4()) {
                // Clients without an address count as one.
                found[i] = x.client_address ? x.client_ip : kNoAddress;
                continue;
            }
            if (address.empty()) append_limited_address(*x.client_address, address);
            found[i] = address;
            continue;
        }
        const Fault fault = part.source == Source::claim ? Fault::claim_refused : Fault::value_refused;
        if (values.is_compound(part)) return fail(fault, "a limit's key: " + name_of(part) + " is a list or an object");
        const auto value = values.get(part, arena);
        if (!value || value->empty()) return fail(fault, "a limit's key: " + name_of(part) + " has no value");
        found[i] = *value;
    }
    append_joined(std::span(found).first(values_.size()), out);
    return {};
}

void append_limited_address(const IpAddress& address, std::string& out) {
    if (address.is_v4()) {
        out += address.text();
        return;
    }
    IpAddress network = address;
    std::fill(network.bytes.begin() + 8, network.bytes.end(), uint8_t{0});
    out.append(network.text()).append("/64");
}

void append_joined(std::span<const std::string_view> values, std::string& out) {
    if (values.size() == 1) {
        out += values.front();
        return;
    }
    for (const std::string_view v : values) out.append(std::to_string(v.size())).append(":").append(v);
}

}  // namespace portico::gateway
