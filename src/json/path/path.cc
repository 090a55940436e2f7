#include "json/path/path.h"

#include "base/check.h"
#include "json/path/path_evaluation.h"
#include "json/path/path_parser.h"
#include "json/path/path_text.h"
#include "json/path/path_utf8.h"

namespace portico::json {

std::string_view what(PathStop stop) {
    switch (stop) {
        case PathStop::too_many_nodes: return "it selects too many values";
        case PathStop::too_many_steps: return "it takes too many steps";
        case PathStop::too_deep: return "it goes down too deep";
        case PathStop::regex_too_large: return "a regular expression in the document is too large";
    }
    return "";
}

void detail::PathProgramDeleter::operator()(const PathProgram* program) const {
    delete program;
}

Path::Path(Program program) : program_(std::move(program)) {}

std::expected<Path, PathError> Path::compile(std::string_view text, const PathOptions& options) {
    if (text.size() > kMaxSize) return std::unexpected(PathError{kMaxSize, "a query is no longer than 16384 bytes"});
    const size_t bad = detail::first_bad_utf8(text);
    if (bad < text.size()) return std::unexpected(PathError{bad, "it is not UTF-8"});
    auto program = detail::PathParser(text, options).parse();
    if (!program) return std::unexpected(std::move(program).error());
    program->text = detail::text_of(*program);
    return Path(Program(new detail::PathProgram(*std::move(program))));
}

bool Path::is_singular() const {
    return program_->query.singular;
}

std::span<const std::string> Path::root_names() const {
    return program_->roots;
}

const std::string& Path::text() const {
    return program_->text;
}

std::vector<Path::Step> Path::steps() const {
    std::vector<Step> steps;
    for (const detail::PathSegment& segment : program_->query.segments) {
        const detail::PathSelector& selector = segment.selectors.front();
        const bool named = selector.kind == detail::PathSelector::Kind::name;
        if (segment.descendant || segment.selectors.size() != 1) break;
        if (!named && selector.kind != detail::PathSelector::Kind::index) break;
        steps.push_back({selector.name, named ? 0 : *selector.start, named});
    }
    return steps;
}

bool Path::ends_in_children() const {
    const auto& segments = program_->query.segments;
    if (segments.empty() || steps().size() + 1 != segments.size()) return false;
    const detail::PathSegment& last = segments.back();
    return !last.descendant && last.selectors.size() == 1 && last.selectors.front().kind == detail::PathSelector::Kind::wildcard;
}

Value Path::find(Value root) const {
    PORTICO_CHECK(is_singular());
    uint64_t steps = 0;
    return detail::find_singular(program_->query, root, steps);
}

std::expected<void, PathStop> Path::evaluate(std::span<const Value> roots, std::vector<Value>& nodes,
                                             const PathBounds& bounds, uint64_t* spent) const {
    PORTICO_CHECK(roots.size() == root_names().size());
    detail::PathEvaluation evaluation(*program_, roots, bounds);
    const bool ended = !evaluation.select_all(nodes);
    if (spent != nullptr) *spent += evaluation.spent();
    if (ended) return std::unexpected(*evaluation.stop());
    return {};
}

std::expected<bool, PathStop> Path::exists(std::span<const Value> roots, const PathBounds& bounds) const {
    PORTICO_CHECK(roots.size() == root_names().size());
    detail::PathEvaluation evaluation(*program_, roots, bounds);
    const bool any = evaluation.selects_any();
    if (evaluation.stop()) return std::unexpected(*evaluation.stop());
    return any;
}

Condition::Condition(Program program) : program_(std::move(program)) {}

std::expected<Condition, PathError> Condition::compile(std::string_view text, const PathOptions& options) {
    if (text.size() > Path::kMaxSize) return std::unexpected(PathError{Path::kMaxSize, "a condition is no longer than 16384 bytes"});
    const size_t bad = detail::first_bad_utf8(text);
    if (bad < text.size()) return std::unexpected(PathError{bad, "it is not UTF-8"});
    auto program = detail::PathParser(text, options).parse_condition();
    if (!program) return std::unexpected(std::move(program).error());
    program->text = detail::text_of(*program);
    return Condition(Program(new detail::PathProgram(*std::move(program))));
}

std::span<const std::string> Condition::root_names() const {
    return program_->roots;
}

const std::string& Condition::text() const {
    return program_->text;
}

std::vector<std::string> Condition::queries() const {
    return detail::queries_of(*program_);
}

std::expected<bool, PathStop> Condition::holds(std::span<const Value> roots, const PathBounds& bounds, uint64_t* spent) const {
    PORTICO_CHECK(roots.size() == root_names().size());
    detail::PathEvaluation evaluation(*program_, roots, bounds);
    const bool holds = evaluation.condition_holds();
    if (spent != nullptr) *spent += evaluation.spent();
    if (evaluation.stop()) return std::unexpected(*evaluation.stop());
    return holds;
}

std::string location_of(Value root, Value node) {
    const auto holds_it = [&](Value v) { return v.offset() <= node.offset() && node.offset() < v.offset() + v.source().size(); };
    std::string path = "$";
    Value at = root;
    while (at && at != node) {
        Value inside;
        size_t index = 0;
        for (const Value element : at.elements()) {
            if (holds_it(element)) {
                inside = element;
                path += '[' + std::to_string(index) + ']';
                break;
            }
            ++index;
        }
        for (const Member member : at.members()) {
            if (!holds_it(member.value)) continue;
            inside = member.value;
            path += '[';
            detail::append_quoted(path, member.name);
            path += ']';
            break;
        }
        at = inside;
    }
    return at ? path : "";
}

}  // namespace portico::json
