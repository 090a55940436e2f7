#include "io/uring_files.h"

#include "base/check.h"

namespace portico::io {

void RegisteredFiles::start(io_uring& ring, uint32_t places) {
    if (io_uring_register_files_sparse(&ring, places) != 0) return;
    ring_ = &ring;
    for (uint32_t i = places; i > 0; --i) free_.push_back(static_cast<int32_t>(i - 1));
}

int32_t RegisteredFiles::add(int fd) {
    if (free_.empty()) return kNone;
    const int32_t place = free_.back();
    if (io_uring_register_files_update(ring_, static_cast<unsigned>(place), &fd, 1) != 1) return kNone;
    free_.pop_back();
    return place;
}

void RegisteredFiles::remove(int32_t place) {
    constexpr int kNobody = -1;
    PORTICO_CHECK(io_uring_register_files_update(ring_, static_cast<unsigned>(place), &kNobody, 1) == 1);
    free_.push_back(place);
}

}  // namespace portico::io
