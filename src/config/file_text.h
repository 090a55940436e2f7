// A whole file as text: the configuration, and the secrets that it names. Errors are values; nothing throws, whatever the path turns
// out to be. Control thread only, since reading waits.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace portico::config {

// How long each part of a pipe is waited for, and the whole of it: one that nobody writes to, or into which somebody drips, must not
// hold a running gateway's control thread.
inline constexpr std::chrono::milliseconds kPipeWait{1000};
inline constexpr std::chrono::milliseconds kWholePipeWait{3000};

// A configuration of a million routes stays below it; /dev/zero does not.
inline constexpr size_t kMaxFileText = 256 << 20;

// The whole content of a file.
// @errors io, with errno in `system` and its text as context: EISDIR for a directory, EFBIG beyond kMaxFileText,
// ETIMEDOUT where nothing comes out of a pipe within kPipeWait, or not its end within kWholePipeWait
Result<std::string> read_file_text(const std::string& path);

}  // namespace portico::config
