// Template strings: `{…}` puts a value of the exchange into a text (LANGUAGE.md §4). Parsed once at load, where everything
// that can be wrong with one is said; rendered for each request.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "config/model.h"
#include "config/schema.h"
#include "gateway/claims.h"
#include "http/fields.h"
#include "json/plan/bound_path.h"

namespace portico::gateway {

class Exchange;
class HeaderReads;

// How a call of an aggregate ended, for {calls.NAME.status} and {calls.NAME.header.x}.
struct CallResult {
    int status = 0;  // 0: it was not made, or there was no answer
    const http::FieldList* fields = nullptr;
};

// What `errors:` may say about a failure.
struct ErrorView {
    std::string_view title;
    int status = 0;
    std::string_view detail;
    std::string_view code;
    std::string_view request_id;
};

enum class Source : uint8_t {
    literal,
    parameter, rest,  // of the path
    named_parameter,  // of the path, in a policy that stands on several routes
    claim,            // of the identity
    client_ip, request_method, request_path, request_host, request_scheme, request_id,
    header, query_value, cookie,
    query,            // {query}: only in a target's query
    document,         // what a path finds in one of the documents at hand
    call_status, call_header,  // of an aggregate's call
    response_status, response_header,  // of what becomes of a response
    error_title, error_status, error_detail, error_code, error_request_id,
};

struct TemplatePart {
    Source source = Source::literal;
    std::string text;  // the literal text, or the name of a header, query parameter or cookie
    uint32_t slot = 0; // of a parameter, or of a call
    std::optional<ClaimPath> claim{};
    std::shared_ptr<const json::BoundPath> path{};  // of a document; singular
    bool from_answer = false;  // the value comes from a service's answer, not from the client
    bool operator==(const TemplatePart&) const = default;
};

// Stands among the parameters with which check_place() is asked where the route has {**}.
inline constexpr std::string_view kRest = "**";

// What a policy's templates may name at one of the places where the policy stands.
struct PlaceValues {
    const std::vector<std::string>& parameters;  // of the route's paths, with kRest where all of them end in /**
    bool identity = false;                       // guaranteed by what stands before
    const std::vector<std::string>* uneven = nullptr;  // further ones, which one of the paths lacks
    HeaderReads* reads = nullptr;                // is told which headers of the request are named; nullptr: nobody asks
};

// Where a template stands decides what may be named in it.
struct TemplatePlace {
    const std::vector<std::string>* parameters = nullptr;  // of the route's paths; nullptr: there is no path
    const std::vector<std::string>* uneven = nullptr;      // those of them that one of the paths lacks: no template names one
    bool rest = false;    // {**} is there: every path ends in /**
    bool query = false;   // {query} may stand here
    bool error = false;   // {error.*}
    bool identity = false;    // the route's policies know one, or that there is none: {claims.x}
    bool guaranteed = false;  // they know one in any case: what a path needs
    bool shared_subject = false;  // more than one party may name the same `sub` (gateway/subjects.h)
    bool deferred = false;    // of a policy: its routes are judged later (Template::check_place)
    bool no_request = false;  // nothing of the request may be named
    bool bare = false;        // one value, named without braces
    HeaderReads* reads = nullptr;  // is told which headers of the request are named; nullptr: nobody asks
    // The documents that may be asked, by place: "" is `$`, others are calls and for_each variables. nullptr: none are there.
    const std::vector<std::string>* roots = nullptr;
    std::string_view no_body{};  // why `$` is not among them, for a message such as "an aggregate has no body of its own: name a call"
    const std::vector<std::string>* calls = nullptr;  // of an aggregate, by place, for {calls.NAME.…}
    bool response = false;     // {response.…}: the head of a response that has not left yet
    bool field_lines = false;  // a header's value: one that is nothing but {….header.x} of a response gives a field line for each
    bool answer = false;  // `$` is a service's answer, not the client's body: whose fault a value of it is
    // What the roots stand for, by place, such as "$.orders[*]" of a for_each variable. nullptr: themselves
    const std::vector<std::string>* origins = nullptr;

    // The same place, of a path: it needs each of its values (LANGUAGE.md §4).
    TemplatePlace of_path() const {
        TemplatePlace path = *this;
        path.identity = guaranteed;
        return path;
    }
};

// The values that templates name, while a request is being served.
struct Values {
    const Exchange* exchange = nullptr;
    const ErrorView* error = nullptr;
    std::span<const json::Value> roots{};    // by the places of TemplatePlace::roots
    std::span<const CallResult> calls{};     // by the places of TemplatePlace::calls

    // The value as text, decoded. What looking it up takes is told to the Meter. @returns none where there is none
    std::optional<std::string_view> get(const TemplatePart& part, Arena& arena) const;
    // The same, with what it takes added to `cost` in place of that, in steps. (What looking up a claim takes is told in any case.)
    std::optional<std::string_view> get(const TemplatePart& part, Arena& arena, uint64_t& cost) const;
    // How often the client gives a header or query pair that the part names, in any spelling (http/credential.h): where it is not the
    // once that get() has read, the service may take another one for it. Of every other part 0.
    size_t times_given(const TemplatePart& part) const;
    // A claim or a document's value that is a list or an object, which no text can hold (LANGUAGE.md §4).
    bool is_compound(const TemplatePart& part) const;
    // A parameter or {**} as it stands in the path.
    std::string_view encoded(const TemplatePart& part) const;

  private:
    std::optional<std::string_view> read(const TemplatePart& part, Arena& arena, uint64_t& cost) const;
};

class Template;

// Whose fault it is that a part's value cannot stand where it should: claim_refused, answer_mapping (a service's), value_refused.
Fault blame_of(const TemplatePart& part);
// The same for a whole text: a service's before an identity's before the client's.
Fault blame_of(const Template& text);
// The part as messages name it: "claims.sub", "$.user.id", "calls.user.status", "header.X-A".
std::string name_of(const TemplatePart& part);
// "claims.roles is a list or an object", which no text can hold.
Error compound_error(const TemplatePart& part);
// Whether one of them is that parameter of the path (kRest: {**}).
bool names_parameter(const std::vector<TemplatePart>& parts, std::string_view name);
// Adds the request's headers that the parts name, each once.
void add_headers(const std::vector<TemplatePart>& parts, std::vector<std::string>& names);

class Template {
  public:
    Template() = default;
    // Faults go to `scope` at the text's mark. @returns an empty template after one
    static Template parse(const config::Scope& scope, const config::Text& text, const TemplatePlace& place);
    static Template literal(std::string text);
    explicit Template(std::vector<TemplatePart> parts) : parts_(std::move(parts)) {}

    const std::vector<TemplatePart>& parts() const { return parts_; }
    bool is_literal() const { return parts_.empty() || (parts_.size() == 1 && parts_[0].source == Source::literal); }
    std::string_view literal_text() const { return parts_.empty() ? std::string_view{} : std::string_view(parts_[0].text); }
    // Nothing but one {…}.
    bool is_single() const { return parts_.size() == 1 && parts_[0].source != Source::literal; }
    // Judges a policy's template where the policy stands. @returns false after a fault
    bool check_place(const PlaceValues& place, config::Mark mark, const config::Scope& scope) const;
    // The one value in its notation without braces too: `client.ip` and `"{client.ip}"` are the same (LANGUAGE.md §4).
    static Template parse_value(const config::Scope& scope, const config::Text& text, const TemplatePlace& place);
    bool names_claims() const;
    // {response.…}: of the head that is about to become another.
    bool names_response() const;
    // Nothing but a header field of a call's or the service's response: as a header's value it gives a field line for each that came.
    bool is_response_field() const;
    // Adds the request's headers that it names, each once: what is made of it varies by them.
    void add_headers(std::vector<std::string>& names) const;
    // It holds the request's header of that name, in any spelling.
    bool names_header(std::string_view name) const;
    // It holds that parameter of the path (kRest: {**}).
    bool names_parameter(std::string_view name) const;
    bool reads(size_t root) const;
    // Whether it names the status or a header field of that call of TemplatePlace::calls.
    bool names_call(size_t call) const;
    // The first value that is a list or an object, or nullptr.
    const TemplatePart* compound(const Values& values) const;
    // The text with every value as it is, no value as nothing (headers, bodies). Appends.
    void render(const Values& values, std::string& out) const;
    // The same where a list or an object may turn up: compound_error(). Adds what looking values up costs, in steps.
    // @returns whether there was a value: false where it is nothing but one `{…}` without one
    Result<bool> append(const Values& values, std::string& out, uint64_t& cost) const;

  private:
    std::vector<TemplatePart> parts_;
    bool bare_ = false;  // written as one value, without braces
};

}  // namespace portico::gateway
