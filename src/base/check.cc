#include "base/check.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace portico::detail {

void check_failed(const char* what, const char* file, int line) {
    // The end must not wait for a reader of stderr: a process that is gone is started again, one that hangs is not.
    pollfd p{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&p, 1, 0) > 0) std::fprintf(stderr, "portico: internal error: %s does not hold (%s:%d)\n", what, file, line);
    std::abort();
}

}  // namespace portico::detail
