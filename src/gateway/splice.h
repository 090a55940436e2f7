// Bytes from one socket to another around user space: splice(2) through a pipe. Used for long bodies of known length that no
// policy looks at, between two plain connections; works the same on both backends (readiness waits, then system calls).
#pragma once

#include <cstdint>

#include "io/loop.h"
#include "io/stream.h"

namespace portico::gateway {

class BodyPace;
class Deadlines;

// Below this a copy is cheaper than the pipe's system calls (bench/RESULTS.md).
inline constexpr uint64_t kSpliceFrom = 128 << 10;

struct SpliceEnd {
    uint64_t moved = 0;
    bool from_failed = false;  // an error; its end is left to read()
    bool to_failed = false;
    bool timed_out = false;
    bool too_slow = false;     // what came from there, for its pace
    int error = 0;
};

// One side of it: the stream, and the timer of a wait on it.
struct SpliceSide {
    io::Stream& stream;
    io::Until until;           // `at` is set anew at each wait
    BodyPace* pace = nullptr;  // of what comes from there
};

// Moves up to `size` bytes: fewer, without a failure, where the rest is for read(). Each wait may take what `deadlines` say of idle times.
io::Task<SpliceEnd> splice(io::Loop& loop, SpliceSide from, SpliceSide to, uint64_t size, const Deadlines& deadlines);

}  // namespace portico::gateway
