// What the fields of a head say about its body, collected while they are read and judged once (RFC 9112 §6, RFC 9110
// §8.6). Whatever two readers might take in two ways is refused.
#pragma once

#include <optional>
#include <string_view>

#include "http/message.h"

namespace portico::http::h1 {

class FramingFields {
  public:
    void see(const Field& field);
    // @returns the length that the fields declare, Framing::none where they declare none; nothing where they are
    // refused: a Content-Length that is repeated or not a plain number, a Transfer-Encoding that is not exactly
    // `chunked` or stands in HTTP/1.0, both, or the name of either spelt with an underscore (which CGI-like servers
    // read as the real one)
    std::optional<BodyLength> judge(Version version) const;

  private:
    std::string_view length_, coding_;
    uint32_t lengths_ = 0, codings_ = 0;
    bool disguised_ = false;
};

// RFC 9112 §9.3. A body that ends with the connection is its own reason to close.
inline bool stays_open(Version version, const ConnectionOptions& connection) {
    return !connection.close && (version != Version::http10 || connection.keep_alive);
}

}  // namespace portico::http::h1
