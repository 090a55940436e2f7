#include "config/file_text.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace portico::config {
namespace {

std::unexpected<Error> failed(int error) {
    return fail(Fault::io, std::strerror(error), error);
}

using SteadyClock = std::chrono::steady_clock;

thread_local PipePatience* patience = nullptr;
thread_local FilesRead* files_read = nullptr;

// As poll() without an end. At a start the signals that end a process are kept for a loop that does not run yet: whoever waits here can
// be ended by them all the same.
int wait_for(pollfd& p) {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    ::sigdelset(&mask, SIGINT);
    ::sigdelset(&mask, SIGTERM);
    return ::ppoll(&p, 1, nullptr, &mask);
}

// Of what may keep one waiting: whether something (its end included) has come in time.
bool has_come(int fd) {
    pollfd p{fd, POLLIN, 0};
    for (;;) {
        const auto left = PipePatience::left();
        if (left && left->count() <= 0) return false;
        const int came = left ? ::poll(&p, 1, static_cast<int>(left->count())) : wait_for(p);
        if (came >= 0 || errno != EINTR) return came > 0;
    }
}

Result<std::string> read_all(int fd) {
    struct stat s {};
    const bool waits = ::fstat(fd, &s) == 0 && (S_ISFIFO(s.st_mode) || S_ISCHR(s.st_mode) || S_ISSOCK(s.st_mode));
    constexpr size_t kStep = 64 << 10;
    std::string text;
    for (;;) {
        const size_t before = text.size();
        if (before > kMaxFileText) return failed(EFBIG);
        if (waits && !has_come(fd)) return failed(ETIMEDOUT);
        text.resize(before + kStep);
        const ssize_t n = ::read(fd, text.data() + before, kStep);
        if (n < 0 && errno != EINTR && !(waits && errno == EAGAIN)) return failed(errno);
        text.resize(before + static_cast<size_t>(n > 0 ? n : 0));
        if (n == 0) return text;
    }
}

}  // namespace

PipePatience::PipePatience(std::chrono::milliseconds part, std::chrono::milliseconds whole)
    : part_(part), end_by_(SteadyClock::now() + whole), outer_(std::exchange(patience, this)) {}

PipePatience::~PipePatience() { patience = outer_; }

std::optional<std::chrono::milliseconds> PipePatience::left() {
    if (patience == nullptr) return std::nullopt;
    return std::min(patience->part_, std::chrono::ceil<std::chrono::milliseconds>(patience->end_by_ - SteadyClock::now()));
}

FilesRead::FilesRead() : outer_(std::exchange(files_read, this)) {}

FilesRead::~FilesRead() { files_read = outer_; }

void FilesRead::note(const std::string& path, const Result<std::string>& text) {
    if (files_read == nullptr) return;
    files_read->digests_[path] = text ? std::optional(digest_of(*text)) : std::nullopt;
}

Result<std::string> read_file_text(const std::string& path) {
    // Without O_NONBLOCK a named pipe would be waited for here, until somebody writes to it.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    Result<std::string> text = fd < 0 ? failed(errno) : read_all(fd);
    if (fd >= 0) ::close(fd);
    FilesRead::note(path, text);
    return text;
}

Result<std::string> read_standard_input() { return read_all(STDIN_FILENO); }

}  // namespace portico::config
