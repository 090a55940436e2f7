#include "io/stream.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace portico::io {

int64_t Stream::unacknowledged() const {
    int bytes = 0;
    return look_fd() >= 0 && ::ioctl(look_fd(), SIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

ssize_t Stream::splice_to(int pipe, size_t most) {
    return ::splice(splice_fd(), nullptr, pipe, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

ssize_t Stream::splice_from(int pipe, size_t most, bool more) {
    const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0);
    const ssize_t n = ::splice(pipe, nullptr, splice_fd(), nullptr, most, flags);
    if (n < 0 && errno == ECONNRESET) note_reset();
    return n;
}

}  // namespace portico::io
