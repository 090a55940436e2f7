#include "policy/forward_auth/decision.h"

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"
#include "json/writer.h"

namespace portico::policy::forward_auth {

Outcome outcome_of(int status) {
    switch (status) {
        case 301:
        case 302:
        case 303:
        case 307:
        case 308:
        case 401:
        case 403: return Outcome::refuse;
        default: break;
    }
    if (status >= 200 && status < 300) return Outcome::pass;
    return status >= 500 ? Outcome::failed : Outcome::unusable;
}

bool is_failure_of_service(const Error& why) {
    switch (why.fault) {
        case Fault::upstream_refused:
        case Fault::upstream_unreachable:
        case Fault::upstream_unresolved:
        case Fault::upstream_connect_timeout:
        case Fault::upstream_first_byte_timeout:
        case Fault::upstream_idle_timeout:
        case Fault::upstream_total_timeout:
        case Fault::upstream_closed:
        case Fault::upstream_no_endpoint:
        case Fault::upstream_tls: return true;
        default: return false;
    }
}

Result<std::optional<std::string_view>> value_of(const Copied& copied, const http::FieldList& answer) {
    std::optional<std::string_view> found;
    for (const http::Field& f : answer) {
        if (!http::is_same_name(f.name, copied.header)) continue;
        if (found) return fail(Fault::upstream_protocol, copied.header + " stands twice in its answer");
        found = f.value;
    }
    if (found && !is_utf8(*found)) return fail(Fault::upstream_protocol, copied.header + " of its answer is not UTF-8");
    if (found && found->empty()) found.reset();
    return found;
}

std::optional<std::string> claims_of(const std::vector<Copied>& rows, const std::vector<std::optional<std::string_view>>& values) {
    std::string text;
    json::Writer w(text);
    bool any = false;
    w.begin_object();
    for (size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].claim.empty() || !values[i]) continue;
        any = true;
        w.key(rows[i].claim);
        if (!rows[i].is_list) {
            w.value(*values[i]);
            continue;
        }
        w.begin_array();
        for_each_element(*values[i], [&](std::string_view element) {
            if (!element.empty()) w.value(element);
        });
        w.end_array();
    }
    w.end_object();
    return any ? std::optional(std::move(text)) : std::nullopt;
}

std::string usual_spelling(std::string_view name) {
    std::string usual(name);
    for (char& c : usual) {
        if (http::folded_name_character(c) == '-') c = '-';
    }
    return usual;
}

bool may_be_sent(std::string_view name) {
    using http::FieldName;
    const std::string folded = http::folded_name(name);
    const FieldName id = http::field_name(folded);
    switch (id) {
        case FieldName::host:
        case FieldName::content_length:
        case FieldName::expect:
        case FieldName::x_request_id:
        case FieldName::traceparent: return false;
        default: break;
    }
    return !http::is_hop_by_hop(id) && !folded.starts_with("content-") && !folded.starts_with("if-") && folded != "range" && folded != "expect";
}

std::optional<std::string> twice_in_other_spellings(std::span<const std::string_view> names) {
    // Most requests have no such name, and are looked through once.
    const auto is_odd = [](std::string_view name) {
        return std::ranges::any_of(name, [](char c) { return c != '-' && http::folded_name_character(c) == '-'; });
    };
    if (std::ranges::none_of(names, is_odd)) return std::nullopt;
    std::vector<std::pair<std::string, std::string_view>> sorted;
    for (const std::string_view name : names) sorted.emplace_back(http::folded_name(name), name);
    std::ranges::sort(sorted);
    for (size_t i = 1; i < sorted.size(); ++i) {
        const auto& [folded, name] = sorted[i];
        if (folded == sorted[i - 1].first && !iequals(name, sorted[i - 1].second)) return usual_spelling(name);
    }
    return std::nullopt;
}

void copy_refusal(const http::FieldList& answer, http::FieldList& to) {
    constexpr std::string_view kPassed[] = {"WWW-Authenticate", "Location", "Set-Cookie", "Content-Type", "Content-Encoding", "Content-Language", "Cache-Control"};
    for (const http::Field& f : answer) {
        if (std::ranges::any_of(kPassed, [&](std::string_view name) { return iequals(name, f.name); })) to.add(f);
    }
}

}  // namespace portico::policy::forward_auth
