#include "json/path/path_evaluation.h"

#include <algorithm>

namespace portico::json::detail {
namespace {

// What skipping so many elements or members costs, beside one step for the value found.
constexpr uint64_t skip_cost(size_t skipped) {
    return 1 + skipped / 8;
}

// So many are passed over between two looks at what may be spent.
constexpr int64_t kPaidTogether = 4096;

Value element_at(Value array, int64_t index) {
    const auto size = static_cast<int64_t>(array.size());
    if (index < 0) index += size;
    return index < 0 || index >= size ? Value() : array.at(static_cast<size_t>(index));
}

struct Range {
    int64_t first;
    int64_t past;  // not part of it
};

// @spec RFC 9535 §2.3.4.2.2
Range range_of(const PathSelector& slice, int64_t step, int64_t size) {
    const auto place = [size](int64_t n) { return n >= 0 ? n : size + n; };
    if (step > 0) {
        return {std::clamp<int64_t>(place(slice.start.value_or(0)), 0, size),
                std::clamp<int64_t>(place(slice.end.value_or(size)), 0, size)};
    }
    const int64_t past = slice.end ? place(*slice.end) : -1;
    return {std::clamp<int64_t>(place(slice.start.value_or(size - 1)), -1, size - 1), std::clamp<int64_t>(past, -1, size - 1)};
}

}  // namespace

Value find_singular(const PathQuery& query, Value from, uint64_t& steps) {
    for (const PathSegment& segment : query.segments) {
        const PathSelector& selector = segment.selectors.front();
        steps += skip_cost(from.size());
        from = selector.kind == PathSelector::Kind::name ? from.find(selector.name) : element_at(from, *selector.start);
        if (!from) break;
    }
    return from;
}

bool PathEvaluation::select_all(std::vector<Value>& nodes) {
    const size_t before = nodes.size();
    Sink sink{.nodes = &nodes};
    run(program_.query, Value(), sink);
    if (effort_.ended()) nodes.resize(before);
    return !effort_.ended();
}

bool PathEvaluation::selects_any() {
    Sink sink{.enough = 1};
    run(program_.query, Value(), sink);
    return sink.count > 0;
}

bool PathEvaluation::take(Value node, Sink& sink) {
    if (sink.count++ == 0) sink.first = node;
    if (sink.nodes != nullptr) {
        if (!effort_.has_room_for(sink.count)) return false;
        sink.nodes->push_back(node);
    }
    return sink.count < sink.enough;
}

bool PathEvaluation::run(const PathQuery& query, Value current, Sink& sink) {
    const Value start = start_of(query, current);
    return !start || select(query, 0, start, sink);
}

bool PathEvaluation::select(const PathQuery& query, size_t segment, Value node, Sink& sink) {
    if (!effort_.spend(1)) return false;
    if (segment == query.segments.size()) return take(node, sink);
    return query.segments[segment].descendant ? descend(query, segment, node, sink) : apply(query, segment, node, sink);
}

// Each value before those inside it, and these in order.
bool PathEvaluation::descend(const PathQuery& query, size_t segment, Value node, Sink& sink) {
    const size_t base = levels_.size();
    bool more = apply(query, segment, node, sink);
    levels_.push_back({node.children().begin(), node.children().end()});
    while (more && levels_.size() > base) {
        Level& level = levels_.back();
        if (level.at == level.end) {
            levels_.pop_back();
            continue;
        }
        const Value child = *level.at;
        ++level.at;
        more = effort_.spend(1);
        if (!more || child.size() == 0) continue;  // from nothing inside, nothing is selected
        more = effort_.goes_down_to(levels_.size() - base + 1) && apply(query, segment, child, sink);
        levels_.push_back({child.children().begin(), child.children().end()});
    }
    levels_.resize(base);
    return more;
}

bool PathEvaluation::apply(const PathQuery& query, size_t segment, Value node, Sink& sink) {
    for (const PathSelector& selector : query.segments[segment].selectors) {
        if (!apply_one(selector, query, segment + 1, node, sink)) return false;
    }
    return true;
}

bool PathEvaluation::apply_one(const PathSelector& selector, const PathQuery& query, size_t next, Value node, Sink& sink) {
    switch (selector.kind) {
        case PathSelector::Kind::name:
        case PathSelector::Kind::index: {
            if (!effort_.spend(skip_cost(node.size()))) return false;
            const bool named = selector.kind == PathSelector::Kind::name;
            const Value found = named ? node.find(selector.name) : element_at(node, *selector.start);
            return !found || select(query, next, found, sink);
        }
        case PathSelector::Kind::wildcard:
            return std::ranges::all_of(node.children(), [&](Value child) { return select(query, next, child, sink); });
        case PathSelector::Kind::slice: return apply_slice(selector, query, next, node, sink);
        case PathSelector::Kind::filter: return apply_filter(selector, query, next, node, sink);
    }
    return true;
}

bool PathEvaluation::apply_slice(const PathSelector& selector, const PathQuery& query, size_t next, Value array, Sink& sink) {
    const int64_t step = selector.step.value_or(1);
    if (!array.is_array() || step == 0) return true;
    const Range range = range_of(selector, step, static_cast<int64_t>(array.size()));
    if (!effort_.spend(skip_cost(array.size()))) return false;
    if (step > 0) {
        int64_t index = 0;
        int64_t wanted = range.first;
        for (const Value element : array.elements()) {
            if (wanted >= range.past) break;
            if (index % kPaidTogether == kPaidTogether - 1 && !effort_.spend(skip_cost(kPaidTogether))) return false;
            if (index++ != wanted) continue;
            wanted += step;
            if (!select(query, next, element, sink)) return false;
        }
        return true;
    }
    // Elements are found forward only: those up to the first one wanted are put down, then read backward.
    const auto put_down = static_cast<size_t>(range.first + 1);
    Held held(Holding::made);
    if (!effort_.hold(held, put_down * sizeof(Value))) return false;
    std::vector<Value> elements;
    elements.reserve(put_down);
    for (const Value element : array.elements()) {
        if (elements.size() == put_down) break;
        if (!effort_.spend(1)) return false;
        elements.push_back(element);
    }
    for (int64_t i = range.first; i > range.past; i += step) {
        if (!select(query, next, elements[static_cast<size_t>(i)], sink)) return false;
    }
    return true;
}

bool PathEvaluation::apply_filter(const PathSelector& selector, const PathQuery& query, size_t next, Value node, Sink& sink) {
    for (const Value child : node.children()) {
        if (!effort_.spend(1)) return false;
        const bool selected = is_true(*selector.filter, child);
        if (effort_.ended() || (selected && !select(query, next, child, sink))) return false;
    }
    return true;
}

bool PathEvaluation::is_true(const PathExpression& expression, Value current) {
    const auto holds_for_part = [&](const PathExpression& part) { return is_true(part, current); };
    switch (expression.kind) {
        case PathExpression::Kind::either: return std::ranges::any_of(expression.parts, holds_for_part);
        case PathExpression::Kind::both: return std::ranges::all_of(expression.parts, holds_for_part);
        case PathExpression::Kind::negation: return !is_true(expression.parts.front(), current);
        case PathExpression::Kind::existence: {
            if (expression.query->singular) return static_cast<bool>(singular_value(*expression.query, current));
            Sink sink{.enough = 1};
            run(*expression.query, current, sink);
            return sink.count > 0;
        }
        case PathExpression::Kind::comparison: return compares(expression, current);
        case PathExpression::Kind::match:
        case PathExpression::Kind::search: return regex_matches(expression, current);
    }
    return false;
}

bool PathEvaluation::compares(const PathExpression& expression, Value current) {
    Digits left_digits;
    Digits right_digits;
    const Comparable left = value_of(expression.left, current, left_digits);
    const Comparable right = value_of(expression.right, current, right_digits);
    return !effort_.ended() && holds(expression.comparison, left, right, effort_);
}

Value PathEvaluation::singular_value(const PathQuery& query, Value current) {
    uint64_t steps = 1;
    const Value found = find_singular(query, start_of(query, current), steps);
    return effort_.spend(steps) ? found : Value();
}

}  // namespace portico::json::detail
