// A Lua script and the digest by which a server knows it, computed once. Immutable: any thread may read it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace portico::redis {

class Value;

class Script {
  public:
    // Whether a reply can be the one to a call with these arguments. A script that repeats one of its arguments in its reply lets a
    // check tell its own reply from another call's.
    using Check = bool (*)(Value reply, std::span<const std::string_view> arguments);

    struct Words {
        std::vector<std::string> keys, arguments;
    };
    // The words by which a server is tried that has refused a call with these: they do all that it does, and count for nobody.
    using Rehearsal = Words (*)(std::span<const std::string_view> keys, std::span<const std::string_view> arguments);

    // @param check of every reply that is no error; without one any reply is taken
    // @param rehearsal with one, the script must outlive the clients that run it
    explicit Script(std::string text, Check check = nullptr, Rehearsal rehearsal = nullptr);
    Check check() const { return check_; }
    Rehearsal rehearsal() const { return rehearsal_; }
    const std::string& text() const { return text_; }
    // SHA-1 in lower case hex, as EVALSHA takes it.
    const std::string& digest() const { return digest_; }

  private:
    std::string text_;
    std::string digest_;
    Check check_;
    Rehearsal rehearsal_;
};

}  // namespace portico::redis
