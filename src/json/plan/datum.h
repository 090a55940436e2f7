// A value in hand: one of a document as it stands there, or one that was made: what `get` works on. Layer 1; belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json/document.h"

namespace portico::json {

class Datum {
  public:
    // None.
    Datum() = default;
    explicit Datum(Value value) : kind_(value.kind()), value_(value) {}
    static Datum null() { return {Kind::null, {}}; }
    static Datum boolean(bool b) { return {Kind::boolean, b ? "true" : "false"}; }
    static Datum string(std::string text) { return {Kind::string, std::move(text)}; }
    // @param text  as JSON writes it
    static Datum number(std::string text) { return {Kind::number, std::move(text)}; }
    static Datum list(std::vector<Datum> items) {
        Datum d(Kind::array, {});
        d.items_ = std::move(items);
        return d;
    }

    Kind kind() const { return kind_; }
    bool is(Kind kind) const { return kind_ == kind; }
    // A string decoded; a number or boolean as it is written; "" of anything else.
    std::string_view text() const {
        if (!value_) return text_;
        if (kind_ == Kind::string) return value_.string();
        return kind_ == Kind::number || kind_ == Kind::boolean ? value_.source() : std::string_view();
    }
    size_t size() const { return value_ ? value_.size() : items_.size(); }
    // The value of a document that it is; none where it was made.
    Value value() const { return value_; }
    // The elements of a list, made its own. @requires it is a list
    std::vector<Datum>& items();
    const std::vector<Datum>& made_items() const { return items_; }
    // A text that is equal for equal values: numbers by value, lists and objects as they are written without white space.
    std::string key() const;
    // What going through all of it costs, in steps of PlanBounds.
    uint64_t cost() const;
    // As JSON text.
    void append_to(std::string& out) const;

  private:
    Datum(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}

    Kind kind_ = Kind::missing;
    Value value_;
    std::string text_;
    std::vector<Datum> items_;
};

}  // namespace portico::json
