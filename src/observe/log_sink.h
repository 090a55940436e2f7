// Where lines for people and their tools go: access log lines, and operators' lines on stderr. Each writer (a worker, the control
// thread) hands whole lines over; one thread of the sink's own writes them out, so that a full disk, a slow reader or none at
// all never holds a request, a reload or a signal. Bounded: what does not fit is dropped and counted. Layer 1.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "observe/metrics.h"

namespace portico::observe {

struct LogSinkOptions {
    size_t max_waiting = 8u << 20;  // bytes that wait to be written
    Shard* lost_shard = nullptr;    // counts lost lines, where there is one: the sink's thread is its only writer
    Counter lost{};
    // What to write once lines are taken again: how many were lost before. Not set: nothing.
    std::function<std::string(uint64_t lines)> after_loss{};
};

class LogSink {
  public:
    // @param file "stdout", "stderr", or a path (appended to; reopened by reopen())
    // @errors io
    static Result<std::unique_ptr<LogSink>> make(const std::string& file, LogSinkOptions options = {});
    // Writes out what is left, for at most a second. A thread that the system holds longer than that is left behind.
    virtual ~LogSink() = default;
    // Hands whole lines over; `lines` is left empty, perhaps with a recycled capacity. Thread-safe, never blocks.
    // @returns false when some of them were dropped because `max_waiting` bytes were waiting
    virtual bool write(std::string& lines) = 0;
    // Opens the path again (log rotation). Thread-safe.
    virtual void reopen() = 0;
};

}  // namespace portico::observe
