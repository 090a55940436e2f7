// JSONPaths and conditions whose named roots are bound to places: of the documents at hand, and of the variables that a plan sets
// (json/plan/plan.h). Compiled at load, where a root that is not there is a fault; asked for each document. Layer 1.
//
// A *frame* is the list of values by place: the documents first, then the variables. Thread-safe: they never change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/path/path.h"

namespace portico::json {

// A root that a path may begin at; its place is that in the list of them.
struct RootName {
    std::string name;    // "" is `$`
    std::string origin;  // what it stands for, for messages: "$user", or "$.orders[*]" of a variable
};

struct BindError {
    size_t offset = 0;    // bytes from the start of the text
    std::string what;
    bool unknown_root = false;  // the path is good, but nothing is known by that name:
    std::string root{};
};

class BoundPath {
  public:
    static std::expected<BoundPath, BindError> compile(std::string_view text, std::span<const RootName> names);

    bool is_singular() const { return path_.is_singular(); }
    // The place that it begins at.
    size_t root() const { return places_.front(); }
    // Every place that it reads.
    std::span<const uint32_t> places() const { return places_; }
    // As it is written, in one spelling.
    const std::string& text() const { return path_.text(); }
    // The same from the document on, whatever variables it goes through: `$.orders[*].id` for `$order.id`.
    const std::string& shown() const { return shown_; }
    // What a variable that stands for each of its values, or for each element of its one value, is shown as.
    std::string shown_each() const { return is_singular() ? shown_ + "[*]" : shown_; }

    // What its steps lead to: the value of a singular query, and the array or object whose children are all that it selects where
    // it is_children(). Adds what that cost to `cost`, in the steps of PathBounds.
    // @requires is_singular() or is_children()
    Value find(std::span<const Value> frame, uint64_t& cost) const { return walk(steps_, frame, cost); }
    // Where all steps but the last lead to. @requires there are steps
    Value find_parent(std::span<const Value> frame, uint64_t& cost) const {
        return walk(std::span(steps_).first(steps_.size() - 1), frame, cost);
    }
    // Nothing but steps and `[*]`.
    bool is_children() const { return is_children_; }
    std::span<const Path::Step> steps() const { return steps_; }
    // Appends what it selects. Adds what that cost to `cost`.
    std::expected<void, PathStop> evaluate(std::span<const Value> frame, std::vector<Value>& nodes, const PathBounds& bounds,
                                           uint64_t& cost) const;

  private:
    explicit BoundPath(Path path) : path_(std::move(path)), steps_(path_.steps()), is_children_(path_.ends_in_children()) {}    Value walk(std::span<const Path::Step> steps, std::span<const Value> frame, uint64_t& cost) const;

    Path path_;
    std::vector<uint32_t> places_;
    std::vector<Path::Step> steps_;
    std::string shown_;
    bool is_children_ = false;
};

class BoundCondition {
  public:
    static std::expected<BoundCondition, BindError> compile(std::string_view text, std::span<const RootName> names);
    std::span<const uint32_t> places() const { return places_; }
    const std::string& text() const { return condition_.text(); }
    // The queries that it asks, as BoundPath::shown().
    const std::vector<std::string>& shown() const { return shown_; }
    std::expected<bool, PathStop> holds(std::span<const Value> frame, const PathBounds& bounds, uint64_t& cost) const;

  private:
    explicit BoundCondition(Condition condition) : condition_(std::move(condition)) {}
    Condition condition_;
    std::vector<uint32_t> places_;
    std::vector<std::string> shown_;
};

}  // namespace portico::json
