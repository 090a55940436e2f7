// Texts that a regular expression might take, to make examples of at load. Pure; not exact: whoever uses one tests it first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace portico::gateway {

// A few candidates, short ones first; none for an expression with what is not read here (look at https://github.com/google/re2/wiki/Syntax
// for all that there is), or whose texts are long.
std::vector<std::string> regex_samples(std::string_view regex);

}  // namespace portico::gateway
