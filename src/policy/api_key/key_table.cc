#include "policy/api_key/key_table.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstring>
#include <memory>

#include "base/check.h"
#include "base/text.h"

namespace portico::policy::api_key {
namespace {

// Longer ones are no keys, and would cost their hashing.
constexpr size_t kLongestKey = 4096;

struct FreeContext {
    void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};

}  // namespace

bool same_digest(const Digest& a, const Digest& b) { return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0; }

std::optional<Digest> parse_digest(std::string_view text) {
    Digest digest;
    const size_t hex = digest.bytes.size() * 2;
    if (text.size() < hex || (text.size() > hex && text[hex] != ' ' && text[hex] != '\n')) return std::nullopt;
    for (size_t i = 0; i < digest.bytes.size(); ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        digest.bytes[i] = static_cast<uint8_t>(high * 16 + low);
    }
    return digest;
}

Digest sha256(std::string_view text) {
    // Fetching the algorithm and making a context cost more than hashing a key: kept by the process and by each thread.
    static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    Digest digest;
    PORTICO_CHECK(algorithm != nullptr && context != nullptr);
    PORTICO_CHECK(EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
    PORTICO_CHECK(EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1);
    PORTICO_CHECK(EVP_DigestFinal_ex(context.get(), digest.bytes.data(), nullptr) == 1);
    return digest;
}

size_t KeyTable::Hash::operator()(const Digest& d) const {
    size_t first = 0;
    std::memcpy(&first, d.bytes.data(), sizeof first);
    return first;
}

std::optional<uint32_t> KeyTable::add(const Digest& digest, uint32_t entry) {
    const auto [at, fresh] = entries_.try_emplace(digest, entry);
    return fresh ? std::nullopt : std::optional(at->second);
}

std::optional<uint32_t> KeyTable::find(std::string_view key) const {
    if (key.empty() || key.size() > kLongestKey) return std::nullopt;
    const auto found = entries_.find(sha256(key));
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace portico::policy::api_key
