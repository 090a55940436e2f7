// From the configuration to an AggregateAction: templates compiled, what names what found out, and whether it can work.
#include <algorithm>

#include "base/text.h"
#include "config/read.h"
#include "gateway/actions.h"
#include "gateway/aggregate/aggregate.h"
#include "gateway/subjects.h"
#include "gateway/templates/document_paths.h"
#include "gateway/templates/field_value.h"
#include "gateway/snapshot.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

using config::Node;
using config::NodeKind;
using config::Scope;
using config::Text;

constexpr size_t kMaxCalls = 64;
constexpr std::string_view kNoBody = "the answer is made of what the calls gave: $ is the client's body, which only calls may name";


// A JSONPath: a value that keeps its type, where other text is text.
bool is_path(const Node& node) {
    return node.kind == NodeKind::string && node.as_template.empty() && !node.substituted && node.text.starts_with('$') && !node.text.starts_with("$$");
}

// `{ v: node }`: where the value is not there it is a member that is not there, and no failure.
std::unique_ptr<const BodyTemplate> compile_wrapped(const Scope& scope, const Node& node, const TemplatePlace& place) {
    Node mapping;
    mapping.kind = NodeKind::mapping;
    mapping.mark = node.mark;
    mapping.entries.push_back({"v", node.mark, &node});
    return BodyTemplate::compile(scope, mapping, place);
}

// Fields that the gateway writes itself, and the one that would have answers encoded.
bool is_reserved(std::string_view name) {
    constexpr std::string_view kNames[] = {"host", "expect", "via", "x-request-id", "traceparent", "tracestate", "accept-encoding"};
    return is_forwarding_header(name) || std::ranges::any_of(kNames, [&](std::string_view n) { return http::is_same_name(n, name); });
}

class Compiler {
  public:
    Compiler(const Scope& scope, const config::AggregateConfig& from, const TemplatePlace& place, const config::Config& config,
             const std::unordered_map<std::string, int32_t>& services, HeaderWrites& writes)
        : scope_(scope), from_(from), place_(place), config_(config), services_(services), writes_(writes) {
        for (const config::CallConfig& c : from.calls) names_.push_back(c.name.value);
    }

    std::unique_ptr<const AggregateAction> run() {
        const size_t before = scope_.faults().errors();
        const Scope calls(scope_, "calls");
        if (names_.size() > kMaxCalls) {
            calls.error(from_.mark, "too-many-calls", "an aggregate has at most " + std::to_string(kMaxCalls) + " calls");
            return nullptr;
        }
        AggregateAction& a = *action_;
        a.graph = CallGraph(names_.size());
        a.timeout = from_.timeout;
        a.etag = from_.etag;
        a.server_timing = from_.server_timing;
        a.max_body = from_.max_body;
        read_.assign(names_.size(), false);
        for (uint32_t i = 0; i < names_.size(); ++i) {
            a.calls.push_back(call(Scope(calls, names_[i]), i));
            a.calls.back().asks_documents = asks_documents(a.calls.back());
        }
        answer();
        if (scope_.faults().errors() == before) link(calls);
        return scope_.faults().errors() == before ? std::move(action_) : nullptr;
    }

  private:
    static constexpr uint32_t kAnswer = UINT32_MAX;

    AggregateCall call(const Scope& scope, uint32_t index);
    void body(const Scope& scope, const config::CallConfig& c, const TemplatePlace& place, AggregateCall& into);
    void headers(const Scope& scope, const config::CallConfig& c, const TemplatePlace& place, AggregateCall& into);
    void query(const Scope& scope, const config::CallConfig& c, const TemplatePlace& place, AggregateCall& into);
    void answer();
    void errors_member();
    void link(const Scope& calls);
    void refuse_cycle(const Scope& calls, const std::vector<uint32_t>& cycle) const;

    // Notes which calls `named` asks. @param asking the call whose template it is, or kAnswer
    template <class T>
    void note(uint32_t asking, const T& named) {
        for (uint32_t i = 0; i < names_.size(); ++i) {
            bool about = false;
            if constexpr (requires { named.names_call(i); }) about = named.names_call(i);
            action_->keeps_heads |= about;
            if (!about && !named.reads(i)) continue;
            read_[i] = true;
            if (asking != kAnswer) action_->graph.add(asking, i);
        }
        if (asking != kAnswer && named.reads(names_.size())) action_->reads_body = true;
        if constexpr (requires { named.add_headers(action_->varies_by); }) named.add_headers(action_->varies_by);
    }
    bool asks_documents(const AggregateCall& a) const {
        const auto reads_any = [&](const auto& text) {
            // The calls, the client's body, the item of a for_each.
            for (size_t root = 0; root < names_.size() + 2; ++root) {
                if (text.reads(root)) return true;
            }
            return false;
        };
        if (a.json != nullptr || reads_any(a.path) || reads_any(a.text)) return true;
        return std::ranges::any_of(a.query, [&](const CallPair& pair) { return pair.values != nullptr || reads_any(pair.text); }) ||
               std::ranges::any_of(a.headers, [&](const auto& header) { return reads_any(header.second); });
    }
    template <class T>
    void note(uint32_t asking, const std::unique_ptr<const T>& named) {
        if (named != nullptr) note(asking, *named);
    }

    const Scope& scope_;
    const config::AggregateConfig& from_;
    const TemplatePlace& place_;
    const config::Config& config_;
    const std::unordered_map<std::string, int32_t>& services_;
    HeaderWrites& writes_;
    std::unique_ptr<AggregateAction> action_ = std::make_unique<AggregateAction>();
    std::vector<std::string> names_;
    std::vector<bool> read_;  // some other call, or the answer, names it
};

AggregateCall Compiler::call(const Scope& scope, uint32_t index) {
    const config::CallConfig& c = from_.calls[index];
    AggregateCall a;
    a.name = c.name.value;
    std::vector<std::string> roots = names_;
    roots.emplace_back();
    std::vector<std::string> origins;  // what messages call them
    for (const std::string& root : roots) origins.push_back("$" + root);
    TemplatePlace place = place_;
    place.roots = &roots;
    place.calls = &names_;
    place.origins = &origins;
    if (const auto found = services_.find(c.service.value); found != services_.end()) a.service = found->second;
    else if (c.service.value.find('{') != std::string::npos) Scope(scope, "service").error(c.service.mark, "unknown-service", "a call names its service: \"" + c.service.value + "\" is none");
    a.method_text = c.method.written ? c.method.value : "GET";
    a.method = http::method_of(a.method_text);
    if (a.service >= 0) {
        const config::ServiceConfig& service = config_.services[static_cast<size_t>(a.service)];
        a.timeouts = effective_timeouts({}, service.timeouts, config_.timeouts);
        a.timeouts.total = std::min(a.timeouts.total, c.timeout.value_or(kForever));
    }
    if (c.when != nullptr) a.when = DocumentCondition::compile(Scope(scope, "when"), text_of(*c.when), place);
    note(index, a.when);
    if (c.for_each != nullptr) {
        a.for_each = compile_wrapped(Scope(scope, "for_each"), *c.for_each, place);
        note(index, a.for_each);
        const std::string as = c.as.written ? c.as.value : "item";
        if (std::ranges::find(names_, as) != names_.end()) {
            Scope(scope, "as").error(c.as.written ? c.as.mark : c.for_each->mark, "duplicate-name", "\"" + as + "\" is the name of a call: $" + as + " would be two things",
                                     "name the values otherwise: as: …");
        }
        const auto path = a.for_each != nullptr && is_path(*c.for_each) ? read_path(Scope(scope, "for_each"), text_of(*c.for_each), place) : std::nullopt;
        a.item_of_client = path && path->root() == names_.size();
        roots.push_back(as);
        origins.push_back(path ? path->shown_each() : "$" + as);
    }
    a.path = TargetTemplate::parse(Scope(scope, "path"), c.path, place);
    note(index, a.path);
    query(Scope(scope, "query"), c, place, a);
    headers(Scope(scope, "headers"), c, place, a);
    body(Scope(scope, "body"), c, place, a);
    if (c.fallback != nullptr) a.fallback = BodyTemplate::compile(Scope(scope, "default"), *c.fallback, place);
    for (const CallPair& pair : a.query) note(index, pair.text), note(index, pair.values);
    for (const auto& [name, value] : a.headers) note(index, value);
    note(index, a.json);
    note(index, a.text);
    note(index, a.fallback);
    a.concurrency = c.concurrency;
    a.max_items = c.max_items;
    a.limit = c.limit;
    a.optional = c.optional;
    a.accept = c.accept;
    a.pass = c.pass;
    a.max_body = c.max_body;
    return a;
}

void Compiler::query(const Scope& scope, const config::CallConfig& c, const TemplatePlace& place, AggregateCall& into) {
    for (const auto& [name, node] : c.query) {
        CallPair pair;
        http::encode_query_value(name.value, pair.name);
        const Scope at(scope, name.value);
        if (is_path(*node)) pair.values = compile_wrapped(at, *node, place);
        else pair.text = parse_field(at, text_of(*node), place, ValuePlace::any);
        into.query.push_back(std::move(pair));
    }
}

void Compiler::headers(const Scope& scope, const config::CallConfig& c, const TemplatePlace& place, AggregateCall& into) {
    bool accept = false;
    for (const auto& [name, value] : c.headers) {
        const Scope at(scope, name.value);
        if (is_reserved(name.value)) {
            at.error(name.mark, "bad-header-name", name.value + " is the gateway's to write",
                     iequals(name.value, "accept-encoding") ? "an aggregate reads answers as they are, without a content coding" : "");
        }
        for (const auto& [other, text] : into.headers) {
            if (!iequals(other, name.value) && http::is_same_name(other, name.value)) at.error(name.mark, "duplicate-header", "the header " + other + " stands here twice, in two spellings");
        }
        accept |= iequals(name.value, "accept");
        into.headers.emplace_back(name.value, parse_field(at, value, place, ValuePlace::header));
        if (place.shared_subject && is_subject(into.headers.back().second)) warn_of_shared_subject(at, name.mark, "the header " + name.value);
        // By which an identity is handed on: what the service believes here a client must not say elsewhere (LANGUAGE.md §6).
        writes_.add(written_by(name.value, into.headers.back().second, name.mark), at.path());
    }
    if (!accept) into.headers.emplace_back("Accept", Template::literal("application/json"));
}

void Compiler::body(const Scope& scope, const config::CallConfig& c, const TemplatePlace& place, AggregateCall& into) {
    if (c.body == nullptr || c.body->kind == NodeKind::null) return;
    into.has_body = true;
    const auto type = std::ranges::find_if(into.headers, [](const auto& h) { return iequals(h.first, "content-type"); });
    const bool typed = type != into.headers.end();
    if (c.body->is_scalar() && !is_path(*c.body)) into.text = TextBody::parse(scope, text_of(*c.body), typed ? &type->second : nullptr, place);
    else into.json = BodyTemplate::compile(scope, *c.body, place);
    if (!typed) into.headers.emplace_back("Content-Type", Template::literal(into.json != nullptr ? "application/json" : "text/plain; charset=utf-8"));
}

void Compiler::answer() {
    TemplatePlace place = place_;
    place.roots = &names_;
    place.calls = &names_;
    place.no_body = kNoBody;
    const Scope status(scope_, "status");
    for (size_t i = 0; i < from_.status.size(); ++i) {
        const config::StatusCase& one = from_.status[i];
        StatusRule rule;
        rule.status = one.status;
        if (one.when != nullptr) rule.when = DocumentCondition::compile(Scope(Scope(status, i), "when"), text_of(*one.when), place);
        note(kAnswer, rule.when);
        if (rule.status == 204 || rule.status == 205 || rule.status == 304) {
            status.error(from_.mark, "bad-status", "an answer with status " + std::to_string(rule.status) + " has no body, and an aggregate has one");
        }
        action_->status.push_back(std::move(rule));
    }
    const Scope headers(scope_, "headers");
    for (const auto& [name, value] : from_.headers) {
        const Scope at(headers, name.value);
        action_->headers.emplace_back(name.value, parse_field(at, value, place, ValuePlace::header));
        note(kAnswer, action_->headers.back().second);
        if (iequals(name.value, "etag")) action_->etag = false;
        if (iequals(name.value, "content-type")) check_json_type(at, value.mark, action_->headers.back().second);
    }
    if (from_.body != nullptr) action_->body = BodyTemplate::compile(Scope(scope_, "body"), *from_.body, place);
    note(kAnswer, action_->body);
    if (from_.errors.written) errors_member();
}

// The member that names failures is put behind those of the body.
void Compiler::errors_member() {
    const Scope scope(scope_, "errors");
    const Node& body = *from_.body;
    action_->errors = from_.errors.value;
    const Node* const literal = body.is_mapping() ? body.get("literal") : nullptr;
    const Node& members = literal != nullptr ? *literal : body;
    const bool directive = literal == nullptr && body.is_mapping() && (body.get("for_each") != nullptr || body.get("get") != nullptr);
    const bool object = members.is_mapping() && !directive;
    if (!object) scope.error(from_.errors.mark, "bad-errors", "only a body that is a mapping can hold a further member", "write the body as a mapping, or leave errors out");
    else if (const config::Entry* there = members.find(from_.errors.value)) {
        scope.error(there->key_mark, "duplicate-name", "the body has a member \"" + from_.errors.value + "\" of its own", "name the other one: errors: failures");
    }
}

void Compiler::link(const Scope& calls) {
    for (const auto& cycle : action_->graph.cycles()) refuse_cycle(calls, cycle);
    for (uint32_t i = 0; i < names_.size(); ++i) {
        const AggregateCall& c = action_->calls[i];
        if (read_[i] || c.method != http::Method::get) continue;
        Scope(calls, c.name).warning(from_.calls[i].name.mark, "unread-call", "nothing names what this call gives: it is made for nothing",
                                     "name it as $" + c.name + " in the body, or leave it out");
    }
}

void Compiler::refuse_cycle(const Scope& calls, const std::vector<uint32_t>& cycle) const {
    const config::CallConfig& first = from_.calls[cycle[0]];
    const Scope at(calls, names_[cycle[0]]);
    if (cycle.size() == 1) return at.error(first.name.mark, "call-cycle", "the call \"" + names_[cycle[0]] + "\" names itself: its value is there only once it has ended");
    std::string way;
    for (const uint32_t call : cycle) way += names_[call] + " → ";
    at.error(first.name.mark, "call-cycle", "calls that wait for each other are never made: " + way + names_[cycle[0]]);
}

}  // namespace

bool AggregateCall::accepts(int status) const {
    if (accept.empty()) return status >= 200 && status < 300;
    return std::ranges::find(accept, status) != accept.end();
}

bool AggregateCall::passes(int status) const { return std::ranges::find(pass, status) != pass.end(); }

std::unique_ptr<const AggregateAction> AggregateAction::compile(const Scope& scope, const config::AggregateConfig& from, const TemplatePlace& place,
                                                                const config::Config& config, const std::unordered_map<std::string, int32_t>& services,
                                                                HeaderWrites& writes) {
    return Compiler(scope, from, place, config, services, writes).run();
}

}  // namespace portico::gateway
