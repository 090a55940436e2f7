// What the kinds of values are called in messages. Layer 1.
#pragma once

#include <string_view>

#include "json/document.h"

namespace portico::json {

// Such as "a list".
constexpr std::string_view name_of(Kind kind) {
    switch (kind) {
        case Kind::missing: return "missing";
        case Kind::null: return "null";
        case Kind::boolean: return "a boolean";
        case Kind::number: return "a number";
        case Kind::string: return "a string";
        case Kind::array: return "a list";
        case Kind::object: return "an object";
    }
    return "";
}

}  // namespace portico::json
