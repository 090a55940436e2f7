// Signatures checked by OpenSSL's EVP, with contexts that are keyed once and used again: a fetch and a key setup cost more than
// an HMAC itself.
//
// A VerifierContext belongs to one worker and is not thread-safe. It keeps the keys alive that it has contexts for, a bounded
// number of them; the least lucky ones are replaced.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "policy/jwt/evp.h"
#include "policy/jwt/keys.h"

namespace portico::policy::jwt {

class VerifierContext {
  public:
    VerifierContext();

    // Whether `signature_text` (base64url) is `key`'s signature of `signed_text` by `algorithm`.
    // @requires key->algorithms().has(algorithm)
    // @errors token_signature; token_malformed where it is no canonical base64url or empty
    // @spec RFC 7518 §3.2 to §3.5 (ECDSA as r and s of full size, PSS with a salt as long as the hash), RFC 8037 §3.1
    Result<> verify(const std::shared_ptr<const Key>& key, Algorithm algorithm, std::string_view signed_text,
                    std::string_view signature_text);

  private:
    static constexpr size_t kSlots = 64;
    struct Slot {
        std::shared_ptr<const Key> key;
        Algorithm algorithm{};
        evp::MacContext mac;
        evp::PkeyContext pkey;
    };
    using Bytes = std::string_view;

    // @returns nullptr where OpenSSL refuses to set the key up
    Slot* slot_for(const std::shared_ptr<const Key>& key, Algorithm algorithm);
    bool set_up(Slot& slot) const;
    const EVP_MD* digest(Algorithm algorithm) const { return digests_[hash_bits(algorithm) / 128 - 2].get(); }
    bool check(Slot& slot, Bytes text, Bytes signature);
    static bool check_mac(Slot& slot, Bytes text, Bytes signature);
    bool check_hashed(Slot& slot, Bytes text, Bytes signature);
    bool check_ed25519(const Slot& slot, Bytes text, Bytes signature);

    evp::Mac hmac_;
    std::array<evp::Digest, 3> digests_;  // SHA-256, SHA-384, SHA-512
    evp::DigestContext hashing_;
    std::array<Slot, kSlots> slots_;
};

}  // namespace portico::policy::jwt
