// Tables whose keys are text that strangers choose: with the standard library's own hash, which knows no secret, a megabyte of chosen
// strings makes each look-up walk through all of them. Their order says nothing and differs from process to process.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/keyed_hash.h"

namespace portico {

// The keys are kept; a look-up takes a view.
template <class Value>
using TextMap = std::unordered_map<std::string, Value, SeededHash, std::equal_to<>>;
using TextSet = std::unordered_set<std::string, SeededHash, std::equal_to<>>;

// The keys are views, of what outlives the table.
template <class Value>
using TextViewMap = std::unordered_map<std::string_view, Value, SeededHash>;
using TextViewSet = std::unordered_set<std::string_view, SeededHash>;

}  // namespace portico
