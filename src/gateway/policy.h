// The extension point: a policy may pass, answer, change or observe an exchange. Each lives in one folder of src/policy/,
// which the build finds; this header is all that it needs to know of the gateway. See docs/policies.md.
//
// A Policy is built once for a snapshot, is immutable, and is used by every worker at once. What one worker keeps for it is a
// WorkerState; what the whole process keeps, across reloads, comes from Resources.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/document.h"
#include "config/fault.h"
#include "config/model.h"
#include "config/schema.h"
#include "gateway/managed_headers.h"
#include "gateway/resources.h"
#include "gateway/subjects.h"
#include "io/task.h"

namespace portico::gateway {

class Context;
class Exchange;
struct Epoch;
struct ResponseOut;

// What a policy decided. A policy that must wait returns `later` with a task; all others cost no coroutine frame. Fields that
// go with a refusal (WWW-Authenticate, Retry-After) stand in Exchange::error_fields.
struct Verdict {
    enum class Kind : uint8_t { proceed, fail, respond, later } kind = Kind::proceed;
    Error error{Fault::internal};           // fail: the one table answers it (gateway/reply.cc)
    std::optional<io::Task<Verdict>> task;  // later

    static Verdict proceed() { return {}; }
    static Verdict refuse(Error e) {
        Verdict v;
        v.kind = Kind::fail;
        v.error = std::move(e);
        return v;
    }
    // The answer stands in Exchange::response, its body in Exchange::response_text: a preflight, another service's refusal.
    static Verdict respond() {
        Verdict v;
        v.kind = Kind::respond;
        return v;
    }
    static Verdict wait(io::Task<Verdict> t) {
        Verdict v;
        v.kind = Kind::later;
        v.task.emplace(std::move(t));
        return v;
    }
};

// What one worker keeps for one policy of one snapshot: keyed contexts, caches. Made and destroyed on the worker's thread.
class WorkerState {
  public:
    virtual ~WorkerState() = default;
};

// Whether a policy establishes the identity (`claims`) of the requests that it lets pass.
enum class IdentityRole : uint8_t { none, optional, guaranteed };

class Policy;
struct ChainLink {  // a policy at its place in a route's `use`
    const Policy* policy = nullptr;
    std::string_view name;
    bool shadow = false;
};

// A policy's place in a route's `use`.
struct PolicyPlace : PlaceValues {
    bool any_identity = false; // something before may establish one
    size_t position = 0;
    bool shadow = false;
    bool forwards = true;      // the route's action sends the client's request on
    bool makes_body = false;   // it makes a body itself
    bool optional_identity = false;  // one is enforced where it is there
    bool shared_subject = false;  // more than one party may name the same `sub` (gateway/subjects.h)
    std::span<const ChainLink> before{};  // the policies that stand before
};

class BodyTemplate;
class DocumentCondition;
class TargetTemplate;

// What a policy makes of a good answer's body: the first of its templates whose condition holds. They live as long as the policy.
struct AnswerShapes {
    struct Case {
        const BodyTemplate* body = nullptr;
        const DocumentCondition* when = nullptr;  // nullptr: none on the body
        config::Mark mark;
    };
    std::vector<Case> cases{};
    bool asks_elsewhere = false;  // it changes the path or the method that the service is asked by
    bool edits = false;           // it changes bodies as they are: what comes out is not told
};

// What a policy has the service asked by, in place of what the route says.
struct Aim {
    const TargetTemplate* path = nullptr;  // nullptr: the route's; lives as long as the policy
    std::string_view method{};             // empty: the route's
    bool always = true;                    // else only where its condition holds
};

// Whose message a field stands in: the client's request, or the service's response.
enum class MessageSide : uint8_t { request, response };
// What a policy's rules do to the fields of one name, whatever they depend on: for where a policy cannot be asked in time, at
// trailers and interim responses.
enum class FieldRule : uint8_t {
    none,
    adds,       // further ones, beside those that came
    withholds,  // those that came: it removes, replaces, judges or moves them
};

// The challenge of who wants a bearer token and says no more (RFC 6750 §3: a parameter there must be).
inline constexpr std::string_view kBearerChallenge = "Bearer realm=\"Restricted\"";

// Where in a request a policy looks for a credential. Cookies are all credentials.
struct CredentialPlace {
    bool in_query = false;  // else in a header
    std::string_view name;  // lives as long as the policy
    bool in_cookie = false; // a cookie of that name
};
// Whether they are one place, in any spelling.
inline bool is_same_place(const CredentialPlace& a, const CredentialPlace& b) {
    return a.in_query == b.in_query && a.in_cookie == b.in_cookie && (a.in_query || a.in_cookie ? a.name == b.name : http::is_same_name(a.name, b.name));
}

// What `explain` lends to a policy that has something fetched before it decides. No request of a client ever sees one.
struct Rehearsal {
    // The text of keys (a JWK, a JWKS or PEM) in place of those that an issuer publishes.
    std::optional<std::string> keys;
    // Finds the addresses of a service of the configuration, which a worker knows already.
    std::function<io::Task<void>(size_t service)> reach;
};

class Policy {
  public:
    virtual ~Policy() = default;
    // On the way in, in the order of `use`.
    virtual Verdict on_request(Exchange&) const { return Verdict::proceed(); }
    // On the way out, backward, only for those whose on_request ran (one that stands first: always): before the head is sent.
    virtual void on_response(Exchange&, ResponseOut&) const {}
    // How many rules these two go by whose time may grow with the square of a head: regular expressions, cookies, queries. Where there are
    // any, the two wait for nobody and have nothing of their worker's in hand: over a long head they are left in the middle, others
    // have their turn, and they go on.
    virtual size_t costly_rules() const { return 0; }
    // Once, after everything; cannot fail.
    virtual void on_complete(Exchange&) const noexcept {}

    virtual IdentityRole identity() const { return IdentityRole::none; }
    // Whether whoever asks may pass, with nothing to show: it decides how often, or what a credential that was sent is worth.
    virtual bool admits_anybody() const { return false; }
    // Adds those who name the `sub` of its identities.
    virtual void subject_parties(std::vector<SubjectParty>&) const {}
    // Adds the headers that it fills with `claims.sub` and that say nothing of whose it is.
    virtual void subject_headers(std::vector<SubjectHeader>&) const {}
    // Whether it counts by `claims.sub` alone: over all the routes that use it.
    virtual bool counts_by_subject() const { return false; }
    // Whether it takes that value off each request that it lets pass: nothing behind it finds one.
    virtual bool takes_off(const TemplatePart&) const { return false; }
    // Whether the request carries what this policy judges: `any_of` takes the first that says so.
    virtual bool sees_credential(Exchange&) const { return true; }
    // The WWW-Authenticate of a refusal where there was no credential, such as `Bearer`: `any_of` offers those of all its policies.
    // Lives as long as the policy; empty: it has none.
    virtual std::string_view challenge() const { return {}; }
    // Where the credential stood by which it has just let the request pass, if the service gets it all the same.
    virtual std::optional<CredentialPlace> forwarded_credential(Exchange&) const { return std::nullopt; }
    // Takes the credential off what goes to the service, where another policy of an `any_of` has decided, wherever that one does not
    // forward its own from.
    virtual void withhold_credential(Exchange&, const std::optional<CredentialPlace>&) const {}
    // Adds the places where it finds what withhold_credential takes off, beside Authorization and Cookie: nobody is shown what stands there.
    // The name `*`: in any header that may be one.
    virtual void credential_places(std::vector<CredentialPlace>&) const {}
    // What it does to the fields of this name, in any spelling.
    virtual FieldRule field_rule(MessageSide, std::string_view) const { return FieldRule::none; }
    // Whether what it decides depends on that parameter of the path (kRest: {**}).
    virtual bool judges_parameter(std::string_view) const { return false; }
    // Of a policy that holds others: the one that decided about this exchange. For `explain`.
    virtual std::string_view decided_by(const Exchange&) const { return {}; }
    // Whether it has judged that value of each request that it lets pass: a client cannot make up another one.
    virtual bool proves(const TemplatePart&) const { return false; }
    // Faults of a place in a route where it cannot work, or should not stand.
    virtual void check_place(const PolicyPlace&, config::Mark, const config::Scope&) const {}
    // Called for each worker before it serves the snapshot; the epoch owns the state. @returns nullptr where it keeps nothing
    virtual std::unique_ptr<WorkerState> make_worker_state(Context&, Epoch&) const { return nullptr; }
    // For contract checks: what it makes of a good (2xx) answer's body.
    virtual AnswerShapes answer_shapes() const { return {}; }
    // For warnings at load: what it has the service asked by. @returns none where it leaves that alone
    virtual std::optional<Aim> aim() const { return std::nullopt; }
    // For `explain`, before on_request: fetches what the decision rests on and knows nothing of the request, such as an issuer's keys.
    // Why something could not be had goes to Context::say. @returns nothing where there is nothing to fetch
    virtual std::optional<io::Task<void>> prepare(Exchange&, const Rehearsal&) const { return std::nullopt; }
    // For `explain`, where on_request waits for nobody but its turn to compute: decides at once.
    virtual std::optional<Verdict> decide_now(Exchange&) const { return std::nullopt; }
    // For `explain`, where on_request would ask another system: what it would ask. Takes what goes no further off the exchange, as if the
    // request passed.
    virtual std::string preview(Exchange&) const { return "would ask another system"; }

    // Its place among the snapshot's policies, and in Epoch::policy_states.
    uint32_t index() const { return index_; }
    void set_index(uint32_t index) { index_ = index; }

  private:
    uint32_t index_ = 0;
};

// What the making of a policy may ask of the snapshot that is being built.
class PolicyBuild {
  public:
    virtual Resources& resources() = 0;
    virtual const config::Config& config() const = 0;
    // The index of a service. @returns -1 where there is none, after a fault
    virtual int32_t service(const config::Scope& scope, const config::Node& name) = 0;
    // The index of a store in Snapshot::stores. @returns -1 where there is none, after a fault
    virtual int32_t store(const config::Scope& scope, const config::Node& name) = 0;
    // The policy looks for a credential in this header of what the client sent: a load error where that is a managed one.
    virtual void reads_of_client(const config::Scope& scope, const config::Node& header) = 0;
    // Policies inside of a policy (`any_of`), by name or in place; empty after a fault.
    virtual std::vector<ChainLink> use(const config::Scope& scope, const config::Node& list) = 0;

  protected:
    ~PolicyBuild() = default;
};

// What a folder offers: how its settings become a Policy.
struct PolicySettings {
    std::string_view name;         // for metrics and messages; lives as long as the snapshot
    const config::Node& settings;  // what stands under the type's key
    std::string path;              // of that node: "policies.office.ip_access"
    std::string identity;          // its name; in place without one: the route's and its place there, with a "/", which no name has. What a reload finds it again by
    bool shadow = false;
    bool named = false;            // it has a name of its own
    PolicyBuild& build;
};
struct PolicyType {
    std::string_view name;
    std::string_view summary;  // one sentence, for the reference
    bool can_refuse = false;   // `mode: shadow` makes sense
    bool stands_first = false; // answers preflights; anywhere but first in `use` is an error (LANGUAGE.md §5)
    // Adds what is wrong to `faults`. @returns nullptr exactly when it added an error
    std::unique_ptr<Policy> (*make)(const PolicySettings& settings, config::FaultList& faults) = nullptr;
    // The names of request headers that a policy of these settings sets: managed everywhere (LANGUAGE.md §6).
    std::vector<std::string> (*managed_headers)(const config::Node& settings) = nullptr;
    // Request headers that a policy of these settings writes by rules of its own: judged over the whole file (managed_headers.h).
    std::vector<HeaderWrite> (*header_writes)(const config::Node& settings) = nullptr;
    // Its table of settings, for the reference.
    config::ObjectText (*describe)() = nullptr;
};

}  // namespace portico::gateway
