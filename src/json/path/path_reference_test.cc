// Random queries over random documents against a second evaluator, written as RFC 9535 defines things: a list of nodes after
// each segment, doubles for numbers, std::regex, no bounds. It has its own form of a query and reads no text, so that the
// parser is tried as well.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <regex>
#include <vector>

#include "json/path/path.h"
#include "json/writer.h"

namespace portico::json {
namespace {

struct Expression;

struct Selector {
    char kind = '*';  // n, *, i, s, ?
    std::string name;
    std::optional<int> start, end, step;
    std::shared_ptr<Expression> filter;
};
struct Segment {
    bool descendant = false;
    std::vector<Selector> selectors;
};
struct Query {
    char root = '$';
    std::vector<Segment> segments;
};
struct Operand {
    char kind = 'l';  // literal, query, # length, c count, v value
    Document literal;
    Query query;
    std::shared_ptr<Operand> argument;
};
struct Expression {
    char kind = 'e';  // | & ! e = m s
    std::vector<Expression> parts;
    Query query;
    std::string sign;
    Operand left, right;
};

using Nodes = std::vector<Value>;

class Reference {
  public:
    explicit Reference(Value root) : root_(root) {}

    Nodes select(const Query& query, Value current) const {
        Nodes nodes = {query.root == '$' ? root_ : current};
        for (const Segment& segment : query.segments) {
            Nodes next;
            for (const Value node : nodes) {
                for (const Value from : segment.descendant ? with_descendants(node) : Nodes{node}) {
                    for (const Selector& selector : segment.selectors) append(next, apply(selector, from));
                }
            }
            nodes = next;
        }
        return nodes;
    }

  private:
    static void append(Nodes& to, const Nodes& more) { to.insert(to.end(), more.begin(), more.end()); }
    static Nodes children(Value v) {
        Nodes nodes;
        for (const Value element : v.elements()) nodes.push_back(element);
        for (const Member member : v.members()) nodes.push_back(member.value);
        return nodes;
    }
    static Nodes with_descendants(Value v) {
        Nodes nodes = {v};
        for (const Value child : children(v)) append(nodes, with_descendants(child));
        return nodes;
    }

    Nodes apply(const Selector& s, Value v) const {
        Nodes out;
        const Nodes inside = children(v);
        const int size = static_cast<int>(inside.size());
        switch (s.kind) {
            case '*': return inside;
            case 'n':
                for (const Member m : v.members()) {
                    if (m.name == s.name) out.push_back(m.value);
                }
                return out;
            case 'i': {
                const int i = *s.start < 0 ? *s.start + size : *s.start;
                if (v.is_array() && i >= 0 && i < size) out.push_back(inside[static_cast<size_t>(i)]);
                return out;
            }
            case 's': return v.is_array() ? slice(s, inside, size) : out;
            default:
                for (const Value child : inside) {
                    if (holds(*s.filter, child)) out.push_back(child);
                }
                return out;
        }
    }

    // The pseudocode of §2.3.4.2.2.
    static Nodes slice(const Selector& s, const Nodes& inside, int size) {
        Nodes out;
        const int step = s.step.value_or(1);
        if (step == 0) return out;
        const int start = s.start.value_or(step >= 0 ? 0 : size - 1);
        const int end = s.end.value_or(step >= 0 ? size : -size - 1);
        const auto normalize = [&](int i) { return i >= 0 ? i : size + i; };
        const int n_start = normalize(start);
        const int n_end = normalize(end);
        if (step >= 0) {
            const int lower = std::min(std::max(n_start, 0), size);
            const int upper = std::min(std::max(n_end, 0), size);
            for (int i = lower; i < upper; i += step) out.push_back(inside[static_cast<size_t>(i)]);
        } else {
            const int upper = std::min(std::max(n_start, -1), size - 1);
            const int lower = std::min(std::max(n_end, -1), size - 1);
            for (int i = upper; lower < i; i += step) out.push_back(inside[static_cast<size_t>(i)]);
        }
        return out;
    }

    // A value, a counted number, or neither: nothing.
    struct Result {
        Value value;
        std::optional<double> number;
        bool nothing() const { return !value && !number; }
    };
    static Result result_of(Value v) { return {v, v.as_double()}; }

    Result value_of(const Operand& o, Value current) const {
        switch (o.kind) {
            case 'l': return result_of(o.literal.root());
            case 'q': {
                const Nodes nodes = select(o.query, current);
                return nodes.empty() ? Result{} : result_of(nodes.front());
            }
            case '#': {
                const Result r = value_of(*o.argument, current);
                if (r.value.is_array() || r.value.is_object()) return {{}, static_cast<double>(children(r.value).size())};
                if (!r.value.is_string()) return {};
                return {{}, static_cast<double>(std::count_if(r.value.string().begin(), r.value.string().end(),
                                                              [](char c) { return (c & 0xC0) != 0x80; }))};
            }
            case 'c': return {{}, static_cast<double>(select(o.query, current).size())};
            default: {
                const Nodes nodes = select(o.query, current);
                return nodes.size() == 1 ? result_of(nodes.front()) : Result{};
            }
        }
    }

    static bool equal(const Result& a, const Result& b) {
        if (a.nothing() || b.nothing()) return a.nothing() && b.nothing();
        if (a.number || b.number) return a.number && b.number && *a.number == *b.number;
        if (a.value.kind() != b.value.kind()) return false;
        const Nodes left = children(a.value);
        const Nodes right = children(b.value);
        if (left.size() != right.size()) return false;
        if (a.value.is_object()) {
            std::map<std::string, Value> named;
            for (const Member m : b.value.members()) named[std::string(m.name)] = m.value;
            for (const Member m : a.value.members()) {
                const auto it = named.find(std::string(m.name));
                if (it == named.end() || !equal(result_of(m.value), result_of(it->second))) return false;
            }
            return true;
        }
        for (size_t i = 0; i < left.size(); ++i) {
            if (!equal(result_of(left[i]), result_of(right[i]))) return false;
        }
        return a.value.string() == b.value.string() && a.value.boolean() == b.value.boolean();
    }

    static bool less(const Result& a, const Result& b) {
        if (a.number && b.number) return *a.number < *b.number;
        return a.value.is_string() && b.value.is_string() && a.value.string() < b.value.string();
    }

    bool holds(const Expression& e, Value current) const {
        switch (e.kind) {
            case '|': return std::ranges::any_of(e.parts, [&](const Expression& part) { return holds(part, current); });
            case '&': return std::ranges::all_of(e.parts, [&](const Expression& part) { return holds(part, current); });
            case '!': return !holds(e.parts[0], current);
            case 'e': return !select(e.query, current).empty();
            default: break;
        }
        const Result a = value_of(e.left, current);
        const Result b = value_of(e.right, current);
        if (e.kind != '=') {
            if (!a.value.is_string() || !b.value.is_string()) return false;
            const std::string text(a.value.string());
            const std::regex regex{std::string(b.value.string())};
            return e.kind == 'm' ? std::regex_match(text, regex) : std::regex_search(text, regex);
        }
        if (e.sign == "==") return equal(a, b);
        if (e.sign == "!=") return !equal(a, b);
        if (e.sign == "<") return less(a, b);
        if (e.sign == "<=") return less(a, b) || equal(a, b);
        if (e.sign == ">") return less(b, a);
        return less(b, a) || equal(a, b);
    }

    Value root_;
};

// Makes queries, and writes them with random white space, quotes and parentheses.
class Maker {
  public:
    explicit Maker(unsigned seed) : random_(seed) {}

    std::string document(int depth) {
        static const std::vector<std::string> kScalars = {"0", "1", "-1", "2", "1.0", "1.5", "10e-1", "-0", "null", "true", "false",
                                                          R"("a")", R"("b")", R"("ab")", R"("")", "\"é\"", "\"\U0001F600\""};
        const int kind = depth == 0 ? 2 : below(4);
        if (kind > 1) return pick(kScalars);
        std::string out = kind == 0 ? "[" : "{";
        const int size = below(4);
        std::vector<std::string> names = {"a", "b", "c", "é f"};
        std::shuffle(names.begin(), names.end(), random_);
        for (int i = 0; i < size; ++i) {
            if (i != 0) out += ",";
            if (kind == 1) out += "\"" + names[static_cast<size_t>(i)] + "\":";
            out += document(depth - 1);
        }
        return out + (kind == 0 ? "]" : "}");
    }

    Query query(char root, int depth, bool singular = false) {
        Query q{root, {}};
        const int segments = below(4);
        for (int i = 0; i < segments; ++i) {
            Segment s;
            s.descendant = !singular && below(5) == 0;
            const int selectors = singular || below(3) != 0 ? 1 : 1 + below(3);
            for (int j = 0; j < selectors; ++j) s.selectors.push_back(selector(depth, singular));
            q.segments.push_back(std::move(s));
        }
        return q;
    }

    std::string text(const Query& q) {
        std::string out(1, q.root);
        for (const Segment& s : q.segments) {
            out += blank();
            if (s.selectors.size() == 1 && below(2) == 0) {
                const Selector& only = s.selectors[0];
                const std::string dots = s.descendant ? ".." : ".";
                if (only.kind == '*') {
                    out += dots + "*";
                    continue;
                }
                if (only.kind == 'n' && only.name != "é f") {
                    out += dots + only.name;
                    continue;
                }
            }
            out += s.descendant ? "..[" : "[";
            for (size_t i = 0; i < s.selectors.size(); ++i) out += (i == 0 ? "" : ",") + blank() + text(s.selectors[i]) + blank();
            out += "]";
        }
        return out;
    }

  private:
    int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
    template <class T>
    const T& pick(const std::vector<T>& from) {
        return from[static_cast<size_t>(below(static_cast<int>(from.size())))];
    }
    std::string blank() {
        static const std::vector<std::string> kBlanks = {"", "", "", " ", "\n", "\t ", "\r"};
        return pick(kBlanks);
    }

    Selector selector(int depth, bool singular) {
        Selector s;
        const int kind = below(singular ? 2 : depth > 0 ? 6 : 4);
        if (kind == 0) {
            static const std::vector<std::string> kNames = {"a", "b", "c", "é f"};
            s.kind = 'n';
            s.name = pick(kNames);
        } else if (kind == 1) {
            s.kind = 'i';
            s.start = below(7) - 3;
        } else if (kind == 3) {
            s.kind = 's';
            if (below(2) == 0) s.start = below(9) - 4;
            if (below(2) == 0) s.end = below(9) - 4;
            if (below(2) == 0) s.step = below(7) - 3;
        } else if (kind > 3) {
            s.kind = '?';
            s.filter = std::make_shared<Expression>(expression(depth - 1));
        }
        return s;
    }

    char any_root() { return below(4) == 0 ? '$' : '@'; }

    Operand operand(int depth) {
        static const std::vector<std::string> kLiterals = {"0", "1", "-0", "1.5", "2e0", "null", "true", "false", R"("a")", R"("ab")", R"("")"};
        Operand o;
        const int kind = below(depth > 0 ? 8 : 5);
        if (kind < 2) {
            o.literal = *Document::parse(pick(kLiterals));
        } else if (kind < 5) {
            o.kind = 'q';
            o.query = query(any_root(), 0, true);
        } else if (kind == 5) {
            o.kind = '#';
            o.argument = std::make_shared<Operand>(operand(depth - 1));
        } else {
            o.kind = kind == 6 ? 'c' : 'v';
            o.query = query(any_root(), depth - 1);
        }
        return o;
    }

    Expression expression(int depth) {
        Expression e;
        const int kind = below(depth > 0 ? 9 : 6);
        if (kind < 2) {
            e.query = query(any_root(), depth);
        } else if (kind < 5) {
            static const std::vector<std::string> kSigns = {"==", "!=", "<", "<=", ">", ">="};
            e.kind = '=';
            e.sign = pick(kSigns);
            e.left = operand(depth);
            e.right = operand(depth);
        } else if (kind == 5) {
            static const std::vector<std::string> kRegexes = {R"("a")", R"("a|b")", R"("a.*")", R"("[a-b]{2}")", "1", R"("(a|b)+")"};
            e.kind = below(2) == 0 ? 'm' : 's';
            e.left = operand(depth);
            e.right.literal = *Document::parse(pick(kRegexes));
        } else {
            e.kind = "|&!"[kind - 6];
            const int parts = e.kind == '!' ? 1 : 2 + below(2);
            for (int i = 0; i < parts; ++i) e.parts.push_back(expression(depth - 1));
        }
        return e;
    }

    std::string text(const Selector& s) {
        const auto part = [](const std::optional<int>& n) { return n ? std::to_string(*n) : std::string(); };
        switch (s.kind) {
            case '*': return "*";
            case 'n': return below(2) == 0 ? "'" + s.name + "'" : "\"" + s.name + "\"";
            case 'i': return part(s.start);
            case 's': return part(s.start) + blank() + ":" + blank() + part(s.end) + (s.step ? blank() + ":" + blank() + part(s.step) : "");
            default: return "?" + blank() + text(*s.filter);
        }
    }

    std::string text(const Operand& o) {
        switch (o.kind) {
            case 'l': return std::string(o.literal.root().source());
            case 'q': return text(o.query);
            case '#': return "length(" + blank() + text(*o.argument) + blank() + ")";
            default: return (o.kind == 'c' ? "count(" : "value(") + blank() + text(o.query) + blank() + ")";
        }
    }

    std::string text(const Expression& e) {
        switch (e.kind) {
            case 'e': return grouped(text(e.query), below(4) == 0);
            case '=': return grouped(text(e.left) + blank() + e.sign + blank() + text(e.right), below(4) == 0);
            case 'm':
            case 's': return (e.kind == 'm' ? "match(" : "search(") + text(e.left) + blank() + "," + blank() + text(e.right) + ")";
            case '!': {
                const char kind = e.parts[0].kind;
                return "!" + blank() + grouped(text(e.parts[0]), kind != 'm' && kind != 's');
            }
            default: break;
        }
        std::string out;
        for (const Expression& part : e.parts) {
            if (!out.empty()) out += blank() + (e.kind == '|' ? "||" : "&&") + blank();
            out += grouped(text(part), e.kind == '&' && part.kind == '|');
        }
        return out;
    }

    std::string grouped(const std::string& inside, bool needed) {
        return needed ? "(" + blank() + inside + blank() + ")" : inside;
    }

    std::mt19937 random_;
};

TEST(JsonPathReference, random_queries_select_what_a_straightforward_evaluator_selects) {
    size_t selected = 0;
    for (unsigned seed = 0; seed < 4000; ++seed) {
        Maker maker(seed);
        const auto document = Document::parse(maker.document(4));
        ASSERT_TRUE(document);
        for (int i = 0; i < 8; ++i) {
            const Query query = maker.query('$', 3);
            const std::string text = maker.text(query);
            SCOPED_TRACE(text + " over " + std::string(document->text()));
            const auto path = Path::compile(text);
            ASSERT_TRUE(path) << path.error().what << " at " << path.error().offset;
            Nodes nodes;
            if (!path->evaluate(document->root(), nodes)) continue;  // past a bound
            const Nodes wanted = Reference(document->root()).select(query, Value());
            ASSERT_EQ(nodes, wanted) << path->text();
            selected += nodes.size();

            const auto again = Path::compile(path->text());
            ASSERT_TRUE(again) << path->text() << ": " << again.error().what;
            ASSERT_EQ(again->text(), path->text());
            Nodes same;
            ASSERT_TRUE(again->evaluate(document->root(), same));
            ASSERT_EQ(same, wanted) << path->text();
        }
    }
    EXPECT_GT(selected, 10000U);
}

}  // namespace
}  // namespace portico::json
