#include "policy/transform/body_edit.h"

#include <algorithm>
#include <array>

#include "config/read.h"
#include "json/path/path.h"

namespace portico::policy::transform {

using config::Entry;
using config::Field;
using config::Node;
using config::Scope;

namespace {

// The wrapped value's own text lies between these.
constexpr std::string_view kBefore = R"({"v":)";
constexpr std::string_view kAfter = "}";
constexpr std::string_view kOnMismatch[] = {"fail", "skip"};

// The member of the document itself that a path names: `$.role` names "role".
std::optional<std::string> member_of_root(std::string_view path) {
    const auto compiled = json::Path::compile(path);
    if (!compiled || !compiled->is_singular()) return std::nullopt;
    auto steps = compiled->steps();
    if (steps.size() != 1 || !steps[0].named) return std::nullopt;
    return std::move(steps[0].name);
}

std::vector<std::string> decided_by(std::span<const json::EditStep> plan) {
    using Kind = json::EditKind;
    std::vector<std::string> names;
    for (const json::EditStep& step : plan) {
        std::optional<std::string> name;
        if (step.kind == Kind::remove || step.kind == Kind::set) name = member_of_root(step.path);
        else if (step.kind == Kind::move) name = member_of_root(step.to);
        else if (step.kind == Kind::rename && member_of_root(step.path)) name = step.to;
        if (name && !name->empty()) names.push_back(std::move(*name));
    }
    return names;
}

}  // namespace

struct BodyEdit::Draft {
    gateway::TemplatePlace place;
    std::vector<json::EditStep> plan;
    std::vector<Step> steps;
    bool skip_mismatches = false;

    void add(json::EditKind kind, std::string path, std::string to, config::Mark mark) {
        plan.push_back({kind, std::move(path), std::move(to)});
        steps.push_back({mark, nullptr});
    }
    void read_paths(const Scope& scope, const Node& node, json::EditKind kind) {
        for (config::Text& t : config::read_texts(scope, node, "a JSONPath such as $.user.email", config::Braces::notation)) add(kind, std::move(t.value), {}, t.mark);
    }
    void read_targets(const Scope& scope, const Node& node, json::EditKind kind, std::string_view what) {
        if (!node.is_mapping()) return scope.expected(node, "JSONPaths, each with " + std::string(what));
        for (const Entry& e : node.entries) {
            if (auto to = config::read_string(Scope(scope, e.key), *e.value, what)) add(kind, e.key, std::move(*to), e.key_mark);
        }
    }
    void read_values(const Scope& scope, const Node& node, json::EditKind kind) {
        if (!node.is_mapping()) return scope.expected(node, "JSONPaths, each with the value that goes there");
        for (const Entry& e : node.entries) {
            Node wrapped;
            wrapped.kind = config::NodeKind::mapping;
            wrapped.mark = e.value->mark;
            wrapped.entries.push_back({"v", e.key_mark, e.value});
            add(kind, e.key, {}, e.key_mark);
            steps.back().value = gateway::BodyTemplate::compile(Scope(scope, e.key), wrapped, place);
        }
    }
    static std::span<const Field<Draft>> fields();
};

std::span<const Field<BodyEdit::Draft>> BodyEdit::Draft::fields() {
    using Kind = json::EditKind;
    static constexpr Field<Draft> kFields[] = {
        {{"keep", "JSONPath or list", "", "Nothing but what they select stays, and what leads there.", R"({"$ref":"#/$defs/textOrList"})"}, [](const Scope& s, const Node& n, Draft& d) { d.read_paths(s, n, Kind::keep); }},
        {{"remove", "JSONPath or list", "", "What they select goes.", R"({"$ref":"#/$defs/textOrList"})"}, [](const Scope& s, const Node& n, Draft& d) { d.read_paths(s, n, Kind::remove); }},
        {{"rename", "JSONPaths, each with a name", "", "A member gets another name, in its place.", R"({"type":"object"})"}, [](const Scope& s, const Node& n, Draft& d) { d.read_targets(s, n, Kind::rename, "a new name"); }},
        {{"move", "JSONPaths, each with another", "", "A value goes to another place.", R"({"type":"object"})"}, [](const Scope& s, const Node& n, Draft& d) { d.read_targets(s, n, Kind::move, "the path of its new place"); }},
        {{"map", "JSONPaths, each with a body template", "", "What stands there is replaced; `$value` is it.", R"({"type":"object"})"}, [](const Scope& s, const Node& n, Draft& d) { d.read_values(s, n, Kind::map); }},
        {{"set", "JSONPaths, each with a body template", "", "The same, and made where it is missing.", R"({"type":"object"})"}, [](const Scope& s, const Node& n, Draft& d) { d.read_values(s, n, Kind::set); }},
        {{"on_mismatch", "fail or skip", "fail", "Something else than an object stands in the way: the message is refused, or the edit left out there and counted.", R"({"enum":["fail","skip"]})"},
         [](const Scope& s, const Node& n, Draft& d) { d.skip_mismatches = config::read_word(s, n, kOnMismatch).value_or(0) == 1; }},
    };
    return kFields;
}

std::unique_ptr<const BodyEdit> BodyEdit::read(const Scope& scope, const Node& node, const gateway::TemplatePlace& place) {
    static const std::vector<std::string> kRoots = {"", "value"};
    Draft d;
    d.place = place;
    d.place.roots = &kRoots;
    const size_t before = scope.faults().errors();
    config::read_object<Draft>(scope, node, d, "edit", Draft::fields());
    if (node.is_mapping() && d.plan.empty() && scope.faults().errors() == before) {
        scope.error(node.mark, "empty-edit", "edit changes nothing: it takes keep, remove, rename, move, map and set");
    }
    if (scope.faults().errors() != before) return nullptr;
    auto plan = json::EditPlan::compile(d.plan);
    if (!plan) {
        const json::EditError& e = plan.error();
        const json::EditStep& step = d.plan[e.step];
        scope.error(d.steps[e.step].mark, "bad-edit", (e.in_target ? step.to : step.path) + ": " + e.what);
        return nullptr;
    }
    return std::unique_ptr<const BodyEdit>(new BodyEdit(std::move(*plan), std::move(d.steps), decided_by(d.plan), d.skip_mismatches));
}

// Renders the values of a plan's steps, and keeps the error that stopped it.
class BodyEdit::Giver final : public json::EditValues {
  public:
    Giver(const BodyEdit& edit, const gateway::Values& values, json::Value root) : edit_(edit), values_(values), roots_{root, {}} { values_.roots = roots_; }

    Outcome give(size_t step, json::Value old, std::string& out) override {
        roots_[1] = old;
        const size_t before = out.size();
        if (auto made = edit_.steps_[step].value->render(values_, out); !made) {
            error = std::move(made).error();
            return Outcome::stop;
        }
        const bool none = out.size() - before < kBefore.size() + kAfter.size();
        if (none) {
            out.resize(before);
            return Outcome::none;
        }
        out.resize(out.size() - kAfter.size());
        out.erase(before, kBefore.size());
        return Outcome::value;
    }

    std::optional<Error> error;

  private:
    const BodyEdit& edit_;
    gateway::Values values_;
    std::array<json::Value, 2> roots_;
};

Result<uint64_t> BodyEdit::apply(const gateway::Values& values, json::Value root, std::string& out) const {
    Giver giver(*this, values, root);
    auto done = plan_.apply(root, giver, out, {.skip_mismatches = skip_mismatches_});
    if (done) return *done;
    if (giver.error) return fail(std::move(*giver.error));
    const json::EditFault& fault = done.error();
    // The place is spelt with the document's own names: whose document it is decides who may read them.
    return fail(Fault::answer_mapping, (fault.place.empty() ? "" : fault.place + ": ") + std::string(fault.what()));
}

config::ObjectText BodyEdit::describe() {
    return config::describe<Draft>("edit of `transform`", "transformEdit", "A document changed as it is: all else keeps its bytes. Paths are read in the document as it came.",
                                   Draft::fields());
}

void BodyEdit::check_place(const gateway::PlaceValues& place, const Scope& scope) const {
    for (const Step& s : steps_) {
        if (s.value != nullptr) s.value->check_place(place, s.mark, scope);
    }
}

}  // namespace portico::policy::transform
