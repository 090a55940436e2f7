#include "policy/rate_limit/ratelimit_fields.h"

namespace portico::policy::rate_limit {
namespace {

// A structured string (RFC 9651 §3.3.3) holds printable ASCII; what a name has beyond that is written as `_`.
void append_name(std::string& out, const Limit& limit, size_t window) {
    out += '"';
    for (const char c : limit.name) {
        if (c == '"' || c == '\\') out += '\\';
        out += c >= 0x20 && c <= 0x7e ? c : '_';
    }
    if (limit.windows.size() > 1) {
        const int64_t us = limit.windows[window].length.count();
        out += '/';
        out += us % 1'000'000 == 0 ? std::to_string(us / 1'000'000) + "s"
               : us % 1000 == 0    ? std::to_string(us / 1000) + "ms"
                                   : std::to_string(us) + "us";
    }
    out += '"';
}

void append_parameter(std::string& out, char name, uint64_t value) {
    out += ';';
    out += name;
    out += '=';
    out += std::to_string(value);
}

}  // namespace

std::string ratelimit_policy_field(const Limit& limit) {
    std::string out;
    for (size_t i = 0; i < limit.windows.size(); ++i) {
        if (i > 0) out += ", ";
        append_name(out, limit, i);
        append_parameter(out, 'q', limit.windows[i].quota);
        append_parameter(out, 'w', whole_seconds(limit.windows[i].length));
    }
    return out;
}

std::string ratelimit_field(const Limit& limit, const Decision& decision) {
    std::string out;
    out.reserve(decision.count * (limit.name.size() + 48));
    for (size_t i = 0; i < decision.count && i < limit.windows.size(); ++i) {
        const WindowOutcome& o = decision.windows[i];
        if (i > 0) out += ", ";
        append_name(out, limit, i);
        append_parameter(out, 'r', o.remaining);
        const Micros more = o.retry_after > Micros::zero() ? o.retry_after : o.reset;
        if (more > Micros::zero() && more != kNever) append_parameter(out, 't', whole_seconds(more));
    }
    return out;
}

}  // namespace portico::policy::rate_limit
