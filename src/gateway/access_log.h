// One JSON line an exchange: what was asked, what was done, why, and how long each part took. No header's value, no query,
// no credential and no parameter of the path that `log.redact` names is in it; every text is escaped, with every control and direction mark, and one that a client chose ends after kMostLogged bytes.
#pragma once

#include <string>

#include "gateway/exchange.h"

namespace portico::gateway {

inline constexpr size_t kMostLogged = 1024;

// Appends the line with its newline.
void write_access_line(const Exchange& x, std::string& out);

}  // namespace portico::gateway
