// The signature algorithms of RFC 7518 §3 and RFC 8037 that can be configured, and sets of them. `none` is not among them, so
// that nothing can ever allow it. Names are compared exactly (RFC 7515 §4.1.1). Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace portico::policy::jwt {

enum class Algorithm : uint8_t { hs256, hs384, hs512, rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512, eddsa };
inline constexpr unsigned kAlgorithms = 13;
// The other name of EdDSA.
inline constexpr std::string_view kEd25519 = "Ed25519";

// "HS256" and so on. "Ed25519" (RFC 9864 §2.2) is EdDSA over that curve, the only one that is verified here: the same.
// @returns none for anything else, `none` included
std::optional<Algorithm> algorithm_named(std::string_view name);
std::string_view name_of(Algorithm algorithm);
// Bits of its hash: 256, 384 or 512.
unsigned hash_bits(Algorithm algorithm);

class AlgorithmSet {
  public:
    constexpr AlgorithmSet() = default;
    constexpr AlgorithmSet(std::initializer_list<Algorithm> all) {
        for (const Algorithm a : all) add(a);
    }
    constexpr void add(Algorithm a) { bits_ |= bit(a); }
    constexpr bool has(Algorithm a) const { return (bits_ & bit(a)) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr AlgorithmSet operator&(AlgorithmSet other) const {
        AlgorithmSet both;
        both.bits_ = bits_ & other.bits_;
        return both;
    }
    friend constexpr bool operator==(AlgorithmSet, AlgorithmSet) = default;

  private:
    static constexpr uint32_t bit(Algorithm a) { return uint32_t{1} << static_cast<unsigned>(a); }
    uint32_t bits_ = 0;
};

inline constexpr AlgorithmSet kHmacAlgorithms{Algorithm::hs256, Algorithm::hs384, Algorithm::hs512};
inline constexpr AlgorithmSet kRsaAlgorithms{Algorithm::rs256, Algorithm::rs384, Algorithm::rs512,
                                             Algorithm::ps256, Algorithm::ps384, Algorithm::ps512};

}  // namespace portico::policy::jwt
