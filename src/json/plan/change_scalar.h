// The changes that work on one value. For json/plan/change.cc only.
#pragma once

#include <string>

#include "json/plan/change.h"

namespace portico::json::detail {

bool apply_to_scalar(const Change& change, Datum& datum, ListRoom& room, std::string& why);

}  // namespace portico::json::detail
