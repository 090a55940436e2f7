// Keys from the texts in which they come: PEM, a JWK or a JWKS (RFC 7517). Pure; used at load and when an issuer's keys arrive.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/document.h"
#include "policy/jwt/keys.h"

namespace portico::policy::jwt {

// A PEM text whose blocks stand in lines, as readers of PEM want them. Blocks come in one line, with or without spaces, and with the
// two characters \n in place of an end of line, from environments and from JSON. Anything else stays as it is.
std::string pem_in_lines(std::string_view text);

// The public keys and certificates of a PEM text, at most 16. A certificate gives its key and nothing else: who issued it
// and how long it is valid is the business of whoever put it into the configuration. A private key is an error.
Readable<std::vector<std::shared_ptr<const Key>>> keys_from_pem(std::string_view text);

// `published`: fetched from an issuer. What everyone may fetch is no secret: `oct` keys of such a set are never used.
enum class KeyOrigin : uint8_t { configured, published };

struct KeySetBounds {
    size_t max_size = size_t{256} << 10;  // bytes of text
    size_t max_keys = 100;
    bool may_be_empty = false;  // a list without any usable key is a set too: its issuer has no other
};

// A set of keys, or one key alone. Keys of an unknown type, curve, algorithm or purpose are passed over, and so is every bad one: an
// issuer may add what others understand. The set says which and why. `use`, `key_ops` and `alg` are obeyed; private members are not
// read. A byte order mark is passed over; a member that is `null` counts as one that is not there, and numbers may be padded, as some
// libraries write them.
// Of keys that share a `kid` and an algorithm none is used unless they are the same, since no token says which it means; a bad
// one takes those of its `kid` with it.
// @errors text that is no set of keys; a configured set that mixes secrets with public keys; a set without any usable key, unless it
// may be empty
Readable<KeySet> keys_from_json(std::string_view text, KeyOrigin origin, const KeySetBounds& bounds = {});

// The same, or PEM: a file of public keys as operators have it.
Readable<KeySet> keys_from_text(std::string_view text);

}  // namespace portico::policy::jwt
