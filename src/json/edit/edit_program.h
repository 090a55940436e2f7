// The compiled form of edits: their paths as one tree, whose places are what several of them have led to so far. For json/edit/edit*.cc
// only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "json/edit/edit.h"
#include "json/path/path.h"
#include "json/path/path_program.h"

namespace portico::json::detail {

// What happens to a value that a path selects. A move leaves at its source and arrives at its target.
enum class EditAct : uint8_t { keep, remove, rename, leave, map, set, arrive };

struct EditAction {
    EditAct act;
    uint32_t step;
};

// A selector, and the place that it leads to.
struct EditEdge {
    const PathSelector* selector;
    uint32_t path;  // whose selector it is: EditProgram::paths
    uint32_t to;
    bool descendant;
    bool alone;  // the only edge that leads there: other paths may share it
};

struct EditPlace {
    std::vector<EditEdge> names;  // by name, from the value itself; sorted
    std::vector<EditEdge> others;
    std::vector<EditAction> actions;

    // Of the actions here.
    bool keeps = false;
    bool makes = false;  // set and arrive
    // Of what edges lead to, however far.
    bool keeps_below = false;
    bool writes_below = false;
    bool changes_below = false;
    // Of what names alone lead to: something is made there.
    bool creates = false;
    // An index leads to something that is made.
    bool needs_element = false;
    // Names lead to such an index: what stands here must be an object.
    bool leads_to_element = false;
    bool renames_members = false;
    bool descends = false;
    // Something kept is below objects, or arrays, that stand here, and not by `..`.
    bool leads_through_object = false;
    bool leads_through_array = false;
};

struct EditProgram {
    std::vector<EditStep> steps;
    std::vector<std::string> names;  // of a rename: its new name as JSON text, else ""
    std::vector<Path> paths;         // of each step, then the targets of moves
    std::vector<uint32_t> targets;   // of each step: a move's target in `paths`, else 0
    std::vector<EditPlace> places;   // the root first; edges lead to later ones
    bool keeps = false;              // some step does

    const PathQuery& query(size_t path) const { return paths[path].program().query; }
};

}  // namespace portico::json::detail
