// Paths that only `encoded: allow` lets pass, read as a lenient service reads them: one that would then be what a guarded route asks its
// service gets around the guard, or shows it another value than the service reads (LANGUAGE.md §2).
#pragma once

#include <string_view>

#include "base/result.h"
#include "gateway/exchange.h"
#include "gateway/rewrite.h"

namespace portico::gateway {

// Whether the client's path, read leniently, leads to a route with a guard that the exchange's own lacks, or whose guards would judge another
// value.
bool is_guarded_elsewhere(Exchange& x);

// What a service is about to be asked, by a path that a template or the stripping of a prefix has made.
struct SentTarget {
    const TargetParts& target;
    int32_t service = 0;
    http::Method method = http::Method::other;
    std::string_view method_text;
};
// The same of it, as if a client sent it: among the routes that ask the same service. @errors bad_rewrite
Result<void> judge_rewritten(Exchange& x, const SentTarget& sent);

}  // namespace portico::gateway
