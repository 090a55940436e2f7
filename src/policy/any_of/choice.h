// Which of several ways to sign in decides: the first whose credential is there. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/policy.h"

namespace portico::policy::any_of {

inline constexpr size_t kNobody = SIZE_MAX;

// @param sees whether the request carries the credential of the way at an index
template <class Sees>
size_t choose(size_t ways, Sees&& sees) {
    for (size_t i = 0; i < ways; ++i) {
        if (sees(i)) return i;
    }
    return kNobody;
}

// What is known whichever of them decides.
inline gateway::IdentityRole weakest(std::span<const gateway::IdentityRole> roles) {
    using enum gateway::IdentityRole;
    if (std::ranges::all_of(roles, [](auto r) { return r == guaranteed; })) return guaranteed;
    return std::ranges::all_of(roles, [](auto r) { return r == none; }) ? none : optional;
}

// The challenges to offer where nothing was presented, each once.
inline std::vector<std::string_view> distinct(std::span<const std::string_view> challenges) {
    std::vector<std::string_view> once;
    for (const std::string_view c : challenges) {
        if (!c.empty() && std::ranges::find(once, c) == once.end()) once.push_back(c);
    }
    return once;
}

}  // namespace portico::policy::any_of
