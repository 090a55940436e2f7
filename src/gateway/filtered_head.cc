#include "gateway/filtered_head.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"

namespace portico::gateway {
namespace {

using http::FieldName;

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
    return std::ranges::any_of(names, [&](std::string_view n) { return iequals(n, name); });
}

}  // namespace

void expect_filters(Exchange& x) {
    if (x.accepted) return;
    constexpr std::array<std::string_view, 2> kRanges = {"Range", "If-Range"};
    constexpr std::array<std::string_view, 2> kConditions = {"If-None-Match", "If-Modified-Since"};
    // What guards a change (RFC 9110 §13.1) is the service's to judge: kept from it, the change would be made whatever is there.
    const bool reads = x.request.method == http::Method::get || x.request.method == http::Method::head;
    const auto is_kept = [&](const http::Field& f) {
        return f.id == FieldName::other && (is_one_of(f.name, kRanges) || (reads && is_one_of(f.name, kConditions)));
    };
    http::FieldList& fields = x.request.fields;
    for (const http::Field& f : fields) {
        if (is_kept(f)) x.withheld.add(f);
    }
    x.accepted = http::read_accept_encoding(fields);
    fields.remove_if([&](const http::Field& f) { return is_kept(f) || http::is_same_name(f.name, "Accept-Encoding"); });
    fields.add("Accept-Encoding", http::narrowed_accept_encoding(*x.accepted), FieldName::accept_encoding);
}

void vary_by(http::FieldList& fields, std::string_view header) {
    for (const http::Field& f : fields) {
        if (!iequals(f.name, "Vary")) continue;
        bool there = false;
        for_each_element(f.value, [&](std::string_view name) { there |= name == "*" || iequals(name, header); });
        if (there) return;
    }
    fields.add("Vary", header);
}

void forget_body(http::FieldList& fields) {
    constexpr std::array<std::string_view, 3> kSaid = {"ETag", "Last-Modified", "Accept-Ranges"};
    fields.remove_if([&](const http::Field& f) {
        return f.id == FieldName::content_length || (f.id == FieldName::other && (is_one_of(f.name, kSaid) || http::is_digest(f.name)));
    });
}

}  // namespace portico::gateway
