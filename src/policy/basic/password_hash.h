// Hashes of passwords: bcrypt ($2a$, $2b$, $2y$) and Argon2 ($argon2id$, $argon2i$), made to cost time. verify() takes tens of
// milliseconds: never on a worker's thread (hashing_pool.h). Pure; immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portico::policy::basic {

class PasswordHash {
  public:
    // @returns none for a hash that this gateway does not take; `fault` says why, without showing it
    static std::optional<PasswordHash> parse(std::string_view text, std::string& fault);
    // @requires the password holds no NUL
    bool verify(const std::string& password) const;

  private:
    enum class Scheme : uint8_t { bcrypt, argon2id, argon2i };
    PasswordHash(Scheme scheme, std::string_view text) : scheme_(scheme), text_(text) {}

    Scheme scheme_;
    std::string text_;
};

}  // namespace portico::policy::basic
