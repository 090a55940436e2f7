// Names for routes that have none of their own: by what they match, so that a route keeps its name in metrics, the log and a limit's
// counts when another one is written before it.
#pragma once

#include <span>

#include "config/model.h"

namespace portico::config {

// Names each route that is not `named`: "GET api.example.com/users/{id}". Of several hosts or paths the first stands there, with how many
// there are more; names of headers and query pairs that are asked stand in brackets, their values do not. What is still equal is
// numbered in the order of the file, and no such name is one that the file has written.
void name_routes(std::span<RouteConfig> routes);

}  // namespace portico::config
