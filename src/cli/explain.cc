// `portico explain`: what the running gateway would do with a request, by the gateway's own functions, without sending it.
#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/explain_aggregate.h"
#include "cli/explain_body.h"
#include "cli/explain_names.h"
#include "cli/explain_request.h"
#include "cli/explain_shown.h"
#include "config/file_text.h"
#include "config/load.h"
#include "config/scalar.h"
#include "gateway/forward.h"
#include "gateway/max_forwards.h"
#include "gateway/gateway.h"
#include "gateway/reply.h"
#include "gateway/request_setup.h"
#include "gateway/snapshot.h"
#include "policy/jwt/key_texts.h"
#include "server/process_limits.h"
#include "server/server.h"

namespace portico::cli {
namespace {

using namespace gateway;

constexpr size_t kMisses = 8;

class Explanation {
  public:
    // @param scheme "http" or "https": of the request
    Explanation(std::shared_ptr<const Snapshot> snapshot, std::unique_ptr<io::Loop> loop, std::optional<std::string> keys, config::FaultList faults, std::string_view scheme)
        : s_(*snapshot),
          shown_(std::move(faults), s_),
          loop_(std::move(loop)),
          names_(*loop_, s_),
          context_(*loop_, registry_, 1),
          rehearsal_{std::move(keys), [this](size_t service) { return names_.reach(*x_.epoch->services[service], service); }},
          x_(context_) {
        // Not the one below: no policy begins work of its own for an epoch that the worker does not run.
        context_.epoch = std::make_shared<Epoch>();
        context_.say = [this](const std::string& line) { said_.push_back(line); };
        context_.resolve = [this](std::string host, Time deadline) { return names_.resolve(std::move(host), deadline); };
        std::vector<std::shared_ptr<upstream::Service>> services;
        for (const config::ServiceConfig& c : s_.config.services) services.push_back(std::make_shared<upstream::Service>(*loop_, c.name));
        x_.epoch = context_.make_epoch(std::move(snapshot), std::move(services));
        x_.scheme = scheme;
        x_.parser.set_limits(server::settings_of(s_.config).head);
    }

    int run(const std::string& bytes, const IpAddress& from) {
        x_.peer = {from, 50000};
        const std::string from_text = from.text();
        x_.peer_text = from_text;
        auto head = x_.parser.parse_request(bytes, x_.request);
        if (!head || *head != http::h1::Progress::done) {
            return answer(head ? Error(Fault::bad_request, "the head is not whole") : head.error());
        }
        shown_.learn(x_.request);
        const size_t sent = x_.request.fields.size();
        auto ready = set_up_request(x_);
        shown_.print("request   %s %s from %s\n", std::string(x_.request.method_text).c_str(), shown_.target(x_.request.target).c_str(),
                    x_.client_ip.empty() ? "a client without an address" : std::string(x_.client_ip).c_str());
        if (x_.request.fields.size() < sent) {
            shown_.print("          %zu header(s) removed that only the gateway may set\n", sent - x_.request.fields.size());
        }
        if (!ready) return answer(ready.error());
        if (x_.target.form == http::TargetForm::asterisk) {
            shown_.print("answer    204, for the server as a whole\n");
            return kGood;
        }
        if (x_.view.path != x_.target.path) shown_.print("path      %s after normalisation\n", std::string(x_.view.path).c_str());
        ready = find_route(x_);
        if (x_.rules != nullptr) route();
        misses();
        if (!ready) return answer(ready.error());
        policies();
        const int code = act();
        if (!refused_ && !answered_) shapes();
        return code;
    }

  private:
    const config::RouteConfig& config_of(size_t route) const { return s_.config.routes[route]; }

    int answer(const Error& error) {
        const ReplyRow& row = reply_row(error.fault);
        shown_.print("answer    %d %s (%s)%s\n", row.status, std::string(row.title).c_str(), std::string(error.code()).c_str(), reason(error).c_str());
        if (error.fault == Fault::method_not_allowed) {
            std::string allow;
            for (const std::string& m : s_.table.allowed_methods(x_.view)) allow += (allow.empty() ? "" : ", ") + m;
            shown_.print("          Allow: %s\n", allow.c_str());
            std::string upper(x_.request.method_text);
            for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            if (upper != x_.request.method_text && http::is_registered_method(upper)) {
                shown_.print("          methods are told apart by case: %s is not %s\n", std::string(x_.request.method_text).c_str(), upper.c_str());
            }
        }
        return kGood;
    }

    // For the operator what was being done, else what the client is told.
    static std::string reason(const Error& error) {
        const std::string_view told = error.client_detail.empty() ? reply_row(error.fault).detail : std::string_view(error.client_detail);
        const std::string_view text = error.context.empty() ? told : std::string_view(error.context);
        return text.empty() ? std::string() : ": " + std::string(text);
    }

    void route() {
        const config::RouteConfig& c = config_of(x_.match.route);
        shown_.print("route     %s (line %u)\n", c.name.c_str(), c.mark.line);
        const auto& names = s_.table.rules()[x_.match.route].parameters;
        for (size_t i = 0; i < names.size(); ++i) {
            shown_.print("          {%s} = %s\n", names[i].c_str(), printable(x_.match.values[i], '?').c_str());
        }
        if (!x_.match.rest.empty()) shown_.print("          {**} = %s\n", std::string(x_.match.rest).c_str());
    }

    // Why a route did not take the request; empty when it matches but is outranked. `score` is larger the nearer it came.
    std::string reason(const RouteTable::Entry& e, int& score) {
        const Conditions& c = s_.table.rules()[e.route].conditions;
        if (!e.path.matches(x_.view.path)) {
            score = 0;
            std::string other(x_.view.path);
            if (other.ends_with('/') && other.size() > 1) other.pop_back();
            else other += '/';
            if (e.path.matches(other)) {
                score = 3;
                return "its path " + e.path.text() + " would take " + other;
            }
            return "its path is " + e.path.text();
        }
        score = 4;
        if (!RouteTable::host_matches(e.host, x_.view.host)) return "its host is " + e.host;
        if (!c.method_holds(x_.view)) {
            std::vector<std::string> methods;
            c.methods.list(methods);
            std::string text;
            for (const std::string& m : methods) text += (text.empty() ? "" : ", ") + m;
            score = 6;
            return "its methods are " + text;
        }
        bool in_query = false;
        score = 5;
        if (!c.scheme_holds(x_.view)) return std::string("its scheme is ") + (c.scheme == config::Scheme::https ? "https" : "http");
        RequestValues values(x_.view);
        if (const ValueCondition* failing = c.first_failing(values, in_query)) {
            return std::string(in_query ? "its query condition: " : "its header condition: ") + shown_.condition(*failing, in_query);
        }
        score = 7;
        return "it matches too, but is less specific";
    }

    void misses() {
        struct Miss {
            int score;
            size_t route;
            std::string why;
        };
        std::vector<Miss> all;
        for (const RouteTable::Entry& e : s_.table.entries()) {
            if (e.route == x_.match.route) continue;
            int score = 0;
            std::string why = reason(e, score);
            if (score > 0 || s_.routes.size() <= kMisses) all.push_back({score, e.route, std::move(why)});
        }
        std::ranges::sort(all, [](const Miss& a, const Miss& b) { return a.score != b.score ? a.score > b.score : a.route < b.route; });
        for (size_t i = 0; i < all.size() && i < kMisses; ++i) {
            shown_.print("%s%s: %s\n", i == 0 ? "not       " : "          ", config_of(all[i].route).name.c_str(), all[i].why.c_str());
        }
        if (s_.routes.size() > kMisses && all.empty()) shown_.print("not       none of the other routes comes near\n");
    }

    void policies() {
        if (x_.rules->chain.empty()) shown_.print("policies  none\n");
        for (size_t i = 0; i < x_.rules->chain.size() && !refused_ && !answered_; ++i) {
            const ChainLink& link = x_.rules->chain[i];
            const std::string outcome = identity_by_.empty() || !rests_on_identity(link, i) ? ask(link) : unasked(link);
            shown_.print("%s%s%s: %s\n", i == 0 ? "policies  " : "          ", std::string(link.name).c_str(), link.shadow ? " (shadow)" : "", printable(outcome, '?').c_str());
            for (const std::string& line : std::exchange(said_, {})) shown_.print("          %s\n", printable(line, '?').c_str());
        }
        x_.in_shadow = false;
        if (!x_.identity_by.empty()) shown_.print("identity  %s, by %s\n", printable(x_.claims.text(), '?').c_str(), std::string(x_.identity_by).c_str());
        else if (!identity_by_.empty()) shown_.print("identity  not known before %s has decided\n", std::string(identity_by_).c_str());
    }

    // One policy, by the gateway's own function. @returns its verdict in words
    std::string ask(const ChainLink& link) {
        if (auto fetching = link.policy->prepare(x_, rehearsal_)) run_to_its_end(std::move(*fetching));
        // A turn of its own: a signature is put off where the turn has computed enough, and here nobody else waits.
        loop_->turn(Duration::zero());
        Verdict v = Gateway::ask(x_, link);
        if (v.kind == Verdict::Kind::later) {
            if (auto now = link.policy->decide_now(x_)) v = std::move(*now);
        }
        std::string outcome = "passes";
        if (v.kind == Verdict::Kind::later) {
            outcome = link.policy->preview(x_);
            if (!link.shadow) undecided_.push_back(link.name);
            if (!link.shadow && link.policy->identity() != IdentityRole::none && x_.identity_by.empty()) identity_by_ = link.name;
        }
        if (v.kind == Verdict::Kind::respond) outcome = "answers " + std::to_string(x_.response.status);
        if (v.kind == Verdict::Kind::fail) {
            outcome = std::to_string(reply_row(v.error.fault).status) + " " + std::string(v.error.code()) + reason(v.error);
        }
        if (const std::string_view inner = link.policy->decided_by(x_); !inner.empty()) outcome += ", as " + std::string(inner) + " decided";
        if (v.kind != Verdict::Kind::fail && v.kind != Verdict::Kind::respond) return outcome;
        if (link.shadow) {
            Gateway::note_shadow(x_, link, v);
            return outcome + ", and the request goes on";
        }
        if (v.kind == Verdict::Kind::fail) refused_ = std::move(v.error);
        else answered_ = true;
        return outcome;
    }

    void run_to_its_end(io::Task<void> task) {
        struct End final : io::Root::Owner {
            void on_root_done() override { reached = true; }
            bool reached = false;
        } end;
        io::Root root;
        root.start(std::move(task), &end);
        while (!end.reached) loop_->turn(std::chrono::seconds(1));
    }

    std::string unasked(const ChainLink& link) {
        undecided_.push_back(link.name);
        return "decides by the identity, which is not known before " + std::string(identity_by_) + " has decided";
    }

    // Whether the policy may not stand in its place where nothing before it signs in.
    bool rests_on_identity(const ChainLink& link, size_t position) const {
        const auto& parameters = s_.table.rules()[x_.match.route].parameters;
        const bool forwards = config_of(x_.match.route).forward.has_value();
        const auto faults = [&](bool identity) {
            config::FaultList found;
            link.policy->check_place({{parameters, identity}, identity, position, link.shadow, forwards}, {}, config::Scope(found));
            return found.errors();
        };
        return faults(false) > faults(true);
    }

    // The policies whose decision is not known here, in words.
    std::string undecided() const {
        std::string names;
        for (const std::string_view name : undecided_) names.append(names.empty() ? "" : ", ").append(name);
        return names;
    }

    // What policies make of a good answer's body, in the order in which they do.
    void shapes() {
        const auto& chain = x_.rules->chain;
        for (size_t i = chain.size(); i > 0; --i) {
            const AnswerShapes shapes = chain[i - 1].policy->answer_shapes();
            const std::string name(chain[i - 1].name);
            for (const AnswerShapes::Case& c : shapes.cases) {
                shown_.print("shaped    by %s (line %u)%s: %s\n", name.c_str(), c.mark.line, c.when != nullptr ? ", where its condition holds" : "",
                            body_in_words(*c.body).c_str());
            }
            if (shapes.edits) shown_.print("shaped    by %s: edited as it is\n", name.c_str());
        }
    }

    int act() {
        if (refused_) return answer(*refused_);
        if (answered_) return kGood;
        const Action& action = x_.rules->action;
        if (const auto* fixed = std::get_if<RespondAction>(&action)) {
            shown_.print("answer    %d, a fixed answer\n", fixed->status);
            return kGood;
        }
        if (const auto* elsewhere = std::get_if<RedirectAction>(&action)) {
            auto location = redirect_location(x_, *elsewhere);
            if (!location) return answer(location.error());
            shown_.print("answer    %d Location: %s\n", elsewhere->status, shown_.target(*location).c_str());
            return kGood;
        }
        if (const auto* several = std::get_if<AggregateHandle>(&action)) {
            explain_aggregate(x_, **several, shown_);
            return kGood;
        }
        const auto& onward = std::get<ForwardAction>(action);
        auto service = choose_service(x_, onward);
        if (!service) return answer(service.error());
        const config::ServiceConfig& c = s_.config.services[static_cast<size_t>(*service)];
        shown_.print("service   %s\n", c.name.c_str());
        if (c.respond) {
            shown_.print("answer    %d, the service's fixed answer\n", c.respond->status);
            return kGood;
        }
        auto passes = take_hop(x_);
        if (!passes) return answer(passes.error());
        if (!*passes) {
            shown_.print("answer    204 Allow: %s\n", methods_here(x_).c_str());
            return kGood;
        }
        auto plan = plan_forward(x_, onward, *service);
        if (!plan && !identity_by_.empty()) {
            shown_.print("upstream  not known before %s has decided\n", undecided().c_str());
            return kGood;
        }
        if (!plan) return answer(plan.error());
        for (const config::EndpointConfig& e : c.endpoints) shown_.print("          %s://%s\n", e.tls ? "https" : "http", e.authority.c_str());
        const auto text = [](Duration d) { return d == kForever ? std::string("none") : config::duration_text(d); };
        shown_.print("timeouts  connect %s, first_byte %s, idle %s, total %s\n", text(plan->timeouts.connect).c_str(),
                    text(plan->timeouts.first_byte).c_str(), text(plan->timeouts.idle).c_str(), text(plan->timeouts.total).c_str());
        const std::string head = describe_upstream_request(x_, *plan, c.endpoints.front().authority);
        shown_.print("upstream  ");
        for (size_t at = 0; at < head.size();) {
            const size_t end = head.find("\r\n", at);
            if (end == at || end == std::string::npos) break;
            shown_.print("%s%s\n", at == 0 ? "" : "          ", shown_.head_line(std::string_view(head).substr(at, end - at)).c_str());
            at = end + 2;
        }
        if (!undecided_.empty()) shown_.print("          if %s let it pass, with what they add\n", undecided().c_str());
        return kGood;
    }

    const Snapshot& s_;
    Shown shown_;
    observe::Registry registry_;
    std::unique_ptr<io::Loop> loop_;
    ExplainNames names_;
    Context context_;
    Rehearsal rehearsal_;
    std::vector<std::string> said_;  // by policies, for the operator
    Exchange x_;
    std::optional<Error> refused_;
    bool answered_ = false;
    std::vector<std::string_view> undecided_;  // policies that would have to ask another system, and those that rest on them
    std::string_view identity_by_;             // of these the one that would sign in
};

}  // namespace

int explain(const std::string& file, const std::string& method, const std::string& url, const std::vector<std::string>& headers,
            const std::string& from, const std::string& keys_file) {
    const auto ip = IpAddress::parse(from);
    if (!ip) {
        std::fprintf(stderr, "portico: --from wants an IP address, found \"%s\"\n", from.c_str());
        return kUsage;
    }
    if (const auto slip = slip_of_headers(headers)) {
        std::fprintf(stderr, "portico: %s\n", slip->c_str());
        return kUsage;
    }
    const size_t colon = url.find(':');
    if (method != "CONNECT" && colon != std::string::npos && url.find_first_of("/?") > colon && !url.starts_with("http://") && !url.starts_with("https://")) {
        std::fprintf(stderr, "portico: expected a path such as /users/42 or a URL that begins with http:// or https://, found \"%s\"\n", url.c_str());
        return kUsage;
    }
    std::optional<std::string> keys;
    if (!keys_file.empty()) {
        auto text = config::read_file_text(keys_file);
        const auto read = text ? policy::jwt::keys_from_text(*text) : std::unexpected("it cannot be read: " + text.error().context);
        if (!read) {
            std::fprintf(stderr, "portico: --keys %s: %s\n", keys_file.c_str(), printable(read.error(), '?').c_str());
            return kUsage;
        }
        keys = std::move(*text);
    }
    config::FaultList faults;
    const auto source = config::read_file(file, faults);
    std::shared_ptr<const Snapshot> snapshot;
    gateway::Resources resources;
    if (source) snapshot = server::build_snapshot(*source, file, 1, resources, faults);
    if (snapshot == nullptr) {
        faults.sort();
        std::fputs(config::render(faults, config::shown_name(file), source ? *source : std::string_view{}).c_str(), stderr);
        return kFaults;
    }
    static const SystemClock clock;
    auto loop = io::Loop::make(io::BackendChoice::epoll, clock);
    if (!loop) {
        std::fprintf(stderr, "portico: %s\n", loop.error().context.c_str());
        return kFaults;
    }
    return Explanation(std::move(snapshot), std::move(*loop), std::move(keys), std::move(faults), url.starts_with("https://") ? "https" : "http").run(request_bytes(method, url, headers), *ip);
}

}  // namespace portico::cli
