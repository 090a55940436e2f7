// What the values that one `get` makes may take: how many a list may hold, and the memory for them, which is counted among what their
// worker holds. Layer 1; belongs to one thread.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "base/held.h"
#include "base/meter.h"
#include "json/plan/datum.h"

namespace portico::json {

class ListRoom {
  public:
    // What a key in a set takes beside its bytes, about.
    static constexpr size_t kOfAKey = 64;

    explicit ListRoom(size_t max_list) : max_list_(max_list), left_(max_list) {}

    // Another change makes another list. What was made before counts as held until the `get` is over.
    void begin() { left_ = max_list_; }
    // These say that so much is about to be made. @returns false: it may not be, and `why` says so
    bool add(size_t values, std::string& why) {
        if (values > left_) return refuse("makes too long a list", why);
        left_ -= values;
        return make(values, why);
    }
    // The same for values that are there already, as a document's.
    bool make(size_t values, std::string& why) {
        if (Meter::spend(values * kOfAValue)) return hold(values * sizeof(Datum), why);
        return refuse("takes too many steps", why);
    }
    bool hold(size_t bytes, std::string& why) {
        bytes_ += bytes;
        if (bytes_ <= counted_) return true;
        if (held_.set(bytes_ + kAhead)) {
            counted_ = bytes_ + kAhead;
            return true;
        }
        Meter::out_of_memory();
        lacks_memory_ = true;
        return refuse("takes too much memory", why);
    }
    // @returns false, always: a bound was reached, which is no fault of the value
    bool refuse(std::string what, std::string& why) {
        refused_ = true;
        why = std::move(what);
        return false;
    }
    // Whether a bound ended it: what would stand in place of a value that does not fit is no answer then.
    bool refused() const { return refused_; }
    bool lacks_memory() const { return lacks_memory_; }

  private:
    static constexpr uint64_t kOfAValue = 2;            // steps: memory that nobody has touched, and what lets go of it
    static constexpr size_t kAhead = size_t{64} << 10;  // so much is counted at once; as much is not worth it

    size_t max_list_;
    size_t left_;
    size_t bytes_ = 0;
    size_t counted_ = kAhead;
    bool refused_ = false;
    bool lacks_memory_ = false;
    Held held_{Holding::made};
};

}  // namespace portico::json
