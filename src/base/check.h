// CHECK: for our own bugs only, never for anything that a peer can send. It prints where and ends the process: a restart is
// cheap and tested, a gateway that goes on with broken state is not.
#pragma once

namespace portico::detail {
[[noreturn]] void check_failed(const char* what, const char* file, int line);
}

#define PORTICO_CHECK(condition) \
    (__builtin_expect(!!(condition), 1) ? void(0) : ::portico::detail::check_failed(#condition, __FILE__, __LINE__))
