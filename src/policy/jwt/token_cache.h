// Tokens that were judged not long ago: a verified one is found again in the time of a look-up, and one whose signature was
// bad costs no second verification. Both kinds are found by a seeded hash and compared byte by byte, so that nobody can make
// one token be taken for another.
//
// A cache belongs to one worker and one set of rules; it is not thread-safe. Its memory is bounded, by numbers and by bytes.
// An entry ends with its token, with its generation (which the owner moves on whenever keys or rules change), or when another
// takes its place, where there are too many or too many bytes: one that was not used since the last round over all of them
// (second chance). As long as the bounds are not reached, every token is found again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "policy/jwt/judge.h"

namespace portico::policy::jwt {

struct CacheBounds {
    size_t tokens = 4096;                 // verified ones; 0: none are kept
    size_t max_bytes = size_t{16} << 20;  // that the verified ones hold together
    size_t bad_tokens = 256;              // 0: none are kept
    size_t max_bad_size = 4096;           // bytes; longer bad tokens are not kept
    Duration bad_for = std::chrono::seconds(30);
};

class TokenCache {
  public:
    // `seed` is random and secret.
    TokenCache(const CacheBounds& bounds, uint64_t seed);

    // @returns the token if it was kept in this generation and is still valid, else nullptr
    const std::shared_ptr<const VerifiedToken>* find(std::string_view compact, uint64_t generation, WallTime now);
    void keep(std::shared_ptr<const VerifiedToken> token, uint64_t generation);

    // Whether its signature was found bad in this generation, not long ago.
    bool is_bad(std::string_view compact, uint64_t generation, WallTime now) const;
    // @param most  not longer than that, where its issuer may have new keys by then
    void keep_bad(std::string_view compact, uint64_t generation, WallTime now, Duration most = kForever);

  private:
    static constexpr uint32_t kNone = UINT32_MAX;
    // One line of the processor's cache: with many clients a look-up finds little there, and would wait for each further one.
    struct alignas(64) Good {
        uint64_t hash = 0;
        uint64_t generation = 0;
        WallTime valid_until{};
        const char* text = nullptr;                  // of the token, where it stands in it
        std::shared_ptr<const VerifiedToken> token;  // none: the entry is free
        uint32_t size = 0;                           // of the text
        uint32_t next = kNone;                       // of the same slot, or of the free ones
        bool used = false;                           // since the hand passed

        bool is(uint64_t h, std::string_view compact) const { return hash == h && std::string_view(text, size) == compact; }
    };
    struct Bad {
        uint64_t hash = 0;
        uint64_t generation = 0;
        WallTime until{};
        std::string compact;
    };
    uint64_t hash_of(std::string_view compact) const;
    uint32_t& slot(uint64_t hash) { return slots_[hash & (slots_.size() - 1)]; }
    void drop(uint32_t index);
    void drop_one();

    CacheBounds bounds_;
    uint64_t seed_;
    size_t bytes_ = 0;  // of the verified tokens
    std::vector<uint32_t> slots_;  // the first entry of each chain; a power of two
    std::vector<Good> good_;       // grows up to the bound
    uint32_t free_ = kNone;
    uint32_t hand_ = 0;  // whose turn it is to go
    std::vector<Bad> bad_;
};

// judge() with the cache before and behind it.
Result<std::shared_ptr<const VerifiedToken>> judge_cached(const Judge& judge, std::string_view compact, const KeySet& keys,
                                                          uint64_t generation, WallTime now, VerifierContext& context,
                                                          TokenCache& cache);

}  // namespace portico::policy::jwt
