// What `portico explain` says of an aggregate: which calls go at once, which wait for which, and the requests that would be sent.
#pragma once

#include "cli/explain_shown.h"
#include "gateway/aggregate/aggregate.h"
#include "gateway/exchange.h"

namespace portico::cli {

void explain_aggregate(gateway::Exchange& x, const gateway::AggregateAction& action, const Shown& shown);

}  // namespace portico::cli
