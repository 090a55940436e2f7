#include "gateway/limit_key.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "gateway/client_address.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"

namespace portico::gateway {
namespace {

constexpr size_t kMaxValues = 8;

// Whether nobody before the limit has set or judged the value.
bool is_chosen_by_client(const TemplatePart& part, const PolicyPlace& place) {
    if (part.source == Source::request_id) return true;  // X-Request-ID
    if (part.source != Source::header && part.source != Source::query_value && part.source != Source::cookie) return false;
    if (part.source == Source::header && (is_forwarding_header(part.text) || (place.reads != nullptr && place.reads->is_set(part.text)))) return false;
    return std::ranges::none_of(place.before, [&](const ChainLink& l) { return !l.shadow && l.policy->proves(part); });
}

}  // namespace

LimitKey::LimitKey() {
    TemplatePart part;
    part.source = Source::client_ip;
    values_.emplace_back(std::vector{std::move(part)});
}

void LimitKey::read_values(const config::Scope& scope, const config::Node& node) {
    for (const config::Text& text : config::read_texts(scope, node, "a value such as client.ip, or a list of them", config::Braces::notation)) {
        const size_t before = scope.faults().errors();
        Template value = Template::parse_value(scope, text, {.deferred = true});
        if (scope.faults().errors() != before) continue;
        if (!value.is_single()) {
            scope.error(text.mark, "bad-key", "a key is one value or a list of values, found \"" + text.value + "\"",
                        "write [client.ip, claims.sub]: values are joined so that none can look like two");
        }
        values_.push_back(std::move(value));
    }
}

LimitKey LimitKey::read(const config::Scope& scope, const config::Node& node) {
    LimitKey key;
    key.values_.clear();
    if (node.kind == config::NodeKind::string && node.text == "all") {
        key.mode_ = Mode::all;
        return key;
    }
    const size_t before = scope.faults().errors();
    const config::Node* const first = node.is_mapping() && node.entries.size() == 1 ? node.get("first") : nullptr;
    if (node.is_mapping() && first == nullptr) {
        constexpr std::array<std::string_view, 1> kWords = {"first"};
        const bool nearly = node.is_mapping() && node.entries.size() == 1 && !nearest(node.entries[0].key, kWords.data(), kWords.size()).empty();
        scope.expected(node, "a value such as client.ip, a list of them, { first: [claims.sub, client.ip] } or all", nearly ? "did you mean first?" : "");
        return {};
    }
    if (first != nullptr) key.mode_ = Mode::first;
    key.read_values(first == nullptr ? scope : config::Scope(scope, "first"), first == nullptr ? node : *first);
    if (scope.faults().errors() != before) return {};
    const size_t least = first == nullptr ? 1 : 2;
    if (key.values_.size() < least || key.values_.size() > kMaxValues) {
        scope.error(node.mark, "bad-key", (first == nullptr ? "a key has " : "first has ") + std::to_string(least) + " to " + std::to_string(kMaxValues) + " values");
        return {};
    }
    return key;
}

bool LimitKey::check_place(const PolicyPlace& place, config::Mark mark, const config::Scope& scope) const {
    PlaceValues values = place;
    values.identity |= mode_ == Mode::first && place.any_identity;
    const auto is_there = [&](const Template& t) { return t.check_place(values, mark, scope) && check_not_taken_off(t, place, mark, scope); };
    if (!std::ranges::all_of(values_, is_there)) return false;
    // Of several together one that clients do not choose is enough; of the first that is there, each may be the one.
    const auto chosen = [&](const Template& t) { return is_chosen_by_client(t.parts().front(), place); };
    const auto one = std::ranges::find_if(values_, chosen);
    if (one == values_.end() || (mode_ == Mode::joined && !std::ranges::all_of(values_, chosen))) return true;
    const TemplatePart& part = one->parts().front();
    const std::string why = "clients choose " + name_of(part) + ": whoever sends another value with each request is never limited";
    constexpr std::string_view kHint = "add client.ip to the key, or put a policy before it that proves the value";
    // Of a header that is taken off every request that is said instead.
    if (part.source == Source::header && place.reads != nullptr) place.reads->warn_of_client(part.text, mark, scope.path(), "chosen-key", why, kHint);
    else scope.warning(mark, "chosen-key", why, std::string(kHint));
    return true;
}

bool LimitKey::is_address() const { return is_one_value() && values_[0].parts().front().source == Source::client_ip; }

bool LimitKey::is_subject() const {
    if (mode_ == Mode::joined && values_.size() != 1) return false;
    return std::ranges::any_of(values_, [](const Template& t) { return gateway::is_subject(t); });
}

bool LimitKey::names_claims() const {
    return std::ranges::any_of(values_, [](const Template& t) { return t.names_claims(); });
}

bool LimitKey::names_parameter(std::string_view name) const {
    return std::ranges::any_of(values_, [&](const Template& t) { return t.names_parameter(name); });
}

bool LimitKey::names_header(std::string_view name) const {
    return std::ranges::any_of(values_, [&](const Template& t) { return t.names_header(name); });
}

namespace {

Fault fault_of(const TemplatePart& part) { return part.source == Source::claim ? Fault::claim_refused : Fault::value_refused; }

}  // namespace

Result<std::optional<std::string_view>> LimitKey::value_of(const TemplatePart& part, const Exchange& x, Arena& arena) const {
    if (part.source == Source::client_ip) {
        // Clients without an address count as one.
        if (!x.client_address || x.client_address->is_v4()) return x.client_address ? x.client_ip : kNoAddress;
        std::string address;
        append_limited_address(*x.client_address, address);
        return arena.copy(address);
    }
    const Values values = x.values();
    if (values.is_compound(part)) return fail(fault_of(part), "a limit's key: " + name_of(part) + " is a list or an object");
    auto value = values.get(part, arena);
    if (value && value->empty()) value.reset();
    return value;
}

Result<void> LimitKey::build_first(const Exchange& x, std::string& out) const {
    Arena arena;
    std::string names;
    bool claims = true;
    for (const Template& t : values_) {
        const TemplatePart& part = t.parts().front();
        auto value = value_of(part, x, arena);
        if (!value) return fail(std::move(value).error());
        const std::string name = part.source == Source::client_ip ? "client.ip" : name_of(part);
        if (*value) {
            append_joined(std::array<std::string_view, 2>{name, **value}, out);
            return {};
        }
        claims &= part.source == Source::claim;
        names.append(names.empty() ? "" : ", ").append(name);
    }
    return fail(claims ? Fault::claim_refused : Fault::value_refused, "a limit's key: none of " + names + " has a value");
}

Result<void> LimitKey::build(const Exchange& x, std::string& out) const {
    if (mode_ == Mode::first) return build_first(x, out);
    if (mode_ == Mode::all) {
        out += "all";
        return {};
    }
    Arena arena;
    std::array<std::string_view, kMaxValues> found;
    for (size_t i = 0; i < values_.size(); ++i) {
        const TemplatePart& part = values_[i].parts().front();
        auto value = value_of(part, x, arena);
        if (!value) return fail(std::move(value).error());
        if (!*value) return fail(fault_of(part), "a limit's key: " + name_of(part) + " has no value");
        found[i] = **value;
    }
    append_joined(std::span(found).first(values_.size()), out);
    return {};
}

bool check_not_taken_off(const Template& value, const PolicyPlace& place, config::Mark mark, const config::Scope& scope) {
    for (const TemplatePart& part : value.parts()) {
        // A policy before the limit has set it anew.
        if (part.source == Source::header && place.reads != nullptr && place.reads->is_set(part.text)) continue;
        const auto takes = [&](const ChainLink& l) { return !l.shadow && l.policy->takes_off(part); };
        const auto found = std::ranges::find_if(place.before, takes);
        if (found == place.before.end()) continue;
        scope.error(mark, "taken-off", name_of(part) + " has no value here: \"" + std::string(found->name) + "\" before it takes that off, as a credential",
                    "name {claims.sub}, or let the credential go on (forward_key, forward_token)");
        return false;
    }
    return true;
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
