#include "policy/jwt/token_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace portico::policy::jwt {
namespace {

size_t places(size_t entries) { return entries == 0 ? 0 : std::bit_ceil(entries); }

size_t size_of(const VerifiedToken& token) {
    return sizeof token + token.compact.size() + token.claims.bytes() + token.key_id.size() + (token.headers ? token.headers->bytes() : 0);
}

__extension__ using Wide = unsigned __int128;

uint64_t mix(uint64_t a, uint64_t b) {
    const Wide product = Wide{a} * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

TokenCache::TokenCache(const CacheBounds& bounds, uint64_t seed)
    : bounds_(bounds), seed_(seed | 1), slots_(places(bounds.tokens) * 2, kNone), bad_(places(bounds.bad_tokens)) {}

// The end of a token is its signature, which differs between any two good tokens. Bad ones that share it share a place.
uint64_t TokenCache::hash_of(std::string_view compact) const {
    char end[32] = {};
    const size_t size = std::min(sizeof end, compact.size());
    std::memcpy(end, compact.data() + compact.size() - size, size);
    uint64_t words[4];
    std::memcpy(words, end, sizeof words);
    const uint64_t first = mix(words[0] ^ seed_, words[1] ^ 0x9E3779B97F4A7C15);
    const uint64_t second = mix(words[2] ^ seed_, words[3] ^ 0xC2B2AE3D27D4EB4F);
    return mix(first ^ compact.size(), second ^ seed_);
}

const std::shared_ptr<const VerifiedToken>* TokenCache::find(std::string_view compact, uint64_t generation, WallTime now) {
    if (slots_.empty()) return nullptr;
    const uint64_t hash = hash_of(compact);
    for (uint32_t i = slot(hash); i != kNone; i = good_[i].next) {
        Good& entry = good_[i];
        // Wanted next, and not before the comparison is over.
        __builtin_prefetch(entry.token.get());
        if (!entry.is(hash, compact)) continue;
        if (entry.generation != generation || now >= entry.valid_until) {
            drop(i);
            return nullptr;
        }
        entry.used = true;
        return &entry.token;
    }
    return nullptr;
}

// @requires an entry that is not free
void TokenCache::drop(uint32_t index) {
    Good& entry = good_[index];
    uint32_t* at = &slot(entry.hash);
    while (*at != index) at = &good_[*at].next;
    *at = entry.next;
    bytes_ -= size_of(*entry.token);
    entry = Good{};
    entry.next = std::exchange(free_, index);
}

// @requires a token is kept
void TokenCache::drop_one() {
    for (;; ++hand_) {
        if (hand_ >= good_.size()) hand_ = 0;
        Good& entry = good_[hand_];
        if (!entry.token) continue;
        if (!std::exchange(entry.used, false)) return drop(hand_++);
    }
}

void TokenCache::keep(std::shared_ptr<const VerifiedToken> token, uint64_t generation) {
    const size_t size = size_of(*token);
    if (slots_.empty() || size > bounds_.max_bytes) return;
    const uint64_t hash = hash_of(token->compact);
    for (uint32_t i = slot(hash); i != kNone; i = good_[i].next) {
        if (!good_[i].is(hash, token->compact)) continue;
        drop(i);  // the same token in another generation must not stand twice
        break;
    }
    while (bytes_ + size > bounds_.max_bytes) drop_one();
    if (free_ == kNone && good_.size() < bounds_.tokens) {
        free_ = static_cast<uint32_t>(good_.size());
        good_.emplace_back();
    } else if (free_ == kNone) {
        drop_one();
    }
    const uint32_t index = free_;
    Good& entry = good_[index];
    free_ = entry.next;
    bytes_ += size;
    const VerifiedToken& kept = *token;
    entry = {.hash = hash,
             .generation = generation,
             .valid_until = kept.valid_until,
             .text = kept.compact.data(),
             .token = std::move(token),
             .size = static_cast<uint32_t>(kept.compact.size()),
             .next = slot(hash),
             .used = false};
    slot(hash) = index;
}

bool TokenCache::is_bad(std::string_view compact, uint64_t generation, WallTime now) const {
    if (bad_.empty()) return false;
    const uint64_t hash = hash_of(compact);
    const Bad& entry = bad_[hash & (bad_.size() - 1)];
    return entry.hash == hash && entry.generation == generation && now < entry.until && entry.compact == compact;
}

void TokenCache::keep_bad(std::string_view compact, uint64_t generation, WallTime now, Duration most) {
    if (bad_.empty() || compact.size() > bounds_.max_bad_size) return;
    const uint64_t hash = hash_of(compact);
    Bad& entry = bad_[hash & (bad_.size() - 1)];
    entry.hash = hash;
    entry.generation = generation;
    entry.until = now + std::min(bounds_.bad_for, most);
    entry.compact.assign(compact);
}

Result<std::shared_ptr<const VerifiedToken>> judge_cached(const Judge& judge, std::string_view compact, const KeySet& keys,
                                                          uint64_t generation, WallTime now, VerifierContext& context,
                                                          TokenCache& cache) {
    if (const auto* known = cache.find(compact, generation, now)) return *known;
    if (cache.is_bad(compact, generation, now)) return fail(Fault::token_signature, "found bad before");
    auto judged = judge.judge(compact, keys, now, context);
    if (judged) {
        cache.keep(*judged, generation);
    } else if (judged.error().fault == Fault::token_signature) {
        cache.keep_bad(compact, generation, now);
    }
    return judged;
}

}  // namespace portico::policy::jwt
