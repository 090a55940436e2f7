#include "gateway/policy.h"

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"
#include "http/credential.h"
#include "json/document.h"
#include "policy/forward_auth/settings.h"
#include "upstream/call.h"

namespace portico::policy::forward_auth {
namespace {

using gateway::Exchange;
using gateway::Verdict;

// Of the answer's body: a page that says why, or a form to sign in.
constexpr uint32_t kMaxBody = 256 << 10;

struct Cells final : gateway::WorkerState {
    observe::Histogram seconds;
    observe::Counter failures;
};

// Where nobody was asked: by the first of what it is sent. What else signs in, the service that decides says itself.
std::string challenge_for(const Settings& s) {
    const auto is_authorization = [](const std::string& h) { return http::is_same_name(h, "Authorization"); };
    if (s.send_all || s.send.empty() || std::ranges::any_of(s.send, is_authorization)) return std::string(gateway::kBearerChallenge);
    return "ApiKey header=\"" + s.send.front() + '"';
}

class ForwardAuth final : public gateway::Policy {
  public:
    ForwardAuth(Settings settings, std::string_view name) : s_(std::move(settings)), name_(name), challenge_(challenge_for(s_)) {
        for (gateway::TemplatePart& part : s_.path.parts()) {
            if (part.source == gateway::Source::header || part.source == gateway::Source::query_value) asked_about_.push_back(std::move(part));
        }
    }

    Verdict on_request(Exchange& x) const override {
        if (const auto twice = doubled(x)) {
            x.error_fields.add("WWW-Authenticate", challenge_);
            return Verdict::refuse(Error::told(Fault::forward_auth_multiple, *twice, "Send " + *twice + " once."));
        }
        auto target = target_of(x);
        if (!target) return Verdict::refuse(std::move(target).error());
        return Verdict::wait(ask(x, *target));
    }

    gateway::IdentityRole identity() const override {
        if (!s_.bears_claims()) return gateway::IdentityRole::none;
        return s_.pass_on_failure ? gateway::IdentityRole::optional : gateway::IdentityRole::guaranteed;
    }

    bool sees_credential(Exchange& x) const override {
        return std::ranges::any_of(x.request.fields, [&](const http::Field& f) { return listed_as(f.name) != nullptr; });
    }

    std::string_view challenge() const override { return challenge_; }
    // Cookies are the application's too, and stay.
    void withhold_credential(Exchange& x, const std::optional<gateway::CredentialPlace>& forwarded) const override {
        x.request.fields.remove_if([&](const http::Field& f) {
            if (f.id == http::FieldName::cookie || listed_as(f.name) == nullptr) return false;
            return !forwarded || !gateway::is_same_place(*forwarded, {false, f.name});
        });
    }

    void subject_parties(std::vector<gateway::SubjectParty>& into) const override {
        if (std::ranges::any_of(s_.copy, [](const Copied& c) { return c.claim == "sub"; })) into.push_back({.who = "service " + s_.service_name});
    }
    void subject_headers(std::vector<gateway::SubjectHeader>& into) const override {
        if (std::ranges::any_of(s_.copy, [](const Copied& c) { return c.claim == "iss"; })) return;
        std::vector<gateway::SubjectParty> parties;
        subject_parties(parties);
        for (const Copied& c : s_.copy) {
            if (c.claim == "sub") into.push_back({c.header, parties});
        }
    }
    void credential_places(std::vector<gateway::CredentialPlace>& into) const override {
        for (const std::string& name : s_.send) into.push_back({false, name});
        if (s_.send_all) into.push_back({false, "*"});
    }

    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override {
        if (side == gateway::MessageSide::response) return is_given(name) ? gateway::FieldRule::adds : gateway::FieldRule::none;
        const bool replaced = s_.copies_authorization && http::is_same_name(name, "Authorization");
        const auto asks_about = [&](const gateway::TemplatePart& p) { return p.source == gateway::Source::header && http::is_same_name(p.text, name); };
        const bool judged = listed_as(name) != nullptr || std::ranges::any_of(asked_about_, asks_about);
        return replaced || s_.send_all || judged ? gateway::FieldRule::withholds : gateway::FieldRule::none;
    }

    // Beside what there is: the service's stands, but for cookies, of which each has a name of its own.
    void on_response(Exchange& x, gateway::ResponseOut& response) const override {
        const Given* given = x.noted<Given>(*this);
        if (given == nullptr) return;
        const size_t came = response.fields.size();
        for (const http::Field& f : given->fields) {
            const auto same = [&](const http::Field& other) { return http::is_same_name(other.name, f.name); };
            const bool there = std::ranges::any_of(response.fields.all().first(came), same);
            if (!there || f.id == http::FieldName::set_cookie) response.fields.add(f);
        }
    }

    bool judges_parameter(std::string_view name) const override { return gateway::names_parameter(s_.path.parts(), name); }

    void check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const override {
        // Without an identity there is no value, and none is needed but in a path (LANGUAGE.md §4).
        gateway::PolicyPlace values = place;
        values.identity |= place.optional_identity;
        s_.path.check_place(place, values, mark, scope);
        if (place.reads == nullptr) return;
        for (const std::string& name : s_.send) place.reads->add(name, mark, scope.path());
    }

    std::unique_ptr<gateway::WorkerState> make_worker_state(gateway::Context& context, gateway::Epoch&) const override {
        auto cells = std::make_unique<Cells>();
        const observe::Labels labels = {{"policy", std::string(name_)}};
        cells->seconds = context.registry.histogram("portico_forward_auth_seconds", "How long the service took that decides about requests.", labels);
        cells->failures = context.registry.counter("portico_forward_auth_failures_total", "Requests about which the service that decides gave no usable answer.", labels);
        return cells;
    }

    std::string preview(Exchange& x) const override {
        const auto target = target_of(x);
        take_off_copied(x);
        return "would ask " + s_.service_name + (target ? ": GET " + std::string(*target) : "");
    }

  private:
    // What the client gets of a passing answer; in the exchange's arena.
    struct Given {
        std::span<http::Field> fields;
    };

    bool is_given(std::string_view name) const {
        return std::ranges::any_of(s_.client_headers, [&](const std::string& h) { return http::is_same_name(h, name); });
    }
    void give(Exchange& x, const http::FieldList& answer) const;
    // Under which name a header of the request is sent; empty: it is not.
    std::string_view sent_as(const http::Field& f, Arena& arena) const;
    // The service behind takes what is copied for the decision's, so nothing else of those names may reach it, whatever comes of the question.
    void take_off_copied(Exchange& x) const;
    void set_copied(Exchange& x, const Copied& row, std::optional<std::string_view> value) const;
    // @errors value_refused  where the path asks about one of several: the service behind may take another one
    Result<std::string_view> target_of(Exchange& x) const {
        for (const gateway::TemplatePart& part : asked_about_) {
            if (auto judged = judge_given(x, part); !judged) return fail(std::move(judged).error());
        }
        auto parts = s_.path.build(x.values(), x.rules->encoded_allow, x.arena);
        if (!parts) return fail(std::move(parts).error());
        // The client's own query stands in X-Forwarded-Uri.
        if (!s_.path.has_query() || !parts->has_query) return parts->path;
        return x.arena.copy(std::string(parts->path).append("?").append(parts->query));
    }

    static Result<void> judge_given(const Exchange& x, const gateway::TemplatePart& part) {
        const gateway::Values values = x.values();
        const size_t given = values.times_given(part);
        if (given == 0) return {};
        const std::string name = gateway::name_of(part);
        if (given > 1) return fail(Error::told(Fault::value_refused, "forward_auth's path: " + name + " is there more than once", "Send " + name + " once."));
        Arena arena;
        if (values.get(part, arena)) return {};
        return fail(Error::told(Fault::value_refused, "forward_auth's path: " + name + " is there in another spelling", "Send " + name + " in this spelling."));
    }

    // The listed header of which `name` is a spelling, or nullptr.
    const std::string* listed_as(std::string_view name) const {
        const auto found = std::ranges::find_if(s_.send, [&](const std::string& h) { return http::is_same_name(h, name); });
        return found == s_.send.end() ? nullptr : &*found;
    }
    // A listed header, cookies apart, that would be sent twice in any spelling, or where all are sent one in two spellings: of two values
    // the one that decides here might not be the one that counts behind.
    std::optional<std::string> doubled(const Exchange& x) const;
    void write_question(Exchange& x, http::FieldList& fields) const;
    io::Task<Verdict> ask(Exchange& x, std::string_view target) const;
    Verdict pass(Exchange& x, const http::FieldList& answer) const;
    Verdict hand_back(Exchange& x, const upstream::CallAnswer& answer) const;
    Verdict without_answer(Exchange& x, std::string why) const;
    Verdict refuse_undecided(Exchange& x, std::string why) const;

    Settings s_;
    std::vector<gateway::TemplatePart> asked_about_;  // what the path names of the client's headers and query
    std::string_view name_;
    std::string challenge_;
};

std::optional<std::string> ForwardAuth::doubled(const Exchange& x) const {
    for (const std::string& header : s_.send) {
        if (iequals(header, "Cookie")) continue;
        const auto is_it = [&](const http::Field& f) { return http::is_same_name(f.name, header); };
        if (std::ranges::count_if(x.request.fields, is_it) + std::ranges::count_if(x.set_fields, is_it) > 1) return header;
    }
    if (!s_.send_all) return std::nullopt;
    std::vector<std::string_view> names;
    for (const http::FieldList* fields : {&x.request.fields, &x.set_fields}) {
        for (const http::Field& f : *fields) {
            if (may_be_sent(f.name)) names.push_back(f.name);
        }
    }
    return twice_in_other_spellings(names);
}

// By the name that the configuration lists, or else the usual one, whatever the spelling: a service behind may take one for the other, so
// this one must see it.
std::string_view ForwardAuth::sent_as(const http::Field& f, Arena& arena) const {
    if (const std::string* name = listed_as(f.name)) return *name;
    return s_.send_all && may_be_sent(f.name) ? arena.copy(usual_spelling(f.name)) : std::string_view{};
}

void ForwardAuth::take_off_copied(Exchange& x) const {
    if (x.in_shadow) return;
    if (s_.copies_authorization) http::remove_headers(x.request.fields, "Authorization");
    for (const Copied& row : s_.copy) x.set_fields.remove_if([&](const http::Field& f) { return http::is_same_name(f.name, row.header); });
}

// In shadow only where nothing stands that would go on without it: neither the client's credential nor what another policy has set.
void ForwardAuth::set_copied(Exchange& x, const Copied& row, std::optional<std::string_view> value) const {
    if (!value) return;
    const auto is_it = [&](const http::Field& f) { return http::is_same_name(f.name, row.header); };
    if (x.in_shadow && (http::is_same_name(row.header, "Authorization") || std::ranges::any_of(x.set_fields, is_it))) return;
    x.set_field(row.header, *value);
}

// A message of its own: of the client's only the listed headers, none of its framing (FIELD-CASES R14), and none that it could
// have forged (R5).
void ForwardAuth::write_question(Exchange& x, http::FieldList& fields) const {
    for (const http::FieldList* from : {&x.request.fields, &x.set_fields}) {
        for (const http::Field& f : *from) {
            if (const std::string_view name = sent_as(f, x.arena); !name.empty()) fields.add(name, f.value);
        }
    }
    std::string uri(x.view.path);
    if (x.view.has_query) uri.append("?").append(x.view.query);
    fields.add("X-Forwarded-Method", x.request.method_text);
    fields.add("X-Forwarded-Uri", x.arena.copy(uri));
    fields.add("X-Forwarded-For", x.forwarded_for);
    fields.add("X-Forwarded-Proto", x.forwarded_proto);
    if (!x.forwarded_host.empty()) fields.add("X-Forwarded-Host", x.forwarded_host);
    fields.add("X-Request-ID", x.request_id);
    if (!x.traceparent.empty()) fields.add("traceparent", x.traceparent);
}

io::Task<Verdict> ForwardAuth::ask(Exchange& x, std::string_view target) const {
    http::FieldList fields;
    write_question(x, fields);
    take_off_copied(x);
    upstream::CallRequest request;
    request.target = target;
    request.fields = &fields;
    request.max_body = kMaxBody;
    request.holder = &x.holder();
    request.timeouts = {s_.timeout, s_.timeout, s_.timeout, s_.timeout};
    upstream::CallAnswer answer;
    io::Loop& loop = x.context.loop;
    const Time begun = loop.now();
    const auto service = static_cast<size_t>(s_.service);
    Result<void> done;
    if (const gateway::RespondAction* fixed = x.epoch->snapshot->service_answers[service].get()) done = gateway::answer_call(x, *fixed, answer);
    else done = co_await upstream::call(loop, *x.epoch->services[service], request, answer);
    x.context.shard.observe(x.state_of<Cells>(*this).seconds, loop.now() - begun);
    if (!done) {
        std::string why = std::string(done.error().code()) + " " + done.error().context;
        co_return is_failure_of_service(done.error()) ? without_answer(x, std::move(why)) : refuse_undecided(x, std::move(why));
    }
    std::string said = "its answer was " + std::to_string(answer.head.status);
    switch (outcome_of(answer.head.status)) {
        case Outcome::pass: co_return pass(x, answer.head.fields);
        case Outcome::refuse: co_return hand_back(x, answer);
        case Outcome::failed: co_return without_answer(x, std::move(said));
        case Outcome::unusable: break;
    }
    co_return refuse_undecided(x, std::move(said));
}

Verdict ForwardAuth::pass(Exchange& x, const http::FieldList& answer) const {
    std::vector<std::optional<std::string_view>> values;
    for (const Copied& row : s_.copy) {
        auto value = value_of(row, answer);
        if (!value) return refuse_undecided(x, value.error().context);
        values.push_back(*value ? std::optional(x.arena.copy(**value)) : std::nullopt);
    }
    if (s_.bears_claims()) {
        const auto text = claims_of(s_.copy, values);
        if (!text) return without_answer(x, "its answer names nobody");
        auto claims = json::Document::parse(*text);
        if (!claims) return without_answer(x, "its answer makes no claims");
        x.claims = std::move(*claims);
        x.identity_by = name_;
    }
    give(x, answer);
    for (size_t i = 0; i < values.size(); ++i) set_copied(x, s_.copy[i], values[i]);
    return Verdict::proceed();
}

void ForwardAuth::give(Exchange& x, const http::FieldList& answer) const {
    const auto wanted = [&](const http::Field& f) { return is_given(f.name); };
    const auto count = static_cast<size_t>(std::ranges::count_if(answer, wanted));
    if (count == 0) return;
    auto* const kept = static_cast<http::Field*>(x.arena.allocate(count * sizeof(http::Field), alignof(http::Field)));
    size_t at = 0;
    for (const http::Field& f : answer) {
        if (wanted(f)) new (kept + at++) http::Field{x.arena.copy(f.name), x.arena.copy(f.value), f.id};
    }
    x.note_for<Given>(*this).fields = {kept, count};
}

Verdict ForwardAuth::hand_back(Exchange& x, const upstream::CallAnswer& answer) const {
    if (!x.in_shadow) x.note(Error(Fault::forward_auth_denied, s_.service_name + " answered " + std::to_string(answer.head.status)));
    http::FieldList fields;
    copy_refusal(answer.head.fields, fields);
    x.response.clear();
    x.response.status = answer.head.status;
    for (const http::Field& f : fields) x.response.fields.add(x.arena.copy(f.name), x.arena.copy(f.value), f.id);
    x.response_text = answer.body;
    return Verdict::respond();
}

// What is no decision, for a cause that no client has by itself: nobody passes as somebody by it.
Verdict ForwardAuth::without_answer(Exchange& x, std::string why) const {
    if (!s_.pass_on_failure) return refuse_undecided(x, std::move(why));
    x.context.shard.add(x.state_of<Cells>(*this).failures);
    why = s_.service_name + ": " + why;
    if (x.record.detail.empty()) x.record.detail = std::string(name_) + " passed without a decision: " + why;
    return Verdict::proceed();
}

Verdict ForwardAuth::refuse_undecided(Exchange& x, std::string why) const {
    x.context.shard.add(x.state_of<Cells>(*this).failures);
    return Verdict::refuse(Error(Fault::forward_auth_unavailable, s_.service_name + ": " + why));
}

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    auto read = read_settings(settings, faults);
    if (!read) return nullptr;
    return std::make_unique<ForwardAuth>(std::move(*read), settings.name);
}

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "forward_auth",
        .summary = kSummary,
        .can_refuse = true,
        .make = make,
        .managed_headers = managed_headers,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::forward_auth
