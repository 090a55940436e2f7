// Tables whose keys are text that strangers choose: with the standard library's own hash, which knows no secret, a megabyte of chosen
// strings makes each look-up walk through all of them. Their order says nothing and differs from process to process.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/keyed_hash.h"
#include "base/meter.h"

namespace portico {

// The keys are kept; a look-up takes a view.
template <class Value>
using TextMap = std::unordered_map<std::string, Value, SeededHash, std::equal_to<>>;
using TextSet = std::unordered_set<std::string, SeededHash, std::equal_to<>>;

// Empties one of many thousands as far as may be spent (base/meter.h): at its end the rest would go in one go.
inline void let_go_by_steps(TextSet& set) {
    for (auto at = set.begin(); at != set.end() && Meter::spend(4);) at = set.erase(at);
}

// The keys are views, of what outlives the table.
template <class Value>
using TextViewMap = std::unordered_map<std::string_view, Value, SeededHash>;
using TextViewSet = std::unordered_set<std::string_view, SeededHash>;

}  // namespace portico
