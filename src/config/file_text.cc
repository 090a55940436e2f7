#include "config/file_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace portico::config {
namespace {

std::unexpected<Error> failed(int error) {
    return fail(Fault::io, std::strerror(error), error);
}

Result<std::string> read_all(int fd) {
    constexpr size_t kStep = 64 << 10;
    std::string text;
    for (;;) {
        const size_t before = text.size();
        if (before > kMaxFileText) return failed(EFBIG);
        text.resize(before + kStep);
        const ssize_t n = ::read(fd, text.data() + before, kStep);
        if (n < 0 && errno != EINTR) return failed(errno);
        text.resize(before + static_cast<size_t>(n > 0 ? n : 0));
        if (n == 0) return text;
    }
}

}  // namespace

Result<std::string> read_file_text(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return failed(errno);
    auto text = read_all(fd);
    ::close(fd);
    return text;
}

}  // namespace portico::config
