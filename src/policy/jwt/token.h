// A compact JWS (RFC 7515 §7.1) taken apart under bounds. Nothing in it is believed yet: it only says what it claims to be.
// Pure; a Token points into the text that it was made from.
//
// Refused here, before a key is looked for: anything but two dots (five parts are an encrypted token), JSON serialisations,
// spellings of base64url that are not canonical, headers that are no JSON object or hold a name twice, `alg` that is no
// string, `crit` (no extension is understood, RFC 7515 §4.1.11), `b64` other than true (RFC 7797), `cty` JWT (nested tokens),
// a `typ` that names another kind of token (RFC 8725 §3.11). `jwk`, `jku`, `x5u` and `x5c` bring or name a key. RFC 7515 §4.1
// makes them optional and some issuers write them into every token: they are ignored, whatever they hold, and nothing ever
// follows them or uses a key of theirs (CVE-2018-0114).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace portico::policy::jwt {

// Whether the parts of a token may be padded, as some issuers write them against RFC 7515 §2 (the tokens of AWS's load balancers). The
// signature covers them as they stand.
enum class Padding : uint8_t { refuse, allow };

struct TokenBounds {
    size_t max_size = size_t{16} << 10;  // bytes of the whole token, and so of its parts: a header with `x5c` holds certificates
    size_t max_key_id = 256;             // bytes of `kid`
    Padding padding = Padding::refuse;
    // Kinds of token taken, in lower case and without "application/"; a token without `typ` is always taken.
    std::vector<std::string> types = {"jwt", "at+jwt"};
};

// The parts of the header that matter.
struct Header {
    std::string algorithm;
    std::string key_id;
    bool has_key_id = false;
};

struct Token {
    Header header;
    std::string_view compact;      // the whole
    std::string_view signed_text;  // what the signature covers: header and payload as they stand, with their dot
    std::string_view payload_text;  // this one and those below without padding
    std::string_view signature_text;
    std::string_view header_text;
};

// @errors token_malformed
Result<Token> take_apart(std::string_view compact, const TokenBounds& bounds);

}  // namespace portico::policy::jwt
