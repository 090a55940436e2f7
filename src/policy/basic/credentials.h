// What an Authorization field of the Basic scheme holds (RFC 7617). Pure: bytes in, views out. A reader of hostile bytes.
#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"

namespace portico::policy::basic {

struct Credentials {
    std::string_view user;
    std::string_view password;
};

// Whether a field's value is of the Basic scheme: of another one it is another policy's.
bool is_basic(std::string_view value);

// User and password of a value of the Basic scheme, decoded into the arena. The base64 is read strictly (RFC 4648 §4: padded, nothing
// else in it), so that there is one spelling of each. @returns none for one that is malformed, without a colon or a user, with a control
// character, or longer than 2 KiB
std::optional<Credentials> read_credentials(std::string_view value, Arena& arena);

}  // namespace portico::policy::basic
