// epoll, edge-triggered: works everywhere. A read or write is tried at once when the descriptor is believed ready; a short
// read means that the socket is drained, so no second call is spent on hearing EAGAIN.
#pragma once

#include <memory>

#include "base/result.h"
#include "io/backend.h"

namespace portico::io {

Result<std::unique_ptr<Backend>> make_epoll_backend();

}  // namespace portico::io
