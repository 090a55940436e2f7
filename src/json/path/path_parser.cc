#include "json/path/path_parser.h"

#include <algorithm>

namespace portico::json::detail {
namespace {

// Whether it selects one value at most.
bool is_singular_segment(const PathSegment& segment) {
    if (segment.descendant || segment.selectors.size() != 1) return false;
    const auto kind = segment.selectors.front().kind;
    return kind == PathSelector::Kind::name || kind == PathSelector::Kind::index;
}

}  // namespace

std::expected<PathProgram, PathError> PathParser::parse() {
    if (scanner_.peek() != '$') {
        scanner_.expected("$, with which every query begins,");
    } else if (read_query(program_.query) && !scanner_.at_end()) {
        const size_t end = scanner_.at();
        scanner_.skip_blanks();
        if (scanner_.at_end()) {
            scanner_.fail_at(end, "white space ends the query: remove it");
        } else {
            scanner_.fail("expected . or [ or the end of the query here");
        }
    }
    if (!scanner_.error().what.empty()) return std::unexpected(scanner_.error());
    return std::move(program_);
}

std::expected<PathProgram, PathError> PathParser::parse_condition() {
    is_condition_ = true;
    program_.condition = std::make_unique<PathExpression>();
    scanner_.skip_blanks();
    if (read_either(*program_.condition)) {
        scanner_.skip_blanks();
        if (!scanner_.at_end()) scanner_.fail("expected a comparison, &&, || or the end of the condition here");
    }
    if (!scanner_.error().what.empty()) return std::unexpected(scanner_.error());
    return std::move(program_);
}

uint32_t PathParser::root_of(std::string_view name) {
    auto& roots = program_.roots;
    const auto known = std::find(roots.begin(), roots.end(), name);
    const auto place = static_cast<uint32_t>(known - roots.begin());
    if (known == roots.end()) roots.emplace_back(name);
    return place;
}

bool PathParser::read_root(PathQuery& query) {
    if (scanner_.peek() == '@' && is_condition_ && filters_ == 0) {
        return scanner_.fail("@ is the value that a filter looks at, and no filter stands around it: begin with $");
    }
    if (scanner_.take("@")) {
        query.root = PathQuery::kCurrent;
        return true;
    }
    const size_t begin = scanner_.at();
    scanner_.take("$");
    const std::string_view name = scanner_.take_root_name();
    if (!name.empty() && !options_.named_roots) {
        return scanner_.fail_at(begin + 1, "only $ is a root here: a member's name stands behind a dot");
    }
    query.root = root_of(name);
    return true;
}

bool PathParser::read_query(PathQuery& query) {
    if (!read_root(query)) return false;
    while (true) {
        const size_t before = scanner_.at();
        scanner_.skip_blanks();
        if (scanner_.peek() != '.' && scanner_.peek() != '[') {
            scanner_.go_back(before);
            return true;
        }
        if (++segments_ > Path::kMaxSegments) return scanner_.fail("it has too many segments");
        PathSegment segment;
        if (!read_segment(segment)) return false;
        query.singular = query.singular && is_singular_segment(segment);
        query.segments.push_back(std::move(segment));
    }
}

bool PathParser::read_segment(PathSegment& segment) {
    if (scanner_.take("..")) {
        segment.descendant = true;
        return scanner_.peek() == '[' ? read_brackets(segment) : read_dotted(segment);
    }
    return scanner_.take(".") ? read_dotted(segment) : read_brackets(segment);
}

bool PathParser::read_dotted(PathSegment& segment) {
    PathSelector selector;
    if (!scanner_.take("*")) {
        selector.kind = PathSelector::Kind::name;
        selector.name = scanner_.take_shorthand();
        if (selector.name.empty()) {
            return scanner_.expected(segment.descendant ? "a name, * or [ right behind .."
                                                        : "a name or * right behind the dot (['…'] takes any name)");
        }
    }
    segment.selectors.push_back(std::move(selector));
    return true;
}

bool PathParser::read_brackets(PathSegment& segment) {
    scanner_.take("[");
    do {
        scanner_.skip_blanks();
        if (!read_selector(segment.selectors.emplace_back())) return false;
        scanner_.skip_blanks();
    } while (scanner_.take(","));
    return scanner_.take("]") || scanner_.expected("] or ,");
}

bool PathParser::read_selector(PathSelector& selector) {
    const char c = scanner_.peek();
    if (c == '\'' || c == '"') {
        selector.kind = PathSelector::Kind::name;
        return scanner_.read_string(selector.name);
    }
    if (scanner_.take("*")) {
        selector.kind = PathSelector::Kind::wildcard;
        return true;
    }
    if (scanner_.take("?")) {
        Level level(*this);
        scanner_.skip_blanks();
        selector.kind = PathSelector::Kind::filter;
        selector.filter = std::make_unique<PathExpression>();
        if (!level.fits()) return false;
        ++filters_;
        const bool good = read_either(*selector.filter);
        --filters_;
        return good;
    }
    if (c == ':' || c == '-' || (c >= '0' && c <= '9')) return read_index_or_slice(selector);
    const size_t begin = scanner_.at();
    if (!scanner_.take_shorthand().empty()) return scanner_.fail_at(begin, "a name within [ ] stands in quotes: ['…']");
    return scanner_.expected("a name in quotes, *, an index, a slice or a filter (?…)");
}

bool PathParser::read_index_or_slice(PathSelector& selector) {
    const auto read_part = [&](std::optional<int64_t>& part) {
        const char c = scanner_.peek();
        return (c != '-' && c != '+' && c != '.' && !(c >= '0' && c <= '9')) || scanner_.read_integer(part.emplace());
    };
    if (!read_part(selector.start)) return false;
    const size_t before = scanner_.at();
    scanner_.skip_blanks();
    if (!scanner_.take(":")) {
        scanner_.go_back(before);
        selector.kind = PathSelector::Kind::index;
        return true;
    }
    selector.kind = PathSelector::Kind::slice;
    scanner_.skip_blanks();
    if (!read_part(selector.end)) return false;
    scanner_.skip_blanks();
    if (!scanner_.take(":")) return true;
    scanner_.skip_blanks();
    return read_part(selector.step);
}

}  // namespace portico::json::detail
