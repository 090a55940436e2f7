#include "policy/jwt/algorithm.h"

#include <array>

namespace portico::policy::jwt {
namespace {

constexpr std::array<std::string_view, kAlgorithms> kNames = {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256",
                                                              "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"};

}  // namespace

std::optional<Algorithm> algorithm_named(std::string_view name) {
    if (name == kEd25519) return Algorithm::eddsa;
    for (unsigned i = 0; i < kAlgorithms; ++i) {
        if (kNames[i] == name) return static_cast<Algorithm>(i);
    }
    return std::nullopt;
}

std::string_view name_of(Algorithm algorithm) {
    return kNames[static_cast<unsigned>(algorithm)];
}

unsigned hash_bits(Algorithm algorithm) {
    if (algorithm == Algorithm::eddsa) return 512;
    constexpr std::array<unsigned, 3> kBits = {256, 384, 512};
    return kBits[static_cast<unsigned>(algorithm) % 3];
}

}  // namespace portico::policy::jwt
