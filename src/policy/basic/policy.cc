#include <memory>

#include "config/read.h"
#include "gateway/claim_headers.h"
#include "gateway/exchange.h"
#include "gateway/policy.h"
#include "json/writer.h"
#include "policy/basic/credentials.h"
#include "policy/basic/htpasswd.h"
#include "policy/basic/verifier.h"

namespace portico::policy::basic {
namespace {

using config::Field;
using config::Node;
using config::Scope;
using gateway::Exchange;
using gateway::Verdict;

struct Settings {
    std::vector<User> users;
    std::string realm = "Restricted";
    gateway::ClaimHeaders headers;
};

// @returns none after a fault
std::optional<std::string> lines_of(const Scope& scope, const Node& node) {
    if (!node.is_sequence()) return config::read_secret(scope, node);
    std::string text;
    for (const config::Text& line : config::read_texts(scope, node, "user:hash", config::Braces::notation)) text.append(line.value).append("\n");
    return text;
}

constexpr Field<Settings> kFields[] = {
    {{"htpasswd", "`{ file }`, or lines", "", "Who may come in: `user:hash` lines, as `htpasswd -B` writes them. bcrypt and Argon2 only.", "{}", true, true},
     [](const Scope& s, const Node& n, Settings& v) {
         const size_t before = s.faults().errors();
         const auto lines = lines_of(s, n);
         if (!lines) return;
         std::vector<HtpasswdFault> faults;
         v.users = read_htpasswd(*lines, faults);
         for (const HtpasswdFault& f : faults) s.error(n.mark, "bad-htpasswd", "line " + std::to_string(f.line) + ": " + f.what, config::file_hint(n));
         if (v.users.empty() && s.faults().errors() == before) s.error(n.mark, "empty-policy", "there are no users: nobody would pass");
     }},
    {{"realm", "text", "Restricted", "What browsers show when they ask for the password.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Settings& v) {
         const auto text = config::read_string(s, n);
         if (!text) return;
         if (!http::is_field_value(*text)) s.error(n.mark, "bad-realm", "a realm holds no control characters");
         v.realm = *text;
     }},
    {{"claims_to_headers", "mapping of headers", "none", gateway::ClaimHeaders::kDoc, gateway::ClaimHeaders::kSchema},
     [](const Scope& s, const Node& n, Settings& v) { v.headers = gateway::ClaimHeaders::read(s, n); }},
};

json::Document claims_of(std::string_view user) {
    std::string text;
    json::Writer(text).begin_object().key("sub").value(user).end_object();
    auto claims = json::Document::parse(text);
    return claims ? std::move(*claims) : json::Document();
}

std::string challenge_for(std::string_view realm) {
    std::string text = "Basic realm=\"";
    for (const char c : realm) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + "\", charset=\"UTF-8\"";
}

class Basic final : public gateway::Policy {
  public:
    Basic(std::string_view name, Settings settings, std::shared_ptr<HashingPool> pool)
        : name_(name), settings_(std::move(settings)), challenge_(challenge_for(settings_.realm)), pool_(std::move(pool)) {
        for (size_t i = 0; i < settings_.users.size(); ++i) {
            claims_.push_back(claims_of(settings_.users[i].name));
            by_name_.emplace(settings_.users[i].name, i);
        }
    }

    Verdict on_request(Exchange& x) const override {
        Credentials sent;
        if (auto refused = read(x, sent)) return std::move(*refused);
        auto& verifier = x.state_of<Verifier>(*this);
        const Fingerprint fingerprint = verifier.fingerprinter().of(sent.user, sent.password);
        const auto user = by_name_.find(sent.user);
        if (user != by_name_.end() && verifier.was_right(fingerprint)) return accept(x, user->second);
        return Verdict::wait(decide_later(x, verifier, fingerprint, sent));
    }
    // Here there is time: `explain` verifies at once.
    std::optional<Verdict> decide_now(Exchange& x) const override {
        Credentials sent;
        if (auto refused = read(x, sent)) return refused;
        const auto user = by_name_.find(sent.user);
        if (user == by_name_.end()) return refuse(x, Error(Fault::basic_wrong, "basic: unknown user"));
        if (!settings_.users[user->second].hash.verify(std::string(sent.password))) return refuse(x, Error(Fault::basic_wrong, "basic: wrong password"));
        return accept(x, user->second);
    }

    gateway::IdentityRole identity() const override { return gateway::IdentityRole::guaranteed; }
    void subject_parties(std::vector<gateway::SubjectParty>& into) const override { into.push_back({.who = "basic " + std::string(name_), .is_listed = true}); }
    void subject_headers(std::vector<gateway::SubjectHeader>& into) const override {
        std::vector<gateway::SubjectParty> parties;
        subject_parties(parties);
        settings_.headers.subject_headers(parties, into);
    }
    bool sees_credential(Exchange& x) const override { return credential(x) != nullptr; }
    std::string_view challenge() const override { return challenge_; }
    bool takes_off(const gateway::TemplatePart& part) const override {
        return part.source == gateway::Source::header && http::is_same_name(part.text, "Authorization");
    }
    void withhold_credential(Exchange& x, const std::optional<gateway::CredentialPlace>& forwarded) const override {
        if (forwarded && gateway::is_same_place(*forwarded, {false, "Authorization"})) return;
        x.request.fields.remove_if([](const http::Field& f) { return f.id == http::FieldName::authorization && is_basic(f.value); });
    }
    std::unique_ptr<gateway::WorkerState> make_worker_state(gateway::Context& context, gateway::Epoch&) const override {
        return std::make_unique<Verifier>(context, name_, pool_);
    }

  private:
    static const http::Field* credential(const Exchange& x) {
        for (const http::Field& f : x.request.fields) {
            if (f.id == http::FieldName::authorization && is_basic(f.value)) return &f;
        }
        return nullptr;
    }

    // @returns the refusal where there is nothing that could be verified
    std::optional<Verdict> read(Exchange& x, Credentials& sent) const {
        const http::Field* field = credential(x);
        if (field == nullptr) return refuse(x, Error(Fault::basic_missing, "basic: no credentials of this scheme"));
        if (x.request.fields.count(http::FieldName::authorization) > 1) return refuse(x, Error(Fault::basic_wrong, "basic: several Authorization fields"));
        const auto credentials = read_credentials(field->value, x.arena);
        if (!credentials) return refuse(x, Error(Fault::basic_wrong, "basic: malformed credentials"));
        sent = *credentials;
        return std::nullopt;
    }

    // A name that nobody has costs what a wrong password costs: the hash of some user, always the same one for a name.
    const PasswordHash& decoy(const Fingerprinter& fingerprinter, std::string_view name) const {
        return settings_.users[FingerprintHash()(fingerprinter.of(name, "")) % settings_.users.size()].hash;
    }

    io::Task<Verdict> decide_later(Exchange& x, Verifier& verifier, Fingerprint fingerprint, Credentials sent) const {
        const auto user = by_name_.find(sent.user);
        const bool known = user != by_name_.end();
        const PasswordHash& hash = known ? settings_.users[user->second].hash : decoy(verifier.fingerprinter(), sent.user);
        const Outcome outcome = co_await verifier.check(fingerprint, hash, sent.password, known, x.client_host());
        if (outcome == Outcome::busy) co_return Verdict::refuse(Error(Fault::policy_unavailable, "basic: too many passwords wait to be verified"));
        if (outcome == Outcome::wrong) co_return refuse(x, Error(Fault::basic_wrong, known ? "basic: wrong password" : "basic: unknown user"));
        co_return accept(x, user->second);
    }

    Verdict accept(Exchange& x, size_t user) const {
        x.claims = claims_[user];
        x.identity_by = name_;
        if (auto set = settings_.headers.apply(x); !set) return Verdict::refuse(std::move(set).error());
        if (!x.in_shadow) withhold_credential(x, std::nullopt);
        return Verdict::proceed();
    }
    Verdict refuse(Exchange& x, Error error) const {
        x.error_fields.add("WWW-Authenticate", challenge_);
        return Verdict::refuse(std::move(error));
    }

    std::string_view name_;
    Settings settings_;
    std::string challenge_;
    std::shared_ptr<HashingPool> pool_;
    std::vector<json::Document> claims_;  // by user
    std::map<std::string, size_t, std::less<>> by_name_;
};

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    Settings read;
    const size_t before = faults.errors();
    config::read_object<Settings>(Scope(faults, settings.path), settings.settings, read, "basic", kFields);
    if (faults.errors() != before) return nullptr;
    auto pool = settings.build.resources().get<HashingPool>("hashing", "", HashingPool::make);
    return std::make_unique<Basic>(settings.name, std::move(read), std::move(pool));
}

constexpr std::string_view kSummary = "Signs in by user name and password (HTTP Basic), against bcrypt or Argon2 hashes.";

config::ObjectText describe() { return config::describe<Settings>("basic", "basic", kSummary, kFields); }

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "basic",
        .summary = kSummary,
        .can_refuse = true,
        .make = make,
        .managed_headers = gateway::ClaimHeaders::managed,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::basic
