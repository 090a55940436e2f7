// The listening sockets that a configuration needs and the process does not have yet: opened before anything is decided, so that an
// address that cannot be had refuses a reload as a whole. Closed again unless they are taken.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/address.h"

namespace portico::server {

class OpenedAddresses {
  public:
    struct Listener {
        ListenAddress wanted;   // as configured
        SocketAddress actual;   // as bound
        std::vector<int> fds;   // one for each worker
    };

    OpenedAddresses() = default;
    OpenedAddresses(OpenedAddresses&& other) noexcept
        : listeners(std::exchange(other.listeners, {})), admin(std::exchange(other.admin, std::nullopt)) {}
    OpenedAddresses& operator=(OpenedAddresses&&) = delete;
    ~OpenedAddresses();

    std::vector<Listener> listeners;
    std::optional<Listener> admin;  // with one socket
};

}  // namespace portico::server
