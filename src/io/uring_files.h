// Descriptors that a ring knows by number (registered files): what is submitted for one costs the kernel no look-up and no
// count of references. Worth it for connections that last, each of which takes one of a bounded number of places. Private to
// src/io.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <vector>

namespace portico::io {

class RegisteredFiles {
  public:
    static constexpr uint32_t kPlaces = 4096;  // 32 KiB of the kernel's memory
    static constexpr int32_t kNone = -1;

    // Where the kernel refuses there are no places. @param ring outlives this
    void start(io_uring& ring, uint32_t places = kPlaces);
    // @returns the descriptor's place, or kNone: then it is used by its own number
    int32_t add(int fd);
    // The kernel keeps the file open until then. @requires a place of add(), and no operation on it is under way
    // @returns false where the kernel has no memory for it: it keeps the file, and the place is lost
    bool remove(int32_t place);
    size_t left() const { return free_.size(); }

  private:
    io_uring* ring_ = nullptr;
    std::vector<int32_t> free_;
};

}  // namespace portico::io
