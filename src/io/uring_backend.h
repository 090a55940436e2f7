// io_uring: one ring a worker, multishot accept, multishot receive with a ring of provided buffers, sends submitted once a
// turn (IO-CORE's measurements are in docs/decisions/0001-io.md). Probed at start: containers often forbid it.
#pragma once

#include <memory>

#include "base/result.h"
#include "io/backend.h"

namespace portico::io {

// @errors io: not allowed, or a feature is missing; the context says which
Result<std::unique_ptr<Backend>> make_uring_backend();

}  // namespace portico::io
