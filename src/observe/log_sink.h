// Where log lines go: each writer (worker) collects lines in a buffer of its own and hands it over once a loop turn; one
// thread writes them out, so that a slow disk or a full pipe never holds a request. Bounded: what does not fit is dropped and
// counted. Layer 1.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"

namespace portico::observe {

class LogSink {
  public:
    // @param file "stdout", "stderr", or a path (appended to; reopened by reopen())
    // @errors io
    static Result<std::unique_ptr<LogSink>> make(const std::string& file);
    virtual ~LogSink() = default;  // writes out what is left (for at most a second), then ends the thread
    // Hands whole lines over; `lines` is left empty, perhaps with a recycled capacity. Thread-safe, never blocks on the disk.
    // @returns false when they were dropped because 8 MiB were waiting
    virtual bool write(std::string& lines) = 0;
    // Opens the path again (log rotation). Thread-safe.
    virtual void reopen() = 0;
};

}  // namespace portico::observe
