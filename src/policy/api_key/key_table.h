// The known keys, by their SHA-256 alone: nothing here, nor in the configuration, could be presented as a key. Pure; immutable once
// built; any thread.
//
// Constant time by construction: what a client sends is hashed before anything looks at it, and digests are compared by
// CRYPTO_memcmp. The table's place of a digest depends on the digest, which nobody can steer towards that of a key they do not have.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace portico::policy::api_key {

struct Digest {
    std::array<uint8_t, 32> bytes{};
};
// Without `==`, so that digests are compared here only.
bool same_digest(const Digest& a, const Digest& b);

// 64 hexadecimal digits, alone or as `sha256sum` prints them: with a file's name behind. @returns none for anything else
std::optional<Digest> parse_digest(std::string_view text);
Digest sha256(std::string_view text);

class KeyTable {
  public:
    // @returns none, or the entry that has this digest already
    std::optional<uint32_t> add(const Digest& digest, uint32_t entry);
    // @returns the entry of a presented key, or none
    std::optional<uint32_t> find(std::string_view key) const;
    size_t size() const { return entries_.size(); }

  private:
    struct Hash {
        size_t operator()(const Digest& d) const;
    };
    struct Same {
        bool operator()(const Digest& a, const Digest& b) const { return same_digest(a, b); }
    };
    std::unordered_map<Digest, uint32_t, Hash, Same> entries_;
};

}  // namespace portico::policy::api_key
