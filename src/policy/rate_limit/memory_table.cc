#include "policy/rate_limit/memory_table.h"

#include <algorithm>
#include <bit>

#include "policy/rate_limit/memory_stripe.h"

namespace portico::policy::rate_limit {
namespace {

constexpr size_t kMaxStripes = 256;
// So many keys a stripe that their uneven spread wastes little of the bound.
constexpr size_t kKeysAStripe = 64;

}  // namespace

MemoryTable::MemoryTable(MemoryBounds bounds, HashKey seed) : seed_(seed), max_bytes_(bounds.bytes) {
    const size_t keys = std::max<size_t>(bounds.keys, 1);
    const size_t count = std::clamp<size_t>(std::bit_floor(std::max<size_t>(keys / kKeysAStripe, 1)), 1, kMaxStripes);
    for (size_t i = 0; i < count; ++i)
        stripes_.push_back(std::make_unique<MemoryStripe>(keys / count, max_bytes_, bytes_));
}

MemoryTable::~MemoryTable() = default;

Decision MemoryTable::charge(const Limit& limit, std::string_view client, uint64_t cost, Micros now) {
    KeyedHash hash(seed_);
    hash.add_sized(limit.name);
    hash.add(client);
    const Hash128 key = hash.finish();
    return stripes_[key.low & (stripes_.size() - 1)]->charge(limit, key, cost, now.count());
}

size_t MemoryTable::keys() const {
    size_t sum = 0;
    for (const auto& s : stripes_) sum += s->keys();
    return sum;
}

size_t MemoryTable::bytes() const {
    return static_cast<size_t>(std::max<int64_t>(bytes_.load(std::memory_order_relaxed), 0));
}

uint64_t MemoryTable::evictions() const {
    uint64_t sum = 0;
    for (const auto& s : stripes_) sum += s->evictions();
    return sum;
}

}  // namespace portico::policy::rate_limit
