#include "gateway/contract/contract.h"

#include <algorithm>
#include <deque>

#include "base/text.h"
#include "gateway/contract/contract_answers.h"
#include "gateway/contract/contract_made.h"
#include "gateway/contract/contract_path.h"

namespace portico::gateway {
namespace {

using config::Node;
using config::Severity;
using Verdict = config::SchemaStep::Verdict;
// By the name of the root: "" is `$`.
using Roots = std::map<std::string, std::vector<DeclaredAnswer>, std::less<>>;

// What a route's templates make of what they read.
struct Makes {
    std::vector<std::pair<Made, config::Mark>> bodies;
    bool sure = false;                   // all that they read is always there
    std::vector<DeclaredAnswer> passed;  // where there are none: what the service answers, as it is
};

class ContractCheck {
  public:
    ContractCheck(const Snapshot& snapshot, config::FaultList& faults)
        : s_(snapshot), faults_(faults), answers_(faults_) {}

    void run() {
        for (const config::ServiceConfig& service : s_.config.services) {
            if (service.schema.written) {
                answers_.document(service.schema, {service.schema.mark, "services." + service.name + ".schema"});
            }
        }
        for (size_t i = 0; i < s_.config.routes.size(); ++i) check_route(i);
    }

  private:
    void check_route(size_t index);
    void check_forward(const config::RouteConfig& route, const RouteRules& rules, const std::string& place,
                       Makes& makes);
    void check_aggregate(const config::RouteConfig& route, const AggregateAction& action, const std::string& place,
                         Makes& makes);
    void check_made(const config::RouteConfig& route, const std::string& place, const Makes& makes);
    Roots roots_of(const config::RouteConfig& route, const AggregateAction& action, const std::string& place);
    bool check_call(const config::CallConfig& config, const AggregateCall& call, const Roots& roots,
                    const std::string& place);

    void check_passed(const DeclaredAnswer& answer, const DeclaredAnswer& from, config::Mark mark,
                      const std::string& place);

    // Judges a path against every answer that its root may be. @returns whether it always finds something
    bool check_read(const std::string& path, config::Mark mark, const Roots& roots, const std::string& place);
    bool check_body(const BodyTemplate* body, const Roots& roots, const std::string& place);
    bool check_condition(const DocumentCondition* condition, config::Mark mark, const Roots& roots,
                         const std::string& place);
    bool check_parts(std::span<const TemplatePart> parts, config::Mark mark, const Roots& roots,
                     const std::string& place);
    void tell(const PathJudgement& judgement, const std::string& path, const DeclaredAnswer& answer,
              const ContractPlace& at);

    static std::vector<std::string> methods_of(const config::RouteConfig& route) {
        std::vector<std::string> methods;
        for (const config::Text& method : route.match.methods) methods.push_back(method.value);
        return methods;
    }

    const Snapshot& s_;
    ContractFaults faults_;
    DeclaredAnswers answers_;
    std::deque<Node> lists_;  // schemas of what a for_each gives
};

void ContractCheck::check_route(size_t index) {
    const config::RouteConfig& route = s_.config.routes[index];
    const RouteRules& rules = s_.routes[index];
    const std::string place = "routes[" + std::to_string(index) + "]";
    Makes makes;
    if (route.forward) check_forward(route, rules, place, makes);
    if (const auto* several = std::get_if<AggregateHandle>(&rules.action); several != nullptr && *several != nullptr) {
        check_aggregate(route, **several, place + ".aggregate", makes);
    }
    if (const auto* fixed = std::get_if<RespondAction>(&rules.action);
        fixed != nullptr && fixed->json != nullptr && fixed->status < 300) {
        makes.bodies.emplace_back(Made::of(fixed->json->products()), route.respond->body->mark);
    }
    // On the way back the first of `use` comes last: what it makes is what the client gets.
    for (const ChainLink& link : rules.chain) {
        const AnswerShapes shapes = link.policy->answer_shapes();
        if (shapes.edits) return;
        if (shapes.cases.empty()) continue;
        // What stands behind it made what it read, of which nothing is declared.
        if (makes.bodies.size() != 0 || !route.forward) makes.sure = false;
        makes.bodies.clear();
        for (const auto& one : shapes.cases) makes.bodies.emplace_back(Made::of(one.body->products()), one.mark);
        break;
    }
    if (route.schema.written) check_made(route, place, makes);
}

void ContractCheck::check_forward(const config::RouteConfig& route, const RouteRules& rules, const std::string& place,
                                  Makes& makes) {
    const auto* action = std::get_if<ForwardAction>(&rules.action);
    if (action == nullptr || action->service_index < 0) return;
    const config::ServiceConfig& service = s_.config.services[static_cast<size_t>(action->service_index)];
    if (!service.schema.written) return;
    AnswerShapes nearest;  // to the service: the last of `use`
    size_t shaping = 0;
    for (const ChainLink& link : rules.chain) {
        AnswerShapes shapes = link.policy->answer_shapes();
        if (shapes.asks_elsewhere || shapes.edits) return;
        if (shapes.cases.empty()) continue;
        nearest = std::move(shapes);
        ++shaping;
    }
    if (shaping == 0 && !route.schema.written) return;
    Roots roots;
    const auto methods = methods_of(route);
    const std::vector<config::Text> paths =
        route.forward->path.written ? std::vector{route.forward->path} : route.match.paths;
    for (const config::Text& path : paths) {
        for (DeclaredAnswer& answer : answers_.find(service.schema, methods, path.value, {path.mark, place})) {
            roots[""].push_back(std::move(answer));
        }
    }
    if (roots.empty()) return;
    if (shaping == 0) makes.passed = std::move(roots[""]);
    bool sure = shaping == 1;
    for (const auto& one : nearest.cases) {
        sure &= check_body(one.body, roots, place);
        check_condition(one.when, one.mark, roots, place);
    }
    makes.sure = sure;
}

Roots ContractCheck::roots_of(const config::RouteConfig& route, const AggregateAction& action,
                              const std::string& place) {
    Roots roots;
    for (size_t i = 0; i < action.calls.size(); ++i) {
        const AggregateCall& call = action.calls[i];
        const config::CallConfig& written = route.aggregate->calls[i];
        const config::ServiceConfig& service = s_.config.services[static_cast<size_t>(call.service)];
        if (!service.schema.written) continue;
        auto found = answers_.find(service.schema, std::span(&call.method_text, 1), written.path.value,
                                   {written.path.mark, place + ".calls." + call.name});
        for (DeclaredAnswer& answer : found) {
            for (const Node*& schema : answer.schemas) {
                if (call.for_each == nullptr) continue;
                Node& list = lists_.emplace_back();
                list.kind = config::NodeKind::mapping;
                list.entries.push_back({"items", {}, schema});
                schema = &list;
            }
        }
        if (!found.empty()) roots[call.name] = std::move(found);
    }
    return roots;
}

bool ContractCheck::check_call(const config::CallConfig& config, const AggregateCall& call, const Roots& roots,
                               const std::string& place) {
    const config::Mark mark = config.path.mark;
    check_parts(call.path.parts(), mark, roots, place);
    for (const CallPair& pair : call.query) {
        check_parts(pair.text.parts(), mark, roots, place);
        check_body(pair.values.get(), roots, place);
    }
    for (const auto& [name, text] : call.headers) check_parts(text.parts(), mark, roots, place);
    check_parts(call.text.parts(), mark, roots, place);
    for (const auto* body : {&call.json, &call.for_each, &call.fallback}) check_body(body->get(), roots, place);
    check_condition(call.when.get(), config.when != nullptr ? config.when->mark : mark, roots, place);
    // Whether what it gives is there, whatever happens.
    return !call.optional && call.when == nullptr;
}

void ContractCheck::check_aggregate(const config::RouteConfig& route, const AggregateAction& action,
                                    const std::string& place, Makes& makes) {
    const Roots roots = roots_of(route, action, place);
    bool sure = true;
    for (size_t i = 0; i < action.calls.size(); ++i) {
        const config::CallConfig& written = route.aggregate->calls[i];
        sure &= check_call(written, action.calls[i], roots, place + ".calls." + action.calls[i].name);
    }
    for (size_t i = 0; i < action.status.size(); ++i) {
        const Node* when = route.aggregate->status[i].when;
        check_condition(action.status[i].when.get(), when != nullptr ? when->mark : route.aggregate->mark, roots,
                        place);
    }
    for (const auto& [name, text] : action.headers) check_parts(text.parts(), route.aggregate->mark, roots, place);
    if (action.body == nullptr) return;
    makes.sure = check_body(action.body.get(), roots, place) && sure;
    Made made = Made::of(action.body->products());
    if (!action.errors.empty() && !made.is_opaque()) made.member(action.errors);
    makes.bodies.emplace_back(std::move(made), route.aggregate->body->mark);
}

bool ContractCheck::check_body(const BodyTemplate* body, const Roots& roots, const std::string& place) {
    bool always = true;
    if (body == nullptr) return always;
    for (const BodyTemplate::Read& read : body->read_paths()) {
        always &= check_read(read.path, read.mark, roots, place) || read.required;
    }
    return always;
}

bool ContractCheck::check_condition(const DocumentCondition* condition, config::Mark mark, const Roots& roots,
                                    const std::string& place) {
    bool always = true;
    if (condition == nullptr) return always;
    for (const std::string& path : condition->read_paths()) always &= check_read(path, mark, roots, place);
    return always;
}

bool ContractCheck::check_parts(std::span<const TemplatePart> parts, config::Mark mark, const Roots& roots,
                                const std::string& place) {
    bool always = true;
    for (const TemplatePart& part : parts) {
        if (part.source == Source::document) always &= check_read(part.path->shown(), mark, roots, place);
    }
    return always;
}

bool ContractCheck::check_read(const std::string& text, config::Mark mark, const Roots& roots,
                               const std::string& place) {
    const auto path = json::Path::compile(text, {.named_roots = true});
    const auto found = path ? roots.find(path->root_name()) : roots.end();
    if (found == roots.end()) return false;
    bool always = true;
    for (const DeclaredAnswer& answer : found->second) {
        const PathJudgement judgement = judge_path(*answer.api, answer.schemas, *path);
        always &= judgement.always;
        if (judgement.verdict > Verdict::unsaid) tell(judgement, text, answer, {mark, place});
    }
    return always;
}

void ContractCheck::tell(const PathJudgement& judgement, const std::string& path, const DeclaredAnswer& answer,
                         const ContractPlace& at) {
    const std::string about = path + ": the answer of " + answer.what;
    const bool is_name = !judgement.step.starts_with('[');
    if (judgement.verdict == Verdict::wrong_type) {
        faults_.tell(Severity::error, at, "contract-type",
                     about + " declares " + judgement.before + " as what has no " +
                         (is_name ? "\"" + judgement.step + "\": it is no object" : "elements: it is no list"));
        return;
    }
    const std::string_view near = nearest(judgement.step, judgement.names.data(), judgement.names.size());
    std::string hint;
    if (!near.empty()) {
        hint = "did you mean \"" + std::string(near) + "\"?";
    } else if (!judgement.names.empty()) {
        hint = "declared there: ";
        const size_t shown = std::min<size_t>(judgement.names.size(), 12);
        for (size_t i = 0; i < shown; ++i) hint.append(i == 0 ? "" : ", ").append(judgement.names[i]);
        if (shown < judgement.names.size()) hint += ", …";
    }
    const bool closed = judgement.verdict == Verdict::refused;
    faults_.tell(closed ? Severity::error : Severity::warning, at, "contract-field",
                 about + " declares no \"" + judgement.step + "\" in " + judgement.before +
                     (closed ? ", and that nothing else is there" : ""),
                 std::move(hint));
}

// What nothing changes must be what the service declares.
void ContractCheck::check_passed(const DeclaredAnswer& answer, const DeclaredAnswer& from, config::Mark mark,
                                 const std::string& place) {
    for (const std::string_view name : answer.api->required(answer.schemas)) {
        const config::SchemaStep step = from.api->member(from.schemas, name);
        if (step.verdict <= Verdict::unsaid) continue;
        const bool never = step.verdict != Verdict::undeclared;
        faults_.tell(never ? Severity::error : Severity::warning, {mark, place}, "contract-missing",
                     "the answer of " + answer.what + " requires " + std::string(name) + ", which that of " +
                         from.what + (never ? " cannot have" : " does not declare"));
    }
}

void ContractCheck::check_made(const config::RouteConfig& route, const std::string& place, const Makes& makes) {
    for (const config::Text& path : route.match.paths) {
        const auto declared = answers_.find(route.schema, methods_of(route), path.value, {path.mark, place});
        for (const DeclaredAnswer& answer : declared) {
            for (const DeclaredAnswer& from : makes.passed) check_passed(answer, from, route.mark, place);
            for (const auto& [made, mark] : makes.bodies) {
                if (made.is_opaque()) continue;
                Made::Findings findings;
                made.compare(*answer.api, answer.schemas, findings);
                const std::string about = "the answer of " + answer.what + " requires ";
                for (const Made::Missing& missing : findings.missing) {
                    faults_.tell(
                        Severity::error, {mark, place}, "contract-missing",
                        about + missing.path + ", and nothing makes it",
                        missing.near.empty() ? "" : "did you mean \"" + std::string(missing.near) + "\" to be it?");
                }
                if (makes.sure || findings.maybe.empty()) continue;
                std::string names;
                for (const std::string& name : findings.maybe) names.append(names.empty() ? "" : ", ").append(name);
                faults_.tell(
                    Severity::warning, {mark, place}, "contract-maybe-missing",
                    about + names + ": left out where what it is made of is not there",
                    "{ get: $.x, required: true } makes that an error, { get: $.x, default: … } gives a value");
            }
        }
    }
}

}  // namespace

void check_contracts(const Snapshot& snapshot, config::FaultList& faults) {
    ContractCheck(snapshot, faults).run();
}

}  // namespace portico::gateway
