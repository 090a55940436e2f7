// The compiled form of a body template. For json/plan/plan*.cc only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/plan/shape.h"

namespace portico::json::detail {

struct PlanNode;

struct PlanMember {
    // Comma, name, colon, and all that is constant up to the value: `,"version":"2.0","name":`. What stands before the last name is
    // written whether or not there is a value.
    std::string prefix;
    size_t constant = 0;  // bytes of the prefix that stand before the last comma
    std::unique_ptr<PlanNode> value;  // nullptr: the prefix is all
    // Where the value is a singular query that ends in a name, and where it is nothing but that name at a root:
    bool is_lookup = false;
    bool is_direct = false;
    uint32_t place = 0;
    std::string_view name{};
};

struct PlanNode {
    Shape::Kind kind = Shape::Kind::constant;
    bool text_is_json = false;
    uint32_t text = 0;
    std::string constant;
    std::optional<BoundPath> path;
    std::vector<PlanMember> members;
    std::vector<std::unique_ptr<PlanNode>> items;
    std::unique_ptr<LoopShape> loop;  // without its item:
    std::unique_ptr<GetShape> get;    // without its fallback:
    std::unique_ptr<PlanNode> inner;  // the item, or the fallback
};

struct PlanProgram {
    std::unique_ptr<PlanNode> root;
    size_t roots = 0;
    size_t frame = 0;  // roots and variables
};

}  // namespace portico::json::detail
