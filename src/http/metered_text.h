// A text that is gone through byte by byte, by whoever tells what that takes (base/meter.h): a body may have many megabytes.
//
//     MeteredText metered(text);
//     for (size_t i = 0; i < text.size() && metered.reaches(i); ++i) …
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/meter.h"

namespace portico::http {

class MeteredText {
  public:
    explicit MeteredText(std::string_view text) : size_(text.size()) {}

    // @param at counts up  @returns false: nothing more may be spent
    bool reaches(size_t at) { return at < told_ || more(at); }

  private:
    // What is gone through before more is told of, and how much of that is a step: a byte takes some 2 ns.
    static constexpr size_t kPiece = size_t{8} << 10;
    static constexpr size_t kBytesAStep = 8;

    bool more(size_t at) {
        const size_t piece = std::min(size_ - at, kPiece);
        told_ = at + piece;
        return Meter::spend(1 + piece / kBytesAStep);
    }

    size_t size_;
    size_t told_ = 0;
};

}  // namespace portico::http
