#include "config/file_text.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace portico::config {
namespace {

std::unexpected<Error> failed(int error) {
    return fail(Fault::io, std::strerror(error), error);
}

using SteadyClock = std::chrono::steady_clock;

// Of a pipe: whether something (its end included) has come in time.
bool has_come(int fd, SteadyClock::time_point end_by) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_by - SteadyClock::now());
    pollfd p{fd, POLLIN, 0};
    return left.count() > 0 && ::poll(&p, 1, static_cast<int>(std::min(left, kPipeWait).count())) > 0;
}

Result<std::string> read_all(int fd) {
    struct stat s {};
    const auto end_by = SteadyClock::now() + kWholePipeWait;
    const bool pipe = ::fstat(fd, &s) == 0 && S_ISFIFO(s.st_mode);
    constexpr size_t kStep = 64 << 10;
    std::string text;
    for (;;) {
        const size_t before = text.size();
        if (before > kMaxFileText) return failed(EFBIG);
        if (pipe && !has_come(fd, end_by)) return failed(ETIMEDOUT);
        text.resize(before + kStep);
        const ssize_t n = ::read(fd, text.data() + before, kStep);
        if (n < 0 && errno != EINTR && !(pipe && errno == EAGAIN)) return failed(errno);
        text.resize(before + static_cast<size_t>(n > 0 ? n : 0));
        if (n == 0) return text;
    }
}

}  // namespace

Result<std::string> read_file_text(const std::string& path) {
    // Without O_NONBLOCK a named pipe would be waited for here, until somebody writes to it.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return failed(errno);
    auto text = read_all(fd);
    ::close(fd);
    return text;
}

}  // namespace portico::config
