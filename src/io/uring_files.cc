#include "io/uring_files.h"

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

bool RegisteredFiles::remove(int32_t place) {
    constexpr int kNobody = -1;
    if (io_uring_register_files_update(ring_, static_cast<unsigned>(place), &kNobody, 1) != 1) return false;
    free_.push_back(place);
    return true;
}

}  // namespace portico::io
