// What `get` does with a value: functions, dates, maps of words, casts. Each is compiled at load and works on a value in hand.
// Layer 1; a Change never changes.
//
// A null stays null, whatever the change. Those that work on one value (lower upper trim truncate split round date map cast) work on
// each element of a list.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/plan/datum.h"
#include "json/plan/list_room.h"
#include "json/plan/moment.h"

namespace portico::json {

struct Change {
    enum class Kind : uint8_t {
        // of one value
        lower, upper, trim, truncate, split, round, date, map, cast,
        // of a list (length: of a text and an object too; keys, values: of an object)
        length, first, last, reverse, sort, unique, flatten, compact, sum, min, max, join, keys, values,
    };
    Kind kind = Kind::length;
    std::string text{};       // of split and join
    unsigned number = 0;      // of round and truncate
    portico::json::Kind cast = portico::json::Kind::missing;  // string, number (integer: whole) or boolean
    bool whole = false;
    std::optional<MomentFormat> from{}, to{};                  // of date
    std::vector<std::pair<std::string, Datum>> words{};        // of map, sorted by the word
    std::optional<Datum> rest{};                               // of map

    // What it is called.
    std::string_view name() const;
};

struct ChangeName {
    std::string_view name;
    Change::Kind kind;
    enum class Argument : uint8_t { none, text, number } argument = Argument::none;
};
// Those that `apply` knows by name.
std::span<const ChangeName> change_names();

// Changes `datum`, which may become none: the first of an empty list. @returns false where it does not fit, or takes more than there is
// `room` for; `why`, which was empty, is such as "is a string, and sum takes a list"
bool apply(const Change& change, Datum& datum, ListRoom& room, std::string& why);

}  // namespace portico::json
