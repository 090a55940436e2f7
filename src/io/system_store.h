// The system's store of authorities, as OpenSSL finds it (SSL_CERT_FILE, SSL_CERT_DIR, or the places that it was built with).
#pragma once

#include <string>

namespace portico::io {

// A text that changes whenever a file of the store comes, goes or is written: by names, sizes, times and inodes, so that a load
// needs not read a few hundred files for each service. For comparing only.
std::string system_store_state();

}  // namespace portico::io
