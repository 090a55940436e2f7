#include "server/operator_lines.h"

#include <cstdio>

#include "base/utf8.h"

namespace portico::server {

void OperatorLines::serve(observe::Registry& registry) {
    observe::LogSinkOptions options;
    options.max_waiting = kMaxWaiting;
    options.lost_shard = &registry.new_shard();
    options.lost = registry.counter("portico_dropped_operator_lines_total", "Lines for the operator that were lost because stderr did not take them.");
    options.after_loss = [](uint64_t lines) {
        return "portico: " + std::to_string(lines) + (lines == 1 ? " line" : " lines") + " of this log were lost: stderr did not take them\n";
    };
    if (auto sink = observe::LogSink::make("stderr", std::move(options))) sink_ = std::move(*sink);
}

void OperatorLines::say(std::string_view line) {
    write("portico: " + printable(line, '?') + '\n');
}

void OperatorLines::write(std::string text) {
    if (sink_ != nullptr) {
        sink_->write(text);
        return;
    }
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

}  // namespace portico::server
