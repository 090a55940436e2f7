// An Exchange: one request and its answer, from the first byte to the last log line. It owns nothing that outlives
// complete(); everything about the request hangs here, in views of the connection's buffer and of the arena.
// One worker's; recycled.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "base/held.h"
#include "base/result.h"
#include "gateway/body_filter.h"
#include "gateway/claims.h"
#include "gateway/client_side.h"
#include "gateway/context.h"
#include "gateway/request_view.h"
#include "gateway/rewrite.h"
#include "gateway/route_table.h"
#include "gateway/templates/template_string.h"
#include "http/content_coding.h"
#include "http/h1/parser.h"
#include "http/message.h"
#include "http/uri.h"
#include "observe/trace_context.h"

namespace portico::gateway {

struct RouteRules;
class Policy;

// The times of an exchange, each the moment when something was seen. Zero: it did not happen.
struct ExchangeTimes {
    Time begin{};       // first byte of the request
    Time head{};        // its head was whole
    Time connected{};   // the endpoint's connection was there (made or reused)
    Time first_byte{};  // of the answer
    Time end{};
};

// What the log and the metrics say of an exchange.
struct ExchangeRecord {
    int status = 0;                  // as the client saw it; 0: nothing was sent
    std::string_view code{};         // of the fault, where one decided the outcome
    std::string detail;              // for the operator, with it
    int32_t service = RouteCells::kNone;
    std::string_view endpoint{};     // address
    uint32_t attempts = 0;
    std::string_view retry{};        // why there was more than one
    bool reused = false;             // the upstream connection was
    std::string calls;               // of an aggregate, as JSON
    uint64_t bytes_in = 0;           // of the request's body
    uint64_t bytes_out = 0;          // to the client, heads included
};

class Exchange {
  public:
    explicit Exchange(Context& c) : context(c) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    Context& context;
    std::shared_ptr<Epoch> epoch;
    ClientSide* client = nullptr;
    Arena arena;

    // The request, filled by the server before the handler is called.
    http::h1::HeadParser parser;
    http::RequestHead request;
    SocketAddress peer;       // the socket's other end
    std::string_view peer_text;  // its address, as text
    std::string_view scheme;  // "http" or "https": the connection's, or what a trusted proxy says

    // Filled on the way (request_setup.cc).
    http::Target target;
    RequestView view;
    Match match;
    const RouteRules* rules = nullptr;  // of the route, in the epoch's snapshot; nullptr where none matched
    // Behind trusted proxies: the one that they name. None where they name none that can be read (LANGUAGE.md §6): a guard by
    // address refuses such a client.
    std::optional<IpAddress> client_address;
    std::string_view client_ip;    // its text; empty: it has none
    // From so many bytes on a head is long for one costly rule: a regular expression that looks from each match to the end takes half a
    // millisecond for 1 KiB, which is all the time that a turn has. With more rules shorter ones are.
    static constexpr size_t kLongHead = 1024;
    // The request's, as its policies have made it by now.
    bool has_long_head(size_t costly_rules = 1) const;
    // Whose share of what is scarce it takes.
    IpAddress client_host() const { return client_address.value_or(peer.ip).of_host(); }
    // What all the computing for it may still take, in steps of base/meter.h: decoding, parsing, edits, rendering. About a second.
    static constexpr io::Allowance kMostSteps = 100'000'000;
    io::Allowance allowance = kMostSteps;
    // Until when it may wait for its turns: while a forward goes on, its `total`.
    Time compute_due = io::Timer::kNever;
    // co_await x.compute([&] { … }): in this turn, or from it on in later ones.
    template <typename F>
    auto compute(F f) {
        return context.jobs.run(client_host(), &holder(), allowance, compute_due, std::move(f));
    }
    // For whom what it has held is held.
    Holder& holder() { return holder_ ? *holder_ : holder_.emplace(client_host()); }
    // Bytes of one thing that is held (a body, what an aggregate asks) up to which it is not counted: an eighth of one of the connection's
    // own blocks. To count it would cost more than to make it.
    static constexpr size_t kUncounted = 2048;
    // Outside of compute(), which takes for it by itself. @returns as Held::set()
    bool holds(Held& held, size_t bytes) {
        if (bytes <= kUncounted) return held.set(0);
        const Holder::Current mine(&holder());
        return held.set(bytes);
    }
    // Why that was not done. @param costly body_too_costly or answer_too_costly  @param what it would have been, for the log
    static Error not_computed(io::Jobs::End end, Fault costly, std::string_view what) {
        if (end == io::Jobs::End::late) return {Fault::upstream_total_timeout, "its turn to compute: " + std::string(what)};
        return {end == io::Jobs::End::no_memory ? Fault::memory : costly, what};
    }
    std::string_view forwarded_for;  // the X-Forwarded-For that goes upstream
    std::string_view forwarded_proto;
    std::string_view forwarded_host;
    std::string_view forwarded_port;
    std::array<char, 128> request_id_text{};
    std::string_view request_id;
    // The client's, where it sent one that is valid: it goes on unchanged. None is made: who sends one decides what is recorded behind.
    std::string_view traceparent;
    observe::TraceContext trace;  // @requires !traceparent.empty()
    // Fields that policies set for the upstream, after the client's own were cleaned.
    http::FieldList set_fields;
    // The identity, once a policy has established one (LANGUAGE.md §5), and that policy's name.
    json::Document claims;
    std::string_view identity_by;
    bool identity_by_token = false;  // a bearer token's: what it lacks, a challenge of RFC 6750 may name
    bool in_shadow = false;  // the policy at work only watches: what it would take off stays
    bool preflight = false;  // of CORS: matched with the method that it asks about
    http::FieldList error_fields;   // go with the refusal of the policy that set them
    std::string response_text;      // the body of an answer that a policy gives (Verdict::respond)
    std::string degraded;           // guards that worked without their store, for the log: "fair-use:store.timeout:memory"
    std::string_view refused_by;    // the policy that refused, for the log
    std::string shadowed;  // what policies in shadow would have done, for the log
    Fault fault = Fault::internal;  // behind record.code
    uint32_t policies_run = 0;  // how many on_request ran: on_response runs for these, backward

    // What the service gets in place of the client's body, once a policy has read that; its length is Content-Length.
    std::optional<std::string> request_body;
    Held body_held{Holding::request_bodies};  // for it
    // What the service is asked, where a policy has changed it: in place of the client's method, and of what the action says.
    http::Method sent_method = http::Method::other;
    std::string_view sent_method_text;  // empty: the client's
    std::optional<TargetParts> sent_target;
    // The client's conditions and ranges, kept from a service whose answer's body may be changed, and the codings that the
    // client accepts: both are judged here (gateway/body_filtering).
    http::FieldList withheld;
    std::optional<http::AcceptedCodings> accepted;
    std::vector<std::unique_ptr<BodyFilter>> body_filters;  // of the answer, in the order in which they run
    std::optional<Error> answer_error;  // set by an on_response: the answer is refused
    bool own_answer = false;  // an error or a policy's answer: no service's, no action's

    ResponseOut response;
    bool response_begun = false;
    ExchangeTimes times;
    ExchangeRecord record;
    // Scratch that keeps its capacity.
    std::vector<const upstream::Endpoint*> tried;
    http::ResponseHead upstream_head;

    Values values() const { return {.exchange = this, .error = nullptr, .roots = {}, .calls = {}}; }
    // What a policy remembers of this exchange between its hooks, in the arena: no destructor runs. @returns nullptr when nothing
    template <class T>
    T* noted(const Policy& policy) const {
        for (const auto& [who, what] : notes_) {
            if (who == &policy) return static_cast<T*>(what);
        }
        return nullptr;
    }
    template <class T>
    T& note_for(const Policy& policy) {
        T* made = arena.make<T>();
        notes_.emplace_back(&policy, made);
        return *made;
    }
    // This worker's part of a policy. @requires the policy makes such a state
    template <class T, class P>
    T& state_of(const P& policy) const {
        return static_cast<T&>(*epoch->policy_states[policy.index()]);
    }
    // A store or service behind a policy failed, and what was decided then: logged.
    void note_degraded(std::string_view policy, const Error& why, std::string_view outcome);
    // A field for the service, in the place of the client's own of that name in every spelling. @param value lives as long as the exchange
    void set_field(std::string_view name, std::string_view value) { set_field(name, value, http::field_name(name)); }
    void set_field(std::string_view name, std::string_view value, http::FieldName id);
    // All values of a header as the request bears it now, joined: what policies have set, and then what they leave of the client's.
    // @returns false where there is none
    bool header_value(std::string_view name, std::string& into) const;
    // True for a header that only the gateway may set.
    bool is_managed(std::string_view name) const;
    // What the service is asked by.
    std::string_view upstream_method_text() const { return sent_method_text.empty() ? request.method_text : sent_method_text; }
    http::Method upstream_method() const { return sent_method_text.empty() ? request.method : sent_method; }
    // The answer's head is complete, but for what the policies change: they do now, backward. Its sending may begin, unless answer_error
    // says why not.
    io::Task<void> begin_response();
    // Only the policies: run once more where an error takes the answer's place. They stop behind one whose filter still has to
    // settle the head (BodyFilter::settles_head), and go on once that has.
    void run_response_policies();
    void continue_response_policies();
    // Whether they may take longer than a turn has time for, and are run in parts: answer_error says where they could not be.
    bool response_policies_take_long() const;
    io::Task<void> run_response_policies_in_parts();
    bool response_policies_wait() const { return response_policies_left_ > 0; }
    // Clears everything for the next use; keeps capacities.
    void reset();
    // The fault that decides the outcome, for the log (the first one stays).
    void note(const Error& error);

  private:
    std::optional<Holder> holder_;  // once something is held
    std::vector<std::pair<const Policy*, void*>> notes_;
    uint32_t response_policies_left_ = 0;  // of those that see the answer, backward
};

}  // namespace portico::gateway
