#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace portico::detail {

void check_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "portico: internal error: %s does not hold (%s:%d)\n", what, file, line);
    std::abort();
}

}  // namespace portico::detail
