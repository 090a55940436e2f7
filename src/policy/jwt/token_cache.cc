#include "policy/jwt/token_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace portico::policy::jwt {
namespace {

size_t places(size_t entries, size_t ways) {
    return entries == 0 ? 0 : std::max(ways, std::bit_ceil(entries));
}

size_t size_of(const VerifiedToken& token) {
    return sizeof token + token.compact.size() + token.claims.bytes() + token.key_id.size();
}

__extension__ using Wide = unsigned __int128;

uint64_t mix(uint64_t a, uint64_t b) {
    const Wide product = Wide{a} * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

TokenCache::TokenCache(const CacheBounds& bounds, uint64_t seed)
    : bounds_(bounds), seed_(seed | 1), good_(places(bounds.tokens, kWays)), bad_(places(bounds.bad_tokens, 1)) {}

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
    if (good_.empty()) return nullptr;
    const uint64_t hash = hash_of(compact);
    Good* const way = &good_[(hash & (good_.size() - 1)) & ~(kWays - 1)];
    for (Good* entry = way; entry != way + kWays; ++entry) {
        if (entry->hash != hash || !entry->token || entry->token->compact != compact) continue;
        if (entry->generation != generation || now >= entry->token->valid_until) {
            drop(*entry);
            return nullptr;
        }
        entry->used = ++tick_;
        return &entry->token;
    }
    return nullptr;
}

void TokenCache::drop(Good& entry) {
    if (entry.token) bytes_ -= size_of(*entry.token);
    entry = Good{};
}

void TokenCache::keep(std::shared_ptr<const VerifiedToken> token, uint64_t generation) {
    if (good_.empty()) return;
    const uint64_t hash = hash_of(token->compact);
    Good* const way = &good_[(hash & (good_.size() - 1)) & ~(kWays - 1)];
    Good* place = nullptr;
    for (Good* entry = way; entry != way + kWays; ++entry) {
        // The same token in another generation must not stand twice.
        if (entry->hash == hash && entry->token && entry->token->compact == token->compact) {
            place = entry;
            break;
        }
        if (place == nullptr || entry->used < place->used) place = entry;
    }
    drop(*place);
    for (const size_t size = size_of(*token); bytes_ + size > bounds_.max_bytes;) {
        if (bytes_ == 0) return;
        drop(good_[hand_++ % good_.size()]);
    }
    bytes_ += size_of(*token);
    *place = Good{hash, generation, ++tick_, std::move(token)};
}

bool TokenCache::is_bad(std::string_view compact, uint64_t generation, WallTime now) const {
    if (bad_.empty()) return false;
    const uint64_t hash = hash_of(compact);
    const Bad& entry = bad_[hash & (bad_.size() - 1)];
    return entry.hash == hash && entry.generation == generation && now < entry.until && entry.compact == compact;
}

void TokenCache::keep_bad(std::string_view compact, uint64_t generation, WallTime now) {
    if (bad_.empty() || compact.size() > bounds_.max_bad_size) return;
    const uint64_t hash = hash_of(compact);
    Bad& entry = bad_[hash & (bad_.size() - 1)];
    entry.hash = hash;
    entry.generation = generation;
    entry.until = now + bounds_.bad_for;
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
