// Body templates that chance makes, over documents that chance makes: the plan gives what the reference gives.
#include <gtest/gtest.h>

#include <random>

#include "gateway/templates/body_difference_fixture.h"

namespace portico::gateway {
namespace {

// Templates and documents over few names, so that paths often find something.
class Chance {
  public:
    explicit Chance(uint64_t seed) : random_(seed) {}

    std::string document() {
        const std::string user = one_in(4) ? "" : "\"user\":" + json(0);
        const std::string others = members(0);
        return "{" + user + (user.empty() || others.empty() ? "" : ",") + others + "}";
    }

    std::string body(int depth = 0) {
        switch (below(depth > 3 ? 4 : 10)) {
            case 0: return pick({"1", "2.50", "true", "null", "x", "\"\"", "\"a\\\"b\"", "$$c", "12345678901234567890"});
            case 1: return text();
            case 2:
            case 3: return quoted(path());
            case 4: return list(depth);
            case 5: return for_each(depth);
            case 6: return get(depth);
            case 7: return one_in(3) ? "{ literal: { get: " + body(depth + 1) + ", a: " + body(depth + 1) + " } }" : object(depth);
            default: return object(depth);
        }
    }

  private:
    uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
    bool one_in(uint32_t n) { return below(n) == 0; }
    std::string pick(std::initializer_list<std::string_view> from) { return std::string(from.begin()[below(static_cast<uint32_t>(from.size()))]); }
    std::string name() { return pick({"a", "b", "c", "d"}); }
    static std::string quoted(const std::string& text) { return "\"" + text + "\""; }

    std::string members(int depth) {
        std::string out;
        for (const char* member : {"a", "b", "c", "d"}) {
            if (one_in(3)) continue;
            out += (out.empty() ? "\"" : ",\"") + std::string(member) + "\":" + json(depth + 1);
        }
        return out;
    }
    std::string json(int depth) {
        switch (below(depth > 3 ? 6 : 12)) {
            case 0: return pick({"0", "1", "1.0", "-2", "10", "1e1", "12345678901234567890", "0.5"});
            case 1: return pick({"\"\"", "\"a\"", "\"b,c\"", "\"1\"", "\"\\u00e9\"", "\"true\"", "\" A \"", "\"\\n\\\"\""});
            case 2: return pick({"true", "false"});
            case 3: return "null";
            case 4: return "[]";
            case 5: return "{}";
            case 6:
            case 7:
            case 8: {
                std::string out = "[";
                for (uint32_t i = below(5); i > 0; --i) out += json(depth + 1) + (i > 1 ? ", " : "");
                return out + "]";
            }
            default: return "{" + members(depth) + "}";
        }
    }

    std::string root() {
        std::string all = pick({"", "", "user", "gone"});
        if (!variables_.empty() && !one_in(3)) all = variables_[below(static_cast<uint32_t>(variables_.size()))];
        return "$" + all;
    }
    std::string singular() {
        std::string out = root();
        for (uint32_t i = below(3); i > 0; --i) out += one_in(4) ? pick({"[0]", "[-1]", "[1]"}) : "." + name();
        return out;
    }
    std::string path() {
        if (!one_in(3)) return singular();
        return singular() + pick({"[*]", ".*", "..a", "[?@.a]", "[?@ > 1]", "[0,1]", "[::2]", "[*].a", "['a','b']"});
    }
    std::string text() {
        std::string out;
        for (uint32_t i = 1 + below(3); i > 0; --i) {
            out += pick({"x", "-", "{{", "", " ", "{" , "{"});
            if (out.ends_with('{') && !out.ends_with("{{")) out += (one_in(6) ? "calls." + pick({"user", "gone"}) + ".status" : singular()) + "}";
        }
        return quoted(out);
    }
    std::string list(int depth) {
        std::string out = "[";
        for (uint32_t i = below(4); i > 0; --i) out += body(depth + 1) + (i > 1 ? ", " : "");
        return out + "]";
    }
    std::string object(int depth) {
        std::string out = "{";
        for (const char* member : {"a", "b", "c", "d", "e"}) {
            if (one_in(3)) out += (out.size() > 1 ? ", " : " ") + std::string(member) + ": " + body(depth + 1);
        }
        return out + " }";
    }
    std::string for_each(int depth) {
        std::string out = "{ for_each: " + quoted(path());
        const std::string variable = pick({"x", "y", "z", "v"}) + std::to_string(depth);
        out += ", as: " + variable;
        variables_.push_back(variable);
        if (one_in(3)) out += ", where: " + quoted(singular() + pick({" == 1", " != null", " < 'b'", "", ".a || @.b"}));
        if (one_in(3)) out += ", sort_by: " + sort_key();
        else if (one_in(4)) out += ", sort_by: [" + sort_key() + ", " + sort_key() + "]";
        if (one_in(4)) out += ", limit: " + std::to_string(below(4));
        if (one_in(4)) out += ", distinct: " + quoted(singular());
        out += ", item: " + body(depth + 1) + " }";
        variables_.pop_back();
        return out;
    }
    std::string sort_key() {
        if (one_in(2)) return quoted(singular());
        return "{ by: " + quoted(singular()) + ", order: " + pick({"asc", "desc"}) + " }";
    }
    std::string get(int depth) {
        std::string out = "{ get: " + (one_in(4) ? text() : quoted(path()));
        if (one_in(3)) out += ", default: " + body(depth + 1);
        else if (one_in(6)) out += ", required: true";
        if (one_in(4)) out += ", omit_null: true";
        if (one_in(2)) {
            out += ", apply: [";
            for (uint32_t i = 1 + below(3); i > 0; --i) out += function() + (i > 1 ? ", " : "");
            out += "]";
        }
        if (one_in(4)) out += ", map: { a: 1, 1: one, \"true\": null" + std::string(one_in(2) ? ", default: other }" : " }");
        if (one_in(4)) out += ", cast: " + pick({"string", "number", "integer", "boolean"});
        return out + " }";
    }
    std::string function() {
        return pick({"lower", "upper", "trim", "{ split: \",\" }", "length", "first", "last", "reverse", "sort", "unique", "flatten", "compact", "min",
                     "max", "{ join: \"+\" }", "keys", "values", "{ cast: string }", "{ cast: number }"});
    }

    std::mt19937_64 random_;
    std::vector<std::string> variables_;
};

TEST(BodyReference, ThePlanMakesWhatTheReferenceMakesOfArbitraryTemplates) {
    size_t compared = 0;
    size_t succeeded = 0;
    for (uint64_t seed = 1; seed <= 20'000; ++seed) {
        Chance chance(seed);
        const std::string yaml = chance.body();
        for (int i = 0; i < 2; ++i) {
            const std::string text = chance.document();
            const auto document = json::Document::parse(text);
            ASSERT_TRUE(document.has_value()) << text;
            const Difference d = compare(yaml, *document);
            ASSERT_FALSE(d.is_one()) << yaml << "\nover " << text << "\nplan      " << d.plan << "\nreference " << d.reference;
            compared += d.compared ? 1 : 0;
            succeeded += d.compared && d.plan != "failed" ? 1 : 0;
        }
    }
    // Chance makes templates that say something.
    EXPECT_GT(compared, 25'000U);
    EXPECT_GT(succeeded, 15'000U);
}

}  // namespace
}  // namespace portico::gateway
