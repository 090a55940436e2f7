// What a body template says, as data: the shape of the JSON that it makes. The compiler of the configuration fills it, json::Plan
// makes it fast. Layer 1; it belongs to whoever builds it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "json/plan/bound_path.h"
#include "json/plan/change.h"

namespace portico::json {

struct Shape;
using ShapePtr = std::unique_ptr<Shape>;

// One list made of another: `for_each`.
struct LoopShape {
    struct SortKey {
        BoundPath path;  // singular
        bool descending = false;
    };
    BoundPath source;
    uint32_t place = 0;  // of its variable, in the frame
    std::optional<BoundCondition> where{};
    std::vector<SortKey> sort_by{};
    std::optional<BoundPath> distinct{};  // singular: one value of each that it finds, the first
    std::optional<uint64_t> limit{};
    ShapePtr item{};
};

// One value, and what is done with it: `get`.
struct GetShape {
    std::optional<BoundPath> source;  // or:
    uint32_t text = 0;                // of the TextSource
    std::string name;                 // of the source, for messages
    Fault fault = Fault::answer_mapping;  // where it is missing or does not fit
    bool omit_null = false;  // a null counts as missing
    bool required = false;
    std::vector<Change> changes{};  // one after another
    ShapePtr fallback{};     // where it is missing, or a change does not fit; it goes through none of the changes
};

struct Shape {
    enum class Kind : uint8_t { constant, path, text, object, list, loop, get };
    Kind kind = Kind::constant;
    std::string constant{};   // JSON text
    std::optional<BoundPath> path{};
    uint32_t text = 0;        // of the TextSource
    bool text_is_json = false;  // what it gives is JSON already, such as a number
    std::vector<std::pair<std::string, ShapePtr>> members{};  // of an object
    std::vector<ShapePtr> items{};                            // of a list
    std::unique_ptr<LoopShape> loop{};
    std::unique_ptr<GetShape> get{};
};

}  // namespace portico::json
