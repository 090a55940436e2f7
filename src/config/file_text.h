// A whole file as text: the configuration, and the secrets that it names. Errors are values; nothing throws, whatever the path turns
// out to be. Control thread only, since reading waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/keyed_hash.h"
#include "base/result.h"

namespace portico::config {

// While one lives, the pipes that are read are waited for in bounded time: `part` for each next part, `whole` for all of them together
// from when it was made. One that nobody writes to, or into which somebody drips, must not hold a running gateway's control thread; at
// a start, and for whoever checks a file, a pipe may take its time (`-c <(decrypt portico.yaml)`).
class PipePatience {
  public:
    explicit PipePatience(std::chrono::milliseconds part = std::chrono::seconds(1), std::chrono::milliseconds whole = std::chrono::seconds(3));
    ~PipePatience();
    PipePatience(const PipePatience&) = delete;

    // How long the next part may take from now on. Nothing where it may take any time.
    static std::optional<std::chrono::milliseconds> left();

  private:
    std::chrono::milliseconds part_;
    std::chrono::steady_clock::time_point end_by_;
    PipePatience* outer_;
};

// While one lives, it notes which files this thread reads by read_file_text, and what was in them: for whoever watches them afterwards.
class FilesRead {
  public:
    // By path: what tells one content from another, or nothing for a file that could not be read.
    using Digests = std::map<std::string, std::optional<uint64_t>>;

    FilesRead();
    ~FilesRead();
    FilesRead(const FilesRead&) = delete;
    const Digests& digests() const { return digests_; }
    static uint64_t digest_of(std::string_view content) { return SeededHash()(content); }

  private:
    friend Result<std::string> read_file_text(const std::string& path);
    static void note(const std::string& path, const Result<std::string>& text);

    Digests digests_;
    FilesRead* outer_;
};

// A configuration of a million routes stays below it; /dev/zero does not.
inline constexpr size_t kMaxFileText = 256 << 20;

// The whole content of a file.
// @errors io, with errno in `system` and its text as context: EISDIR for a directory, EFBIG beyond kMaxFileText,
// ETIMEDOUT where a pipe took longer than the PipePatience of this thread
Result<std::string> read_file_text(const std::string& path);
// The same of standard input, to its end; a terminal may take its time.
Result<std::string> read_standard_input();

}  // namespace portico::config
