#include "json/path/path_text.h"

#include "json/path/path_scanner.h"

namespace portico::json::detail {
namespace {

using Kind = PathExpression::Kind;

class Writer {
  public:
    Writer(const PathProgram& program, std::string& out) : roots_(program.roots), out_(out) {}

    void put(const PathQuery& query) {
        if (query.root == PathQuery::kCurrent) {
            out_ += '@';
        } else {
            out_ += '$';
            out_ += roots_[query.root];
        }
        for (const PathSegment& segment : query.segments) put(segment);
    }
    void put(const PathExpression& expression);

  private:
    void put(const PathSegment& segment);
    void put(const PathSelector& selector);
    void put_slice(const PathSelector& slice);
    void put(const PathOperand& operand);
    void put_parts(const PathExpression& expression);
    void put_call(std::string_view name, const PathExpression& expression);

    const std::vector<std::string>& roots_;
    std::string& out_;
};

std::string_view sign_of(PathComparison comparison) {
    switch (comparison) {
        case PathComparison::equal: return " == ";
        case PathComparison::not_equal: return " != ";
        case PathComparison::less: return " < ";
        case PathComparison::less_or_equal: return " <= ";
        case PathComparison::greater: return " > ";
        case PathComparison::greater_or_equal: return " >= ";
    }
    return "";
}

void Writer::put(const PathSegment& segment) {
    const PathSelector& first = segment.selectors.front();
    const bool alone = segment.selectors.size() == 1;
    if (segment.descendant) out_ += "..";
    if (alone && first.kind == PathSelector::Kind::wildcard) {
        out_ += segment.descendant ? "*" : "[*]";
    } else if (alone && first.kind == PathSelector::Kind::name && is_shorthand(first.name)) {
        if (!segment.descendant) out_ += '.';
        out_ += first.name;
    } else {
        for (const PathSelector& selector : segment.selectors) {
            out_ += &selector == &first ? "[" : ",";
            put(selector);
        }
        out_ += ']';
    }
}

void Writer::put(const PathSelector& selector) {
    switch (selector.kind) {
        case PathSelector::Kind::name: append_quoted(out_, selector.name); return;
        case PathSelector::Kind::wildcard: out_ += '*'; return;
        case PathSelector::Kind::index: out_ += std::to_string(*selector.start); return;
        case PathSelector::Kind::slice: put_slice(selector); return;
        case PathSelector::Kind::filter:
            out_ += '?';
            put(*selector.filter);
            return;
    }
}

void Writer::put_slice(const PathSelector& slice) {
    if (slice.start) out_ += std::to_string(*slice.start);
    out_ += ':';
    if (slice.end) out_ += std::to_string(*slice.end);
    if (slice.step.value_or(1) != 1) out_ += ':' + std::to_string(*slice.step);
}

void Writer::put(const PathOperand& operand) {
    switch (operand.kind) {
        case PathOperand::Kind::literal: {
            const Value value = operand.literal.root();
            if (value.is_string()) {
                append_quoted(out_, value.string());
            } else {
                out_ += value.source();
            }
            return;
        }
        case PathOperand::Kind::query: put(*operand.query); return;
        case PathOperand::Kind::length:
            out_ += "length(";
            put(*operand.argument);
            break;
        case PathOperand::Kind::count:
        case PathOperand::Kind::value:
            out_ += operand.kind == PathOperand::Kind::count ? "count(" : "value(";
            put(*operand.query);
            break;
    }
    out_ += ')';
}

void Writer::put_parts(const PathExpression& expression) {
    for (const PathExpression& part : expression.parts) {
        if (&part != &expression.parts.front()) out_ += expression.kind == Kind::either ? " || " : " && ";
        const bool grouped = expression.kind == Kind::both && part.kind == Kind::either;
        if (grouped) out_ += '(';
        put(part);
        if (grouped) out_ += ')';
    }
}

void Writer::put_call(std::string_view name, const PathExpression& expression) {
    out_ += name;
    put(expression.left);
    out_ += ", ";
    put(expression.right);
    out_ += ')';
}

void Writer::put(const PathExpression& expression) {
    switch (expression.kind) {
        case Kind::either:
        case Kind::both: put_parts(expression); return;
        case Kind::negation: {
            const PathExpression& part = expression.parts.front();
            const bool bare = part.kind == Kind::existence || part.kind == Kind::match || part.kind == Kind::search;
            out_ += bare ? "!" : "!(";
            put(part);
            if (!bare) out_ += ')';
            return;
        }
        case Kind::existence: put(*expression.query); return;
        case Kind::comparison:
            put(expression.left);
            out_ += sign_of(expression.comparison);
            put(expression.right);
            return;
        case Kind::match: put_call("match(", expression); return;
        case Kind::search: put_call("search(", expression); return;
    }
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += '\'';
    for (const char c : text) {
        switch (c) {
            case '\'': out += "\\'"; break;
            case '\\': out += "\\\\"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += "\\u00";
                    out += kHex[static_cast<unsigned char>(c) >> 4];
                    out += kHex[c & 15];
                } else {
                    out += c;
                }
        }
    }
    out += '\'';
}

std::string text_of(const PathProgram& program) {
    std::string out;
    if (program.condition != nullptr) Writer(program, out).put(*program.condition);
    else Writer(program, out).put(program.query);
    return out;
}

std::vector<std::string> queries_of(const PathProgram& program) {
    std::vector<std::string> found;
    const auto add = [&](const PathQuery* query) {
        if (query == nullptr || query->root == PathQuery::kCurrent) return;
        Writer(program, found.emplace_back()).put(*query);
    };
    std::vector<const PathExpression*> left{program.condition.get()};
    while (!left.empty()) {
        const PathExpression& e = *left.back();
        left.pop_back();
        for (const PathExpression& part : e.parts) left.push_back(&part);
        add(e.query.get());
        for (const PathOperand* side : {&e.left, &e.right}) {
            for (const PathOperand* o = side; o != nullptr; o = o->argument.get()) add(o->query.get());
        }
    }
    return found;
}

}  // namespace portico::json::detail
