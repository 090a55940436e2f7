// What a route asks of a request beside host and path: method, scheme, headers, query.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "gateway/request_values.h"

namespace re2 {
class RE2;
}

namespace portico::gateway {

class MethodSet {
  public:
    void add(std::string_view method);
    bool any() const { return bits_ == 0 && others_.empty(); }  // no condition
    bool contains(http::Method method, std::string_view text) const;
    bool overlaps(const MethodSet& other) const;
    // A method of both. @requires overlaps()
    std::string common(const MethodSet& other) const;
    // "GET, HEAD": for Allow.
    void list(std::vector<std::string>& into) const;

  private:
    uint32_t bits_ = 0;  // by http::Method; GET sets HEAD too
    std::vector<std::string> others_;
};

class ValueCondition {
  public:
    explicit ValueCondition(const config::ValueMatch& match);
    const config::ValueMatch& match() const { return match_; }
    // @param value nothing where the request has none
    bool holds(std::optional<std::string_view> value) const;
    // False where no value can satisfy both (of the same name). True where that is not known.
    bool compatible(const ValueCondition& other) const;
    // "X-Kind: a", "X-Kind is absent": for people.
    std::string text() const;
    // A value that satisfies it; false where none was found.
    bool sample(std::string& into) const;

  private:
    config::ValueMatch match_;
    std::shared_ptr<const re2::RE2> matcher_;
};

struct Conditions {
    MethodSet methods;
    config::Scheme scheme = config::Scheme::any;
    std::vector<ValueCondition> headers;
    std::vector<ValueCondition> query;

    explicit Conditions(const config::MatchConfig& match);
    bool method_holds(const RequestView& r) const { return methods.any() || methods.contains(r.method, r.method_text); }
    bool scheme_holds(const RequestView& r) const {
        return scheme == config::Scheme::any || (scheme == config::Scheme::https) == (r.scheme == "https");
    }
    // @returns the first that fails, or nullptr
    const ValueCondition* first_failing(RequestValues& r, bool& in_query) const;
    // All but the method. @param values of `r`, made here where a condition needs them: most routes have none
    bool values_hold(const RequestView& r, std::optional<RequestValues>& values) const {
        if (!scheme_holds(r)) return false;
        if (headers.empty() && query.empty()) return true;
        if (!values) values.emplace(r);
        bool in_query = false;
        return first_failing(*values, in_query) == nullptr;
    }
    bool values_hold(const RequestView& r) const {
        std::optional<RequestValues> values;
        return values_hold(r, values);
    }
    bool overlaps(const Conditions& other) const;
};

// All values of a header, joined by ", " (RFC 9110 §5.3), of Cookie by "; " (RFC 9113 §8.2.3). @returns false where there is none
bool header_value(const http::FieldList& fields, std::string_view name, std::string& into);
// The same, behind what `into` holds of it already. @param found whether it holds any
bool append_header_value(const http::FieldList& fields, std::string_view name, std::string& into, bool found);
// The first cookie of exactly that name, as it came (RFC 6265 §4.2.1). @returns none where there is none. Adds what looking takes.
std::optional<std::string_view> cookie_value(const http::FieldList& fields, std::string_view name, uint64_t& cost);
// The first query parameter of that name, decoded.
bool query_value(std::string_view query, std::string_view name, std::string& into);

}  // namespace portico::gateway
