// A Lua script and the digest by which a server knows it, computed once. Immutable: any thread may read it.
#pragma once

#include <string>
#include <string_view>

namespace portico::redis {

class Script {
  public:
    explicit Script(std::string text);
    const std::string& text() const { return text_; }
    // SHA-1 in lower case hex, as EVALSHA takes it.
    const std::string& digest() const { return digest_; }

  private:
    std::string text_;
    std::string digest_;
};

}  // namespace portico::redis
