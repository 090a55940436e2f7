#include "io/uring_buffers.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace portico::io {
namespace {

constexpr size_t kRingBytes = ProvidedBuffers::kCount * sizeof(io_uring_buf);
constexpr size_t kBytes = kRingBytes + size_t{ProvidedBuffers::kCount} * ProvidedBuffers::kSize;

}  // namespace

ProvidedBuffers::~ProvidedBuffers() {
    if (ring_ != nullptr) ::munmap(ring_, kBytes);
}

Result<void> ProvidedBuffers::start(io_uring& ring) {
    void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail(Fault::io, "mmap of the provided buffers", errno);
    ring_ = static_cast<io_uring_buf_ring*>(memory);
    memory_ = static_cast<char*>(memory) + kRingBytes;
    io_uring_buf_reg reg{};
    reg.ring_addr = reinterpret_cast<uint64_t>(ring_);
    reg.ring_entries = kCount;
    reg.bgid = kGroup;
    if (const int r = io_uring_register_buf_ring(&ring, &reg, 0); r < 0) {
        return fail(Fault::io, std::string("io_uring lacks provided buffer rings: ") + std::strerror(-r), -r);
    }
    io_uring_buf_ring_init(ring_);
    next_.assign(kCount, kNone);
    size_.assign(kCount, 0);
    spare_.reserve(kCount);
    for (uint16_t id = kCount; id > 0; --id) spare_.push_back(static_cast<uint16_t>(id - 1));
    offer_more();
    return {};
}

void ProvidedBuffers::offer(uint16_t id) {
    io_uring_buf_ring_add(ring_, data(id), kSize, id, io_uring_buf_ring_mask(kCount), 0);
    io_uring_buf_ring_advance(ring_, 1);
    ++on_offer_;
}

void ProvidedBuffers::offer_more() {
    while (on_offer_ < wanted_ && !spare_.empty()) {
        offer(spare_.back());
        spare_.pop_back();
    }
}

void ProvidedBuffers::taken(uint16_t id, uint32_t size) {
    size_[id] = size;
    next_[id] = kNone;
    lowest_ = std::min(lowest_, --on_offer_);
    // What has come at once, or is held, is more than half: the next burst may be twice this one.
    if (on_offer_ < wanted_ / 2) {
        wanted_ = std::min<uint16_t>(kCount, static_cast<uint16_t>(wanted_ * 2));
        offer_more();
    }
    if (++taken_ == kTakenAReview) review();
}

void ProvidedBuffers::ran_out() {
    wanted_ = kCount;
    offer_more();
}

void ProvidedBuffers::review() {
    if (wanted_ > kLeast && lowest_ > wanted_ / 4 * 3) wanted_ /= 2;
    lowest_ = on_offer_;
    taken_ = 0;
}

void ProvidedBuffers::give_back(uint16_t id) {
    if (on_offer_ < wanted_) offer(id);
    else spare_.push_back(id);
}

}  // namespace portico::io
