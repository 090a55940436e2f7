#include "policy/basic/verified_cache.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstring>
#include <string>

#include "base/check.h"

namespace portico::policy::basic {

bool same_fingerprint(const Fingerprint& a, const Fingerprint& b) { return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0; }

size_t FingerprintHash::operator()(const Fingerprint& f) const {
    size_t first = 0;
    std::memcpy(&first, f.bytes.data(), sizeof first);
    return first;
}

Fingerprinter::Fingerprinter() { PORTICO_CHECK(RAND_bytes(key_.data(), static_cast<int>(key_.size())) == 1); }
Fingerprinter::~Fingerprinter() { OPENSSL_cleanse(key_.data(), key_.size()); }

Fingerprint Fingerprinter::of(std::string_view user, std::string_view password) const {
    std::string text = std::to_string(user.size()) + ":";
    text.append(user).append(password);
    Fingerprint f;
    PORTICO_CHECK(HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                       f.bytes.data(), nullptr) != nullptr);
    OPENSSL_cleanse(text.data(), text.size());
    return f;
}

bool VerifiedCache::contains(const Fingerprint& f, Time now) const {
    const auto found = until_.find(f);
    return found != until_.end() && now < found->second;
}

void VerifiedCache::add(const Fingerprint& f, Time now) {
    const auto [at, fresh] = until_.insert_or_assign(f, now + lifetime_);
    if (!fresh) return;
    oldest_first_.push_back(f);
    if (oldest_first_.size() <= most_) return;
    until_.erase(oldest_first_.front());
    oldest_first_.pop_front();
}

}  // namespace portico::policy::basic
