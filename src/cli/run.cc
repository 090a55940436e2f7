#include "cli/commands.h"
#include "config/load.h"
#include "server/server.h"

namespace portico::cli {

int run(const std::string& file, bool watch) {
    server::Options options;
    options.file_name = file;
    options.watch = watch;
    options.source = [&](config::FaultList& faults) { return config::read_file(file, faults); };
    return server::run(options);
}

}  // namespace portico::cli
