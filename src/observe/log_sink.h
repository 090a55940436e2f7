// Where lines for people and their tools go: access log lines, and operators' lines on stderr. Each writer (a worker, the control
// thread) hands whole lines over; one thread of the sink's own writes them out, so that a full disk, a slow reader or none at
// all never holds a request, a reload or a signal. Bounded: what does not fit is dropped and counted. Layer 1.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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
    // Told when lines begin to be lost, or the path cannot be opened again, with the system's reason; and when that is over. Once a minute
    // at most, however often the two change. On the sink's thread, never after the sink has ended. Not set: nobody.
    std::function<void(const std::string& line)> say{};
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
    // Opens the path again (log rotation). Where it cannot be opened, lines go on into the file that was open, and the path is tried once a
    // second as they come. Thread-safe.
    virtual void reopen() = 0;

    // Looks whether make() could open the file, without opening or making it.
    // @returns none where it could, else why not; of a right that this user lacks, another may have it: `is_a_right`
    struct Obstacle {
        std::string why;
        bool is_a_right = false;
    };
    static std::optional<Obstacle> obstacle_to(const std::string& file);
};

}  // namespace portico::observe
