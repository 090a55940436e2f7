// ECDSA signatures in their two spellings: r and s side by side at full size, as JOSE has them (RFC 7518 §3.4), and the DER
// sequence that OpenSSL has. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace portico::policy::jwt {

// A sequence of two integers of 66 bytes and a sign byte each.
inline constexpr size_t kMaxEcdsaDer = 3 + 2 * (2 + 1 + 66);

// @returns bytes written to `der`; 0 where `halves` is not twice `half_size` long, or a half is zero (CVE-2022-21449)
size_t ecdsa_der_from_halves(std::string_view halves, size_t half_size, std::span<uint8_t, kMaxEcdsaDer> der);
// Of a signature that we made ourselves. @returns empty where it is none
std::string ecdsa_halves_from_der(std::string_view der, size_t half_size);

}  // namespace portico::policy::jwt
