// Writes lines to a descriptor: each whole or not at all, and never longer than its owner wants to wait. The descriptor may be a
// file on a full disk, a pipe or a socket that nobody reads, a terminal that stands still, or shared with other processes, so
// it stays as blocking as it was. One thread's; knows nothing of whose lines they are. Layer 1.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace portico::observe {

class LineWriter {
  public:
    explicit LineWriter(int fd) { use(fd); }
    // Another descriptor from now on; the caller owns both.
    void use(int fd);
    int fd() const { return fd_; }

    // Writes lines that each end in LF. While nothing is taken, `waits` is asked every 50 ms whether to wait on.
    // @returns how many of them were lost
    size_t write(std::string_view lines, const std::function<bool()>& waits);
    // Why the last write() has lost lines, as errno; 0 where nothing was taken in time, and after one that lost none.
    int error() const { return error_; }

  private:
    enum class Kind : unsigned char { file, socket, other };
    std::string_view next_piece(std::string_view lines) const;
    ssize_t put(std::string_view piece) const;
    void take_back(size_t bytes);

    int fd_ = -1;
    Kind kind_ = Kind::other;
    int error_ = 0;
    bool torn_ = false;  // a part of a line could not be taken back: the next one begins on a line of its own
};

}  // namespace portico::observe
