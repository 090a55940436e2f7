// Comparison of values as JSONPath's filters do it (RFC 9535 §2.3.5.2.2). For json/path/path*.cc only.
#pragma once

#include <string>
#include <string_view>

#include "json/document.h"
#include "json/path/path_effort.h"
#include "json/path/path_program.h"

namespace portico::json::detail {

// One side: a value, none (Kind::missing), or a number that a function counted.
struct Comparable {
    Kind kind = Kind::missing;
    std::string_view text;  // of a string, decoded; of a number
    Value value;            // none of a number that was counted

    Comparable() = default;
    explicit Comparable(Value v) : kind(v.kind()), value(v) {
        if (kind == Kind::number) text = v.number();
        if (kind == Kind::string) text = v.string();
    }
    // `digits` outlive it.
    static Comparable counted(std::string_view digits) {
        Comparable c;
        c.kind = Kind::number;
        c.text = digits;
        return c;
    }
};

// Numbers by value, strings by code points, arrays and objects by what they hold; false where `effort` ends.
bool holds(PathComparison comparison, const Comparable& left, const Comparable& right, PathEffort& effort);

}  // namespace portico::json::detail
