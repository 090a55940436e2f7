// SipHash-2-4 with 128 bits of result: a hash that cannot be aimed without its key, for every table whose keys a client may
// choose. Pure.
// @spec Aumasson, Bernstein: SipHash, a fast short-input PRF; the 128-bit variant of the reference
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace portico {

struct HashKey {
    uint64_t k0 = 0;
    uint64_t k1 = 0;

    // From the system's entropy: for tables that live as long as the process, or a worker.
    static HashKey random() {
        std::random_device source;
        const auto word = [&] { return (uint64_t{source()} << 32) ^ source(); };
        return {word(), word()};
    }
    // One that is drawn when it is first asked for. Thread-safe.
    static const HashKey& of_process() {
        static const HashKey key = random();
        return key;
    }
};
struct Hash128 {
    uint64_t low = 0;
    uint64_t high = 0;
    bool operator==(const Hash128&) const = default;
};

// Fed in pieces; the pieces' borders do not matter to the result.
class KeyedHash {
  public:
    explicit KeyedHash(HashKey key)
        : v0_(key.k0 ^ 0x736f6d6570736575),
          v1_(key.k1 ^ 0x646f72616e646f83),
          v2_(key.k0 ^ 0x6c7967656e657261),
          v3_(key.k1 ^ 0x7465646279746573) {}

    void add(std::string_view bytes) {
        const char* at = bytes.data();
        size_t left = bytes.size();
        for (; left >= 8; at += 8, left -= 8) add_bytes(word_of(at, 8), 8);
        if (left > 0) add_bytes(word_of(at, left), left);
    }
    // The length first, so that ("a", "bc") and ("ab", "c") differ.
    void add_sized(std::string_view bytes) {
        const uint64_t size = bytes.size();
        add({reinterpret_cast<const char*>(&size), sizeof size});
        add(bytes);
    }
    Hash128 finish() {
        compress(tail_ | length_ << 56);
        v2_ ^= 0xee;
        for (int i = 0; i < 4; ++i) round();
        const uint64_t low = v0_ ^ v1_ ^ v2_ ^ v3_;
        v1_ ^= 0xdd;
        for (int i = 0; i < 4; ++i) round();
        return {low, v0_ ^ v1_ ^ v2_ ^ v3_};
    }

  private:
    static uint64_t word_of(const char* at, size_t size) {
        static_assert(std::endian::native == std::endian::little);
        uint64_t word = 0;
        std::memcpy(&word, at, size);
        return word;
    }
    // `size` bytes, the first one lowest. @requires 1 to 8, and nothing above them
    void add_bytes(uint64_t word, size_t size) {
        const uint64_t held = length_ % 8;
        tail_ |= word << (8 * held);
        length_ += size;
        if (held + size < 8) return;
        compress(tail_);
        tail_ = held == 0 ? 0 : word >> (8 * (8 - held));
    }
    void compress(uint64_t word) {
        v3_ ^= word;
        round();
        round();
        v0_ ^= word;
    }
    void round() {
        v0_ += v1_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v3_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v2_ = std::rotl(v2_, 32);
    }

    uint64_t v0_, v1_, v2_, v3_;
    uint64_t tail_ = 0;
    uint64_t length_ = 0;
};

// For the standard library's tables of text. Its key is the process's own unless it gets one.
struct SeededHash {
    using is_transparent = void;
    HashKey key = HashKey::of_process();
    size_t operator()(std::string_view text) const {
        KeyedHash hash(key);
        hash.add(text);
        return hash.finish().low;
    }
};

}  // namespace portico
