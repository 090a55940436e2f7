// The text that a plan writes: a string grown by doubling, written through a pointer, bounded. For json/plan/plan*.cc only.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "base/held.h"

namespace portico::json::detail {

class PlanOutput {
  public:
    // Appends to `out`, which is whole again after finish().
    PlanOutput(std::string& out, size_t max) : out_(out), before_(out.size()), max_(std::min(max, SIZE_MAX - before_)) { open(out.capacity()); }
    PlanOutput(const PlanOutput&) = delete;
    PlanOutput& operator=(const PlanOutput&) = delete;

    void put(std::string_view text) {
        if (text.size() > static_cast<size_t>(end_ - at_) && !grow(text.size())) return;
        copy(text.data(), text.size());
        at_ += text.size();
    }
    void put(char c) {
        if (at_ == end_ && !grow(1)) return;
        *at_++ = c;
    }
    // As a JSON string, escaped.
    void put_string(std::string_view utf8);

    size_t size() const { return static_cast<size_t>(at_ - out_.data()) - before_; }
    void cut(size_t size) { at_ = out_.data() + before_ + size; }
    // More was written than it may hold: what came then is lost.
    bool is_full() const { return full_; }
    void finish() { out_.resize(static_cast<size_t>(at_ - out_.data())); }
    void undo() { out_.resize(before_); }

  private:
    // Makes `capacity` bytes of the string writable, without filling them.
    void open(size_t capacity) {
        const size_t written = at_ == nullptr ? before_ : static_cast<size_t>(at_ - out_.data());
        out_.resize_and_overwrite(capacity, [](char*, size_t size) { return size; });
        at_ = out_.data() + written;
        end_ = out_.data() + std::min(out_.size(), before_ + max_);
    }
    bool grow(size_t wanted);
    bool move_to(size_t capacity);
    // Most pieces are short, and a call costs more than they do.
    void copy(const char* from, size_t size) {
        if (size > 32) {
            std::memcpy(at_, from, size);
        } else if (size >= 16) {
            copy_ends<16>(from, size);
        } else if (size >= 8) {
            copy_ends<8>(from, size);
        } else if (size >= 4) {
            copy_ends<4>(from, size);
        } else {
            for (size_t i = 0; i < size; ++i) at_[i] = from[i];
        }
    }
    // The first and the last bytes of a piece that has no more than twice as many.
    template <size_t kBytes>
    void copy_ends(const char* from, size_t size) {
        char first[kBytes];
        char last[kBytes];
        std::memcpy(first, from, kBytes);
        std::memcpy(last, from + size - kBytes, kBytes);
        std::memcpy(at_, first, kBytes);
        std::memcpy(at_ + size - kBytes, last, kBytes);
    }

    std::string& out_;
    size_t before_;
    size_t max_;
    char* at_ = nullptr;
    char* end_ = nullptr;
    bool full_ = false;
    Held held_{Holding::made};  // while it grows
    std::string escaped_;
};

}  // namespace portico::json::detail
