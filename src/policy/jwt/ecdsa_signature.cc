#include "policy/jwt/ecdsa_signature.h"

#include <openssl/ecdsa.h>

#include <cstring>

#include "policy/jwt/evp.h"

namespace portico::policy::jwt {
namespace {

using Signature = evp::Handle<ECDSA_SIG, ECDSA_SIG_free>;

constexpr uint8_t kInteger = 0x02;
constexpr uint8_t kSequence = 0x30;

// The shortest two's complement of a positive number. @returns bytes written, 0 for zero
size_t put_integer(std::string_view number, uint8_t* out) {
    while (!number.empty() && number.front() == '\0') number.remove_prefix(1);
    if (number.empty()) return 0;
    const bool sign_byte = static_cast<uint8_t>(number.front()) >= 0x80;
    const size_t size = number.size() + (sign_byte ? 1 : 0);
    *out++ = kInteger;
    *out++ = static_cast<uint8_t>(size);
    if (sign_byte) *out++ = 0;
    std::memcpy(out, number.data(), number.size());
    return 2 + size;
}

}  // namespace

size_t ecdsa_der_from_halves(std::string_view halves, size_t half_size, std::span<uint8_t, kMaxEcdsaDer> der) {
    if (halves.size() != 2 * half_size || half_size > 66) return 0;
    uint8_t body[kMaxEcdsaDer];
    const size_t first = put_integer(halves.substr(0, half_size), body);
    const size_t second = first == 0 ? 0 : put_integer(halves.substr(half_size), body + first);
    if (second == 0) return 0;
    const size_t size = first + second;
    size_t at = 0;
    der[at++] = kSequence;
    if (size >= 0x80) der[at++] = 0x81;
    der[at++] = static_cast<uint8_t>(size);
    std::memcpy(der.data() + at, body, size);
    return at + size;
}

std::string ecdsa_halves_from_der(std::string_view der, size_t half_size) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    if (!signature) return {};
    std::string halves(2 * half_size, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(halves.data());
    const int size = static_cast<int>(half_size);
    if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, size) != size ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + half_size, size) != size) {
        return {};
    }
    return halves;
}

}  // namespace portico::policy::jwt
