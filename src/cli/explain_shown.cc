#include "cli/explain_shown.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "base/text.h"
#include "base/utf8.h"
#include "config/concealed.h"
#include "http/credential.h"
#include "http/uri.h"

namespace portico::cli {
namespace {

using gateway::CredentialPlace;

constexpr std::string_view kHidden = config::kInsteadOfSecret;

// Headers in which nobody sends a credential.
bool is_said_by_all(std::string_view name) {
    constexpr std::string_view kNames[] = {"accept",  "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection", "date", "dnt", "expect", "from", "host",
                                           "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive", "max-forwards", "origin", "pragma", "priority",
                                           "range",   "referer",        "te",              "traceparent",     "tracestate",    "trailer",    "transfer-encoding", "upgrade", "user-agent", "via",
                                           "x-request-id", "x-requested-with"};
    const std::string folded = http::folded_name(name);
    return std::ranges::find(kNames, folded) != std::end(kNames) || folded.starts_with("content-") || folded.starts_with("access-control-") || folded.starts_with("sec-fetch-");
}

}  // namespace

Shown::Shown(config::FaultList faults, const gateway::Snapshot& snapshot) : faults_(std::move(faults)), snapshot_(snapshot) {
    for (const auto& policy : snapshot.policies) policy->credential_places(places_);
}

bool Shown::is_credential(std::string_view name, bool in_query) const {
    constexpr std::string_view kAlways[] = {"authorization", "proxy-authorization", "cookie", "set-cookie"};
    const auto is_named = [&](std::string_view other) { return in_query ? http::bears_name(name, other) : http::is_same_name(name, other); };
    if (!in_query && std::ranges::any_of(kAlways, is_named)) return true;
    return std::ranges::any_of(places_, [&](const CredentialPlace& p) {
        if (!in_query && p.name == "*") return !is_harmless(name);
        return p.in_query == in_query && is_named(p.name);
    });
}

bool Shown::is_harmless(std::string_view name) const {
    // What the gateway writes itself is known to who wrote its configuration.
    return is_said_by_all(name) || gateway::is_forwarding_header(name) || snapshot_.managed.contains(name);
}

std::string Shown::condition(const gateway::ValueCondition& condition, bool in_query) const {
    const bool tells = condition.match().kind == config::ValueMatch::Kind::exact || condition.match().kind == config::ValueMatch::Kind::regex;
    return tells && is_credential(condition.match().name, in_query) ? condition.match().name + " is another" : condition.text();
}

void Shown::learn(const http::RequestHead& request) {
    for (const http::Field& f : request.fields) {
        if (!is_credential(f.name, false)) continue;
        faults_.hide(f.value, kHidden);
        // What stands behind a scheme, or in a cookie, may go on alone.
        for (std::string_view left = f.value; !left.empty();) {
            const size_t end = std::min(left.find_first_of(" ;="), left.size());
            faults_.hide(left.substr(0, end), kHidden);
            left.remove_prefix(std::min(end + 1, left.size()));
        }
    }
    const size_t question = std::min(request.target.find('?'), request.target.size());
    for (std::string_view left = request.target.substr(question); !left.empty();) {
        left.remove_prefix(1);
        const std::string_view pair = left.substr(0, left.find('&'));
        left.remove_prefix(pair.size());
        if (!pair.contains('=') || !is_credential(pair, true)) continue;
        const std::string_view value = pair.substr(pair.find('=') + 1);
        faults_.hide(value, kHidden);
        faults_.hide(http::decode_query_value(value), kHidden);
    }
}

void Shown::print(const char* format, ...) const {
    va_list values;
    va_start(values, format);
    va_list again;
    va_copy(again, values);
    const int size = std::vsnprintf(nullptr, 0, format, values);
    va_end(values);
    std::string text(static_cast<size_t>(std::max(size, 0)) + 1, '\0');
    std::vsnprintf(text.data(), text.size(), format, again);
    va_end(again);
    text.pop_back();
    // Names, conditions and targets come from files and clients: none of them may steer a terminal.
    const std::string covered = faults_.covered(text);
    for (size_t at = 0; at < covered.size();) {
        const size_t end = std::min(covered.find('\n', at), covered.size());
        std::fputs(printable(std::string_view(covered).substr(at, end - at), '?').c_str(), stdout);
        if (end < covered.size()) std::fputc('\n', stdout);
        at = end + 1;
    }
}

std::string Shown::target(std::string_view target) const {
    std::string out(target.substr(0, target.find('?')));
    for (std::string_view left = target.substr(out.size()); !left.empty();) {
        out += left.front();
        left.remove_prefix(1);
        const std::string_view pair = left.substr(0, left.find('&'));
        left.remove_prefix(pair.size());
        if (pair.contains('=') && is_credential(pair, true)) out.append(pair.substr(0, pair.find('=') + 1)).append(kHidden);
        else out += pair;
    }
    return out;
}

std::string Shown::head_line(std::string_view line) const {
    const size_t colon = line.find(": ");
    const size_t space = line.find(' ');
    std::string out;
    if (colon != std::string_view::npos && colon < space) {
        out.append(line.substr(0, colon + 2)).append(is_credential(line.substr(0, colon), false) ? kHidden : line.substr(colon + 2));
    } else if (const size_t last = line.rfind(' '); last != space) {
        out.append(line.substr(0, space + 1)).append(target(line.substr(space + 1, last - space - 1))).append(line.substr(last));
    } else {
        out = line;
    }
    // Before controls are made visible: a value that has some would not be found any more.
    return printable(faults_.covered(out), '?');
}

}  // namespace portico::cli
