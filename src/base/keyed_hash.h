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
        size_t i = 0;
        for (; i < bytes.size() && length_ % 8 != 0; ++i) add_byte(bytes[i]);
        for (; bytes.size() - i >= 8; i += 8, length_ += 8) {
            uint64_t word;
            std::memcpy(&word, bytes.data() + i, 8);
            static_assert(std::endian::native == std::endian::little);
            compress(word);
        }
        for (; i < bytes.size(); ++i) add_byte(bytes[i]);
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
    void add_byte(char c) {
        tail_ |= static_cast<uint64_t>(static_cast<unsigned char>(c)) << (8 * (length_ % 8));
        if (++length_ % 8 == 0) {
            compress(tail_);
            tail_ = 0;
        }
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

// For the standard library's tables of text.
struct SeededHash {
    using is_transparent = void;
    HashKey key;
    size_t operator()(std::string_view text) const {
        KeyedHash hash(key);
        hash.add(text);
        return hash.finish().low;
    }
};

}  // namespace portico
