#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "config/load.h"
#include "server/server.h"

namespace portico::cli {

int run(const std::string& file, bool watch) {
    const bool standard_input = file == config::kStandardInput;
    if (standard_input && watch) {
        std::fputs("portico: --watch needs a file: standard input is read once\n", stderr);
        return kUsage;
    }
    server::Options options;
    options.file_name = config::shown_name(file);
    options.watch = watch;
    bool was_read = false;
    options.source = [&](config::FaultList& faults) -> std::optional<std::string> {
        if (standard_input && std::exchange(was_read, true)) {
            faults.error({}, "", "missing-file", "the configuration came from standard input, which can be read once", "start with -c FILE for reloads");
            return std::nullopt;
        }
        return config::read_file(file, faults);
    };
    return server::run(options);
}

}  // namespace portico::cli
