// Where a request goes: the target that `forward: path` or `redirect: to` makes of it. The result is judged as a request's own
// path is, once more (LANGUAGE.md §2 and §4).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/templates/template_string.h"
#include "http/uri.h"

namespace portico::gateway {

struct TargetParts {
    std::string_view path;   // normal form
    std::string_view query;  // without "?"
    bool has_query = false;
    bool ambiguous = false;  // only `encoded: allow` lets the path pass
};

// True where a segment of the path is `.` or `..`, encoded or not: a value that would climb out of its place.
bool has_dot_segment(std::string_view path);
// What a route took off the beginning of the path, so that a service can write links that lead back through it; empty where it did
// something else. Of `/users` that is sent as `/` because nothing of {**} was there, all of itself.
// @param rest_is_empty the path ends in {**}, and nothing stood there
std::string_view stripped_prefix(std::string_view client_path, std::string_view sent_path, bool rest_is_empty);

// A path template, with or without a query.
class TargetTemplate {
  public:
    TargetTemplate() = default;
    // @param text begins with "/" (a redirect's authority is already gone)
    static TargetTemplate parse(const config::Scope& scope, const config::Text& text, TemplatePlace place);

    // Judges a policy's template where the policy stands. @param in_query  of its query, whose pairs are left out where they have no value
    // @returns false after a fault
    bool check_place(const PlaceValues& in_path, const PlaceValues& in_query, config::Mark mark, const config::Scope& scope) const;
    // It says what the query is, in the place of the client's.
    bool has_query() const { return has_query_; }
    bool reads(size_t root) const;
    bool names_call(size_t call) const;
    void add_headers(std::vector<std::string>& names) const { gateway::add_headers(parts(), names); }
    // Its path ends in {**}.
    bool ends_in_rest() const { return !path_.parts().empty() && path_.parts().back().source == Source::rest; }
    // Without the query.
    const Template& path() const { return path_; }
    // Of the path and the query, for contract checks.
    std::vector<TemplatePart> parts() const;
    // @errors bad_rewrite, value_refused, claim_refused, answer_mapping. Views of the arena, the request or the template.
    Result<TargetParts> build(const Values& values, bool encoded_allow, Arena& arena) const;

  private:
    struct Pair {  // between two "&" of the query
        Template whole;
        std::string name;   // decoded, where it is literal
        Template value;     // behind a literal "name="; only where that is nothing but one {…}
        bool is_query = false;  // {query}
    };
    static std::vector<Pair> split_query(const std::vector<TemplatePart>& parts);
    Result<http::NormalPath> build_path(const Values& values, bool encoded_allow, Arena& arena) const;
    // Values in whose place a harmless text is put: whose fault was it?
    struct Harmless {
        bool claims = false;
        bool answers = false;
    };
    Result<http::NormalPath> build_values(const Values& values, bool encoded_allow, Arena& arena, Harmless harmless) const;
    Result<void> build_query(const Values& values, std::string& out) const;
    // Whether a pair of the client's bears the name of one that stands beside it, in any spelling (http/credential.h).
    bool overrides(std::string_view pair) const;

    Template path_;
    std::vector<TemplatePart> as_written_;  // of a policy's: its slips are looked for where the parameters are known
    bool claims_in_path_ = false;
    bool answers_in_path_ = false;
    bool plain_rest_ = false;  // "/{**}": the rest as it is
    bool has_query_ = false;
    std::vector<Pair> pairs_;
};

}  // namespace portico::gateway
