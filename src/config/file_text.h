// A whole file as text: the configuration, and the secrets that it names. Errors are values; nothing throws, whatever the path turns
// out to be. Control thread only, since reading waits.
#pragma once

#include <string>

#include "base/result.h"

namespace portico::config {

// A configuration of a million routes stays below it; /dev/zero does not.
inline constexpr size_t kMaxFileText = 256 << 20;

// The whole content of a file.
// @errors io, with errno in `system` and its text as context: EISDIR for a directory, EFBIG beyond kMaxFileText
Result<std::string> read_file_text(const std::string& path);

}  // namespace portico::config
