#include "policy/transform/query_rules.h"

#include <algorithm>
#include <functional>

#include "base/meter.h"
#include "http/credential.h"
#include "http/uri.h"

namespace portico::policy::transform {
namespace {

struct QueryPair {
    std::string name;   // decoded
    std::string raw_name, raw_value;
    bool has_value = true;  // there is a "="

    // It is made again for each rule, and read.
    void look_through() const { Meter::spend(4 + (raw_name.size() + raw_value.size()) / 16); }
    std::string whole() const { return raw_name + (has_value ? "=" : "") + raw_value; }
    // Whether a service may take it for a pair of that name.
    bool bears(std::string_view wanted) const {
        look_through();
        return http::bears_name(whole(), wanted);
    }
    // Whether it names what `test` asks for, also behind a ";".
    bool names(const std::function<bool(std::string_view)>& test) const {
        look_through();
        if (test(name)) return true;
        const std::string whole = this->whole();
        if (whole.find(';') == std::string::npos) return false;
        for (size_t at = 0; at <= whole.size();) {
            const size_t end = std::min(whole.find(';', at), whole.size());
            const std::string_view part = std::string_view(whole).substr(at, end - at);
            if (test(http::decode_query_value(part.substr(0, part.find('='))))) return true;
            at = end + 1;
        }
        return false;
    }
};

class Query {
  public:
    explicit Query(std::string_view text) {
        http::for_each_pair(text, [&](std::string_view key, std::string_view value, std::string_view whole) {
            pairs_.push_back({http::decode_query_value(key), std::string(key), std::string(value), whole.find('=') != std::string_view::npos});
        });
    }
    void remove(const std::function<bool(std::string_view)>& test) {
        std::erase_if(pairs_, [&](const QueryPair& p) { return p.names(test); });
    }
    void remove(std::string_view name) {
        std::erase_if(pairs_, [&](const QueryPair& p) { return p.bears(name); });
    }
    bool has(std::string_view name) const {
        return std::ranges::any_of(pairs_, [&](const QueryPair& p) { return p.names([&](std::string_view n) { return n == name; }); });
    }
    void add(std::string_view name, std::string_view value) {
        QueryPair pair;
        pair.name = name;
        http::encode_query_value(name, pair.raw_name);
        http::encode_query_value(value, pair.raw_value);
        pairs_.push_back(std::move(pair));
    }
    // The first of that name keeps its place.
    void set(std::string_view name, std::string_view value) {
        const auto first = std::ranges::find(pairs_, name, &QueryPair::name);
        if (first == pairs_.end()) {
            remove(name);
            return add(name, value);
        }
        const auto place = static_cast<size_t>(std::count_if(pairs_.begin(), first, [&](const QueryPair& p) { return !p.bears(name); }));
        remove(name);
        add(name, value);
        std::rotate(pairs_.begin() + static_cast<std::ptrdiff_t>(place), pairs_.end() - 1, pairs_.end());
    }
    void copy(const Pair& move, bool keep) {
        const auto is_source = [&](const QueryPair& p) { return p.name == move.from; };
        if (std::ranges::none_of(pairs_, is_source)) return;
        // A source that names the target behind a ";" goes too.
        remove(move.to);
        const auto move_to = [&](QueryPair& p) {
            p.name = move.to;
            p.raw_name.clear();
            http::encode_query_value(move.to, p.raw_name);
        };
        if (!keep) {
            for (QueryPair& p : pairs_) {
                if (is_source(p)) move_to(p);
            }
            return;
        }
        std::vector<QueryPair> copies;
        std::ranges::copy_if(pairs_, std::back_inserter(copies), is_source);
        std::ranges::for_each(copies, move_to);
        pairs_.insert(pairs_.end(), copies.begin(), copies.end());
    }
    // @returns false where it takes more than the bound
    bool replace(const Replacement& by, std::string_view with, MatchingBound& bound, Arena& arena) {
        for (QueryPair& p : pairs_) {
            if (p.name != by.name) continue;
            const std::string before = http::decode_query_value(p.raw_value);
            const auto after = replaced(*by.pattern, with, before, bound, arena);
            if (!after) return false;
            if (*after == before) continue;
            p.raw_value.clear();
            http::encode_query_value(*after, p.raw_value);
        }
        return true;
    }
    std::string text() const {
        std::string out;
        for (const QueryPair& p : pairs_) {
            if (!out.empty()) out += '&';
            out += p.raw_name;
            if (p.has_value) out.append("=").append(p.raw_value);
        }
        return out;
    }

  private:
    std::vector<QueryPair> pairs_;
};

}  // namespace

Result<std::string_view> apply_query(const Rules& rules, const Rendered& values, std::string_view text, Arena& arena) {
    size_t given = 0;
    for (const RenderedValue& value : values) given += value ? (*value).size() : 0;
    if (given > gateway::kMostTargetValues) {
        return fail(Fault::value_refused, "values of the query have more than " + std::to_string(gateway::kMostTargetValues) + " bytes");
    }
    Query query(text);
    for (const Pair& p : rules.copy) query.copy(p, true);
    for (const Pair& p : rules.rename) query.copy(p, false);
    MatchingBound bound;
    size_t at = 0;
    for (const Replacement& r : rules.replace) {
        if (!query.replace(r, *values[at++], bound, arena)) return fail(Fault::value_refused, "a replaced value of the query's " + r.name);
    }
    for (const NameTest& t : rules.remove) {
        if (t.pattern == nullptr) query.remove(t.name);
        else query.remove([&](std::string_view name) { return t.matches(name, false); });
    }
    for (const Named& n : rules.add) {
        const auto& value = values[at++];
        if (value && !query.has(n.name)) query.add(n.name, *value);
    }
    for (const Named& n : rules.set) {
        const auto& value = values[at++];
        if (value) query.set(n.name, *value);
        else query.remove(n.name);
    }
    for (const Named& n : rules.append) {
        if (const auto& value = values[at++]) query.add(n.name, *value);
    }
    return arena.copy(query.text());
}

}  // namespace portico::policy::transform
