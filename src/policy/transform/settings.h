// The settings of a transform, read and judged. Built at load, immutable, used by every worker.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/templates/body_template.h"
#include "gateway/policy.h"
#include "gateway/rewrite.h"
#include "http/message.h"
#include "policy/transform/body_edit.h"
#include "policy/transform/condition.h"
#include "policy/transform/cookie_rules.h"
#include "policy/transform/rules.h"

namespace portico::policy::transform {

inline constexpr std::string_view kSummary = "Changes requests on their way to the service, and answers on their way back.";
inline constexpr uint64_t kDefaultMaxBody = 1 << 20;
// The one document of a transform: `$`, the body at hand.
inline constexpr size_t kBody = 0;

// What becomes of a body: another by a template, or the same with edits.
struct BodyChange {
    std::unique_ptr<const gateway::BodyTemplate> shape;
    std::unique_ptr<const BodyEdit> edit;
    config::Mark mark;  // of the template

    bool any() const { return shape != nullptr || edit != nullptr; }
    bool reads_body() const { return edit != nullptr || (shape != nullptr && shape->reads(kBody)); }
    bool names_claims() const;
    bool names_response() const;
    void add_headers(std::vector<std::string>& names) const;
    void check_place(const gateway::PolicyPlace& place, const config::Scope& scope) const;
    // Appends the new body. @returns how many mismatches an edit has passed over
    // @errors answer_mapping, and those of values
    Result<uint64_t> make(const gateway::Values& values, std::string& out) const;
};

struct RequestRules {
    Condition when;
    http::Method method = http::Method::other;
    std::string method_text;  // empty: the client's
    std::optional<gateway::TargetTemplate> path;
    config::Mark path_mark;
    Rules query, headers;
    CookieRules cookies;
    BodyChange body;
    std::optional<bool> as_form;  // none: a template's as JSON, an edited one as it came
    uint64_t max_body = kDefaultMaxBody;

    // Something but the body itself is made of the body.
    bool head_reads_body() const { return headers.reads(kBody) || query.reads(kBody) || cookies.reads(kBody) || path_reads_body; }
    bool needs_body() const { return body.any() || when.body != nullptr || head_reads_body(); }
    bool path_reads_body = false;
};

struct AnswerCase {
    Condition when;
    int status = 0;  // 0: the service's
    Rules headers;
    CookieRules cookies;
    BodyChange body;   // of the whole
    BodyChange lines;  // of each line
    bool passes_events = false;  // event streams go by, with another head
    config::Mark events_mark;
    uint64_t max_body = kDefaultMaxBody;
    std::vector<std::string> varies_by;  // the request's headers that its templates name
    bool makes_private = false;  // something of an identity goes into it, and it says nothing of caches itself

    // Once it is read whole.
    void settle();
    bool head_reads_body() const { return headers.reads(kBody) || cookies.reads(kBody); }
    // The head changes once the body is made: of what it reads, or since the body reads the head that came.
    bool head_waits() const { return head_reads_body() || body.names_response(); }
    bool changes_body() const { return body.any() || lines.any(); }
    // It is not known by the head alone what it does.
    bool needs_body() const { return changes_body() || when.body != nullptr || head_reads_body(); }
};

struct Settings {
    std::optional<RequestRules> request;
    std::vector<AnswerCase> response;

    bool may_filter() const;
};

// @returns none after a fault
std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults);
// PolicyType::header_writes, describe.
std::vector<gateway::HeaderWrite> header_writes(const config::Node& settings);
config::ObjectText describe();

}  // namespace portico::policy::transform
