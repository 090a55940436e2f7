#include "observe/line_writer.h"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace portico::observe {

void LineWriter::use(int fd) {
    struct stat s {};
    const mode_t mode = ::fstat(fd, &s) == 0 ? s.st_mode : 0;
    fd_ = fd;
    kind_ = S_ISREG(mode) ? Kind::file : S_ISSOCK(mode) ? Kind::socket : Kind::other;
    torn_ = false;
}

// A file takes all at once. Of anything else poll() promises no more than PIPE_BUF bytes, which a pipe takes whole or not at all
// (pipe(7)): as many lines as fit. Only a line longer than that goes in several pieces.
std::string_view LineWriter::next_piece(std::string_view lines) const {
    if (kind_ == Kind::file || lines.size() <= PIPE_BUF) return lines;
    const size_t whole = lines.rfind('\n', PIPE_BUF - 1);
    return lines.substr(0, whole == std::string_view::npos ? PIPE_BUF : whole + 1);
}

ssize_t LineWriter::put(std::string_view piece) const {
    if (kind_ == Kind::socket) return ::send(fd_, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return ::write(fd_, piece.data(), piece.size());
}

size_t LineWriter::write(std::string_view lines, const std::function<bool()>& waits) {
    error_ = 0;
    size_t begun = 0;  // bytes of the line at hand that are out
    while (!lines.empty()) {
        pollfd p{fd_, POLLOUT, 0};
        if (::poll(&p, 1, 50) == 0) {
            if (waits()) continue;
            break;
        }
        if (torn_) {
            if (put("\n") != 1) {
                error_ = errno;
                break;
            }
            torn_ = false;
        }
        const std::string_view piece = next_piece(lines);
        const ssize_t n = put(piece);
        if (n > 0) {
            const std::string_view out = lines.substr(0, static_cast<size_t>(n));
            const size_t last = out.rfind('\n');
            begun = last == std::string_view::npos ? begun + out.size() : out.size() - last - 1;
            lines.remove_prefix(out.size());
        } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
            error_ = errno;
            break;  // a closed pipe or a full disk: these lines are lost, the process is not
        }
    }
    if (begun > 0 && !lines.empty()) take_back(begun);
    return static_cast<size_t>(std::ranges::count(lines, '\n'));
}

// Removes the beginning of a line from the end of a file. What somebody else has written behind it stays.
void LineWriter::take_back(size_t bytes) {
    if (kind_ != Kind::file) return;  // its reader is gone, or the process ends
    struct stat s {};
    const off_t end = ::lseek(fd_, 0, SEEK_CUR);
    const off_t begin = end - static_cast<off_t>(bytes);
    torn_ = ::fstat(fd_, &s) != 0 || s.st_size != end || ::ftruncate(fd_, begin) != 0;
    if (!torn_) ::lseek(fd_, begin, SEEK_SET);
}

}  // namespace portico::observe
