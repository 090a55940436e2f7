// Paths that only `encoded: allow` lets pass, read as a lenient service reads them: one that would then be what a guarded route asks its
// service gets around the guard, or shows it another value than the service reads (LANGUAGE.md §2).
#pragma once

#include <string_view>

#include "base/result.h"
#include "gateway/exchange.h"
#include "gateway/rewrite.h"

namespace portico::gateway {

// Whether the path, read leniently, leads to a route with a guard that the exchange's own lacks, or whose guards would judge another value.
// @param path  in normal form, the client's or what became of it
bool is_guarded_elsewhere(Exchange& x, std::string_view path);
// The same of a path that a template made. @errors bad_rewrite
Result<void> judge_rewritten(Exchange& x, const TargetParts& target);

}  // namespace portico::gateway
