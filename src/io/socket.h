// The system calls that make and inspect sockets, as functions with plain results. No state.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"

namespace portico::io {

// A TCP socket for connecting, close-on-exec, without Nagle's delay. @returns -1 with errno
int new_socket(const SocketAddress& address, bool non_blocking);
void set_no_delay(int fd);
// io_uring waits for a blocking descriptor by itself and refuses to for a non-blocking one.
void clear_non_blocking(int fd);
// The pending SO_ERROR of a socket, or 0.
int pending_error(int fd);
// Whether some of what was written has not arrived at the peer's system. False where the descriptor is none (-1).
bool has_unsent(int fd);
// Whether reading, or accepting, would not have to wait.
bool is_readable(int fd);
SocketAddress local_address(int fd);
SocketAddress peer_address(int fd);
// The next close sends RST and drops what is unsent.
void reset_on_close(int fd);

// A listening TCP socket, non-blocking, close-on-exec. With `shared` (SO_REUSEPORT) several workers may listen on the same
// address, each with a queue of its own.
// @param ipv6_only  an IPv6 address takes no connections of IPv4, whatever the system's default is; else [::] takes both
// @errors io, with errno in `system` (EADDRINUSE, EACCES, EADDRNOTAVAIL …)
Result<int> new_listener(const SocketAddress& address, bool shared, int backlog, bool ipv6_only = false);

// Who listens on a TCP port of this machine: "nginx (pid 812)", or empty where that cannot be seen.
std::string holder_of_port(const SocketAddress& address);

}  // namespace portico::io
