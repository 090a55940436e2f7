// Newline-delimited JSON, changed line by line while it streams.
#pragma once

#include <memory>

#include "gateway/exchange.h"
#include "policy/transform/settings.h"
#include "policy/transform/tally.h"

namespace portico::policy::transform {

// @param of outlives the filter, as does the tally; its max_body is the longest line
std::unique_ptr<gateway::BodyFilter> make_line_filter(gateway::Exchange& x, const AnswerCase& of, const Tally& tally);

}  // namespace portico::policy::transform
