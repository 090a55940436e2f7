#include "gateway/contract/contract_path.h"

#include "json/path/path_program.h"

namespace portico::gateway {
namespace {

using config::Node;
using config::SchemaStep;
using Selector = json::detail::PathSelector;
using Verdict = SchemaStep::Verdict;

SchemaStep take(const config::OpenApi& api, std::span<const Node* const> from, const Selector& selector) {
    switch (selector.kind) {
        case Selector::Kind::name: return api.member(from, selector.name);
        case Selector::Kind::index:
        case Selector::Kind::slice: return api.element(from);
        case Selector::Kind::wildcard:
        case Selector::Kind::filter: return api.children(from);
    }
    return {};
}

std::string text_of(const Selector& selector) {
    switch (selector.kind) {
        case Selector::Kind::name: return selector.name;
        case Selector::Kind::index: return "[" + std::to_string(*selector.start) + "]";
        default: return "[*]";
    }
}

bool is_found(Verdict verdict) {
    return verdict == Verdict::declared || verdict == Verdict::unsaid;
}

}  // namespace

PathJudgement judge_path(const config::OpenApi& api, std::span<const Node* const> answers, const json::Path& path) {
    PathJudgement judgement;
    judgement.before = "$" + path.root_name();
    std::vector<const Node*> at(answers.begin(), answers.end());
    for (const json::detail::PathSegment& segment : path.program().query.segments) {
        if (segment.descendant) at = api.all_inside(at);
        std::vector<const Node*> next;
        std::string said;
        for (const Selector& selector : segment.selectors) {
            SchemaStep step = take(api, at, selector);
            // A list of what is selected is there, be it empty.
            const bool one = selector.kind == Selector::Kind::name && !segment.descendant;
            const bool element = selector.kind == Selector::Kind::index;
            judgement.always = judgement.always && (one ? step.always : !element);
            if (step.verdict == Verdict::unsaid) {
                judgement.verdict = Verdict::unsaid;
                judgement.always = false;
                return judgement;
            }
            if (!is_found(step.verdict)) {
                judgement.verdict = segment.descendant ? Verdict::undeclared : step.verdict;
                judgement.always = false;
                judgement.step = text_of(selector);
                judgement.names = std::move(step.names);
                return judgement;
            }
            next.insert(next.end(), step.schemas.begin(), step.schemas.end());
            said = text_of(selector);
        }
        judgement.before += (segment.descendant ? ".." : said.starts_with('[') ? "" : ".") + said;
        at = std::move(next);
    }
    return judgement;
}

}  // namespace portico::gateway
