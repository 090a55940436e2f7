#include <memory>

#include "gateway/exchange.h"
#include "gateway/policy.h"
#include "http/credential.h"
#include "policy/api_key/settings.h"

namespace portico::policy::api_key {
namespace {

using gateway::Exchange;
using gateway::Verdict;

std::string challenge_for(const Place& from) {
    std::string text = from.in_query ? "ApiKey query=\"" : "ApiKey header=\"";
    for (const char c : from.name) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + '"';
}

class ApiKey final : public gateway::Policy {
  public:
    ApiKey(std::string_view name, Settings settings)
        : name_(name), settings_(std::move(settings)), challenge_(challenge_for(settings_.from)) {}

    Verdict on_request(Exchange& x) const override {
        const Presented presented = presented_by(x);
        if (presented.count == 0) return refuse(x, Error(Fault::api_key_missing, "api_key: none was sent"));
        if (presented.count > 1) {
            return refuse(x, Error::told(Fault::api_key_unknown, "api_key: " + std::to_string(presented.count) + " were sent", "Send one API key."));
        }
        const auto entry = settings_.keys.find(presented.key);
        if (!entry) return refuse(x, Error(Fault::api_key_unknown, "api_key: unknown"));
        x.claims = settings_.claims[*entry];
        x.identity_by = name_;
        if (auto set = settings_.headers.apply(x); !set) return Verdict::refuse(std::move(set).error());
        if (!settings_.forward_key && !x.in_shadow) withhold_credential(x, std::nullopt);
        return Verdict::proceed();
    }

    gateway::IdentityRole identity() const override { return gateway::IdentityRole::guaranteed; }
    void subject_parties(std::vector<gateway::SubjectParty>& into) const override { into.push_back({.who = "api_key " + std::string(name_), .is_listed = true}); }
    void subject_headers(std::vector<gateway::SubjectHeader>& into) const override {
        std::vector<gateway::SubjectParty> parties;
        subject_parties(parties);
        settings_.headers.subject_headers(parties, into);
    }
    bool sees_credential(Exchange& x) const override { return presented_by(x).count > 0; }
    std::string_view challenge() const override { return challenge_; }
    bool proves(const gateway::TemplatePart& part) const override {
        if (settings_.from.in_query) return part.source == gateway::Source::query_value && part.text == settings_.from.name;
        return part.source == gateway::Source::header && http::is_same_name(part.text, settings_.from.name);
    }
    bool takes_off(const gateway::TemplatePart& part) const override { return !settings_.forward_key && proves(part); }
    // Also where keys are forwarded: in an any_of nobody has verified this one.
    void withhold_credential(Exchange& x, const std::optional<gateway::CredentialPlace>& forwarded) const override {
        if (forwarded && gateway::is_same_place(*forwarded, place())) return;
        if (!settings_.from.in_query) return http::remove_headers(x.request.fields, settings_.from.name);
        const std::string_view left = http::without_pairs(x.view.query, settings_.from.name, x.arena);
        if (left.size() == x.view.query.size()) return;
        x.view.query = left;
        x.view.has_query = !left.empty();
    }

    void credential_places(std::vector<gateway::CredentialPlace>& into) const override {
        into.push_back(place());
    }
    std::optional<gateway::CredentialPlace> forwarded_credential(Exchange&) const override {
        return settings_.forward_key ? std::optional(place()) : std::nullopt;
    }
    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override {
        const bool is_key = side == gateway::MessageSide::request && !settings_.from.in_query && http::is_same_name(name, settings_.from.name);
        return is_key ? gateway::FieldRule::withholds : gateway::FieldRule::none;
    }

  private:
    gateway::CredentialPlace place() const { return {settings_.from.in_query, settings_.from.name}; }
    Presented presented_by(Exchange& x) const {
        if (settings_.from.in_query) return key_in(x.view.query, settings_.from.name, x.arena);
        return key_in(x.request.fields, settings_.from.name);
    }
    Verdict refuse(Exchange& x, Error error) const {
        x.error_fields.add("WWW-Authenticate", challenge_);
        return Verdict::refuse(std::move(error));
    }

    std::string_view name_;
    Settings settings_;
    std::string challenge_;
};

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    Settings read;
    const size_t before = faults.errors();
    config::read_object<Settings>(config::Scope(faults, settings.path), settings.settings, read, "api_key", fields());
    if (faults.errors() != before) return nullptr;
    const config::Node* from = settings.settings.get("from");
    if (const config::Node* header = from == nullptr ? nullptr : from->get("header")) {
        settings.build.reads_of_client(config::Scope(config::Scope(config::Scope(faults, settings.path), "from"), "header"), *header);
    }
    return std::make_unique<ApiKey>(settings.name, std::move(read));
}

constexpr std::string_view kSummary = "Signs in by a key, of which the gateway knows only the hash.";

config::ObjectText describe() { return config::describe<Settings>("api_key", "api_key", kSummary, fields()); }

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "api_key",
        .summary = kSummary,
        .can_refuse = true,
        .make = make,
        .managed_headers = gateway::ClaimHeaders::managed,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::api_key
