// The text of a password file: one `user:hash` a line, `#` begins a comment. Pure. At load.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/basic/password_hash.h"

namespace portico::policy::basic {

struct User {
    std::string name;
    PasswordHash hash;
};

struct HtpasswdFault {
    size_t line = 0;  // from 1
    std::string what;
};

// @param faults one for each line that is wrong; none of them shows a hash
std::vector<User> read_htpasswd(std::string_view text, std::vector<HtpasswdFault>& faults);

}  // namespace portico::policy::basic
