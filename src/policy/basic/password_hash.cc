#include "policy/basic/password_hash.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace portico::policy::basic {
namespace {

// What one verification may cost: above these a handful of requests would hold the pool for minutes, or the machine's memory.
constexpr int kMostBcryptCost = 16;
constexpr uint32_t kMostArgonKib = 1u << 20;
constexpr uint32_t kMostArgonPasses = 64;
constexpr uint32_t kMostArgonLanes = 16;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool all(std::string_view text, std::string_view and_these) {
    return std::ranges::all_of(text, [&](char c) { return is_alphanumeric(c) || and_these.find(c) != std::string_view::npos; });
}

// "$2y$10$" and 53 characters of salt and hash.
std::string bcrypt_fault(std::string_view text) {
    constexpr size_t kSize = 60;
    const auto cost = text.size() == kSize ? parse_decimal<int>(text.substr(4, 2)) : std::nullopt;
    if (!cost || text[6] != '$' || !all(text.substr(7), "./")) return "this bcrypt hash is not whole";
    if (*cost < 4 || *cost > 31) return "a bcrypt cost is 4 to 31";
    if (*cost > kMostBcryptCost) return "a bcrypt cost above " + std::to_string(kMostBcryptCost) + " takes longer than a request may wait";
    return {};
}

// "v=19$m=65536,t=3,p=4$SALT$HASH", behind the scheme.
std::string argon_fault(std::string_view text) {
    constexpr std::string_view kBroken = "this Argon2 hash is not whole";
    constexpr std::string_view kVersion = "v=19$";
    if (!text.starts_with(kVersion)) return std::string(kBroken) + ", or not of version 1.3";
    text.remove_prefix(kVersion.size());
    const size_t first = text.find('$');
    const size_t second = first == std::string_view::npos ? first : text.find('$', first + 1);
    if (second == std::string_view::npos) return std::string(kBroken);
    std::optional<uint32_t> cost[3];
    size_t i = 0;
    for_each_element(text.substr(0, first), [&](std::string_view part) {
        constexpr std::string_view kNames[] = {"m=", "t=", "p="};
        if (i < 3 && part.starts_with(kNames[i])) cost[i] = parse_decimal<uint32_t>(part.substr(2));
        ++i;
    });
    if (i != 3 || !cost[0] || !cost[1] || !cost[2]) return std::string(kBroken);
    const std::string_view salt = text.substr(first + 1, second - first - 1);
    const std::string_view hash = text.substr(second + 1);
    if (salt.size() < 11 || salt.size() > 86 || hash.size() < 16 || hash.size() > 171 || !all(salt, "+/") || !all(hash, "+/")) return std::string(kBroken);
    if (*cost[1] < 1 || *cost[2] < 1 || *cost[0] < 8 * *cost[2]) return "the costs of this Argon2 hash cannot be";
    if (*cost[0] > kMostArgonKib || *cost[1] > kMostArgonPasses || *cost[2] > kMostArgonLanes) {
        return "an Argon2 hash may cost at most m=1048576 (1 GiB), t=64, p=16";
    }
    return {};
}

std::string refused_scheme(std::string_view text) {
    constexpr std::string_view kAdvice = ": make it with htpasswd -B (bcrypt), or with argon2 -id";
    std::string_view why = "this is no hash of a kind that is known here; a password in clear is never taken";
    if (text.starts_with("$apr1$") || text.starts_with("$1$")) why = "MD5 hashes are guessed by the billion a second";
    else if (text.starts_with("{SHA}") || text.starts_with("{SSHA}")) why = "SHA-1 hashes are guessed by the billion a second";
    else if (text.starts_with("$5$") || text.starts_with("$6$")) why = "SHA-crypt hashes are not taken";
    else if (text.starts_with("$2x$")) why = "$2x$ marks hashes of a faulty implementation";
    else if (text.starts_with("$argon2d$")) why = "Argon2d is not meant for passwords";
    else if (text.starts_with("$y$") || text.starts_with("$7$")) why = "yescrypt and scrypt hashes are not taken";
    return std::string(why).append(kAdvice);
}

}  // namespace

std::optional<PasswordHash> PasswordHash::parse(std::string_view text, std::string& fault) {
    constexpr std::string_view kArgon2id = "$argon2id$", kArgon2i = "$argon2i$";
    if (text.starts_with("$2a$") || text.starts_with("$2b$") || text.starts_with("$2y$")) {
        fault = bcrypt_fault(text);
        if (fault.empty()) return PasswordHash(Scheme::bcrypt, text);
    } else if (text.starts_with(kArgon2id)) {
        fault = argon_fault(text.substr(kArgon2id.size()));
        if (fault.empty()) return PasswordHash(Scheme::argon2id, text);
    } else if (text.starts_with(kArgon2i)) {
        fault = argon_fault(text.substr(kArgon2i.size()));
        if (fault.empty()) return PasswordHash(Scheme::argon2i, text);
    } else {
        fault = refused_scheme(text);
    }
    return std::nullopt;
}

bool PasswordHash::verify(const std::string& password) const {
    switch (scheme_) {
        case Scheme::argon2id: return argon2id_verify(text_.c_str(), password.data(), password.size()) == ARGON2_OK;
        case Scheme::argon2i: return argon2i_verify(text_.c_str(), password.data(), password.size()) == ARGON2_OK;
        case Scheme::bcrypt: break;
    }
    const auto room = std::make_unique<crypt_data>();  // 32 KiB
    const char* made = crypt_r(password.c_str(), text_.c_str(), room.get());
    const bool same = made != nullptr && std::strlen(made) == text_.size() && CRYPTO_memcmp(made, text_.data(), text_.size()) == 0;
    OPENSSL_cleanse(room.get(), sizeof *room);
    return same;
}

}  // namespace portico::policy::basic
