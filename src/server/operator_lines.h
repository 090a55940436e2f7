// What the process tells its operator, on stderr. Before it serves, a line is written as any command writes it; from `serve` on
// nobody waits for stderr: it may be a pipe that nobody reads, or a file on a full disk. Lines that it does not take are dropped,
// counted, and told of once it takes lines again.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "observe/log_sink.h"

namespace portico::server {

class OperatorLines {
  public:
    static constexpr size_t kMaxWaiting = 1u << 20;  // bytes

    // From now on every function may be called by any thread, and none blocks. The registry outlives this.
    void serve(observe::Registry& registry);

    // One line, without its end. Some of it may be a stranger's words: no line of theirs, and nothing that moves a terminal.
    void say(std::string_view line);
    // Text of whole lines, as it stands.
    void write(std::string text);

  private:
    std::unique_ptr<observe::LogSink> sink_;
};

}  // namespace portico::server
