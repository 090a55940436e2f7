#include "gateway/max_forwards.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "gateway/snapshot.h"

namespace portico::gateway {

Result<bool> take_hop(Exchange& x) {
    constexpr std::string_view kName = "Max-Forwards";
    if (x.upstream_method() != http::Method::options) return true;
    const http::Field* sent = nullptr;
    for (const http::Field& f : x.request.fields) {
        if (!iequals(f.name, kName)) continue;
        if (sent != nullptr) return fail(Fault::bad_header, "Max-Forwards twice");
        sent = &f;
    }
    if (sent == nullptr) return true;
    const bool digits = !sent->value.empty() && std::ranges::all_of(sent->value, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return fail(Fault::bad_header, "Max-Forwards is no number");
    // One that is too large to be read is the largest that can be.
    const uint64_t left = parse_decimal<uint64_t>(sent->value).value_or(UINT64_MAX);
    if (left == 0) return false;
    x.set_field(kName, x.arena.copy(std::to_string(left - 1)));
    return true;
}

std::string methods_here(const Exchange& x) {
    const auto& table = x.epoch->snapshot->table;
    const auto& own = table.rules()[x.match.route].conditions.methods;
    if (own.any()) return std::string(kEveryMethod);
    std::vector<std::string> listed = table.allowed_methods(x.view);
    own.list(listed);
    const std::set<std::string> all(listed.begin(), listed.end());
    std::string text;
    for (const std::string& m : all) text.append(text.empty() ? "" : ", ").append(m);
    return text;
}

}  // namespace portico::gateway
