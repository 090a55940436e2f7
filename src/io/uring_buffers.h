// The buffers that the kernel receives into (a ring of provided buffers), and how many of them it is given. Private to src/io.
//
// The kernel takes them in turn, so that each one on offer is written to before the first comes again: only as many as are
// wanted are on offer, which are then still in the processor's cache, and the memory of the others is never touched. A burst
// doubles their number until all are on offer; long after it they become fewer again.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace portico::io {

class ProvidedBuffers {
  public:
    static constexpr uint16_t kGroup = 0;
    static constexpr uint16_t kCount = 512;
    static constexpr uint32_t kSize = 8 * 1024;
    static constexpr uint16_t kNone = 0xffff;

    ProvidedBuffers() = default;
    ProvidedBuffers(const ProvidedBuffers&) = delete;
    ProvidedBuffers& operator=(const ProvidedBuffers&) = delete;
    // @requires the ring is gone, or no receive is under way
    ~ProvidedBuffers();

    Result<void> start(io_uring& ring);
    char* data(uint16_t id) { return memory_ + size_t{id} * kSize; }
    // A completion has brought this one. @param size bytes in it
    void taken(uint16_t id, uint32_t size);
    // A receive found none.
    void ran_out();
    // The kernel may have it again.
    void give_back(uint16_t id);

    uint32_t size(uint16_t id) const { return size_[id]; }
    // The one behind it in a chain of those that nobody has read yet; kNone at first.
    uint16_t& next(uint16_t id) { return next_[id]; }
    // As far as completions have told.
    uint16_t on_offer() const { return on_offer_; }
    // Brought by completions, and not given back yet.
    size_t held() const { return kCount - on_offer_ - spare_.size(); }

  private:
    static constexpr uint16_t kLeast = 64;
    static constexpr uint32_t kTakenAReview = 1u << 16;
    void offer(uint16_t id);
    void offer_more();
    void review();

    io_uring_buf_ring* ring_ = nullptr;
    char* memory_ = nullptr;
    std::vector<uint16_t> next_;
    std::vector<uint32_t> size_;
    std::vector<uint16_t> spare_;  // not on offer; the last one given back goes out first
    uint16_t wanted_ = kLeast;     // on offer, where so many are free
    uint16_t on_offer_ = 0;
    uint16_t lowest_ = kLeast;  // of on_offer_, since the last review
    uint32_t taken_ = 0;        // since then
};

}  // namespace portico::io
