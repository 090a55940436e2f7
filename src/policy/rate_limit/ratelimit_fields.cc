#include "policy/rate_limit/ratelimit_fields.h"

#include <algorithm>

#include "http/h1/writer.h"

namespace portico::policy::rate_limit {
namespace {

// A structured string (RFC 9651 §3.3.3) holds printable ASCII; what a name has beyond that is written as `_`.
std::string quoted_name(const Limit& limit, size_t window) {
    std::string out = "\"";
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
    return out + '"';
}

// The most that a window takes beside its name: `, `, `;r=` and `;t=` with 20 digits each.
constexpr size_t kRoomAWindow = 48;

}  // namespace

std::vector<std::string> ratelimit_names(const Limit& limit) {
    std::vector<std::string> names;
    for (size_t i = 0; i < limit.windows.size(); ++i) names.push_back(quoted_name(limit, i));
    return names;
}

std::string ratelimit_policy_field(const Limit& limit) {
    std::string out;
    for (size_t i = 0; i < limit.windows.size(); ++i) {
        if (i > 0) out += ", ";
        out += quoted_name(limit, i) + ";q=" + std::to_string(limit.windows[i].quota) + ";w=" + std::to_string(whole_seconds(limit.windows[i].length));
    }
    return out;
}

std::string_view ratelimit_field(std::span<const std::string> names, const Decision& decision, Arena& arena) {
    const size_t count = std::min<size_t>(decision.count, names.size());
    size_t room = 0;
    for (size_t i = 0; i < count; ++i) room += names[i].size() + kRoomAWindow;
    const std::span<char> memory = arena.chars(room);
    http::h1::Output out(memory.data(), memory.size());
    for (size_t i = 0; i < count; ++i) {
        const WindowOutcome& o = decision.windows[i];
        if (i > 0) out.put(", ");
        out.put(names[i]);
        out.put(";r=");
        out.put_decimal(o.remaining);
        const Micros more = o.retry_after > Micros::zero() ? o.retry_after : o.reset;
        if (more <= Micros::zero() || more == kNever) continue;
        out.put(";t=");
        out.put_decimal(whole_seconds(more));
    }
    return {memory.data(), out.size()};
}

}  // namespace portico::policy::rate_limit
