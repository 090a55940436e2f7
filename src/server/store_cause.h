// Why a store is not served by, in one word of a few: a metric's label, which holds no text of a server's. Pure.
#pragma once

#include <array>
#include <string_view>

namespace portico::server {

inline constexpr std::array<std::string_view, 7> kStoreCauses{"connect", "tls", "sign_in", "role", "timeout", "refused", "closed"};

// @param why  what the client says (redis::Client::last_failure)
// @returns its place in kStoreCauses
constexpr size_t store_cause(std::string_view why) {
    struct Sign {
        std::string_view begin;
        size_t cause;
    };
    constexpr Sign kSigns[] = {{"connect to ", 0},     {"TLS with ", 1},  {"AUTH refused", 2}, {"SELECT refused", 2},     {"NOAUTH", 2},
                               {"WRONGPASS", 2},       {"NOPERM", 2},     {"ROLE refused", 3}, {"READONLY", 3},           {"MASTERDOWN", 3},
                               {"not answered", 4},    {"no answer", 4}};
    for (const Sign& sign : kSigns) {
        if (why.starts_with(sign.begin)) return sign.cause;
    }
    if (why.ends_with("is not a master")) return 3;
    // A name that does not resolve, sentinels that name nobody.
    if (why.find("no master") != why.npos || why.find("resolve") != why.npos || why.find("name not found") != why.npos) return 0;
    // A server's own words begin with its code in capitals: OOM, MISCONF, LOADING.
    size_t capitals = 0;
    while (capitals < why.size() && why[capitals] >= 'A' && why[capitals] <= 'Z') ++capitals;
    return capitals >= 2 && (capitals == why.size() || why[capitals] == ' ') ? 5 : 6;
}

}  // namespace portico::server
