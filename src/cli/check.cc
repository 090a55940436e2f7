#include <algorithm>
#include <cstdio>

#include "base/utf8.h"
#include "cli/commands.h"
#include "config/load.h"
#include "observe/log_sink.h"
#include "server/server.h"

namespace portico::cli {
namespace {

void warn_of_open_routes(const gateway::Snapshot& snapshot, config::FaultList& faults) {
    for (size_t i = 0; i < snapshot.routes.size(); ++i) {
        const config::RouteConfig& route = snapshot.config.routes[i];
        const gateway::RouteRules& rules = snapshot.routes[i];
        if (rules.keeps_out || route.open) continue;
        // A limit, or a token that may be left out, is a policy and no guard.
        const std::string why = rules.guards.empty() ? " has no guard" : " has no guard that keeps anybody out";
        faults.warning(route.mark, "routes[" + std::to_string(i) + "]", "open-route", "the route \"" + route.name + "\"" + why + ": everybody may use it", "where that is meant, write open: true");
    }
}

void list_open_routes(const std::string& file, const gateway::Snapshot& snapshot) {
    std::string names;
    for (const config::RouteConfig& route : snapshot.config.routes) {
        if (route.open) names += (names.empty() ? "" : ", ") + ("\"" + route.name + "\" (line " + std::to_string(route.mark.line) + ")");
    }
    if (!names.empty()) std::printf("%s: open on purpose: %s\n", file.c_str(), printable(names, '?').c_str());
}

// Without making the file: a start, or a reload, opens it.
void look_at_log(const config::LogConfig& log, config::FaultList& faults) {
    if (!log.access) return;
    const auto obstacle = observe::LogSink::obstacle_to(log.file);
    if (!obstacle) return;
    const std::string message = "the access log " + log.file + " cannot be opened: " + obstacle->why;
    if (obstacle->is_a_right) faults.warning(log.mark, "log.file", "log-file", message, "whoever runs the gateway needs the right to write there");
    else faults.error(log.mark, "log.file", "log-file", message, "make its folder, or name another file");
}

void count(size_t n, const char* what, std::string& into) {
    if (n == 0) return;
    if (!into.empty()) into += ", ";
    into += std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace

int check(const std::string& path, bool json, bool strict) {
    config::FaultList faults;
    const auto source = config::read_file(path, faults);
    const std::string file(config::shown_name(path));
    std::shared_ptr<const gateway::Snapshot> snapshot;
    gateway::Resources resources;
    if (source) snapshot = server::build_snapshot(*source, file, 1, resources, faults);
    if (snapshot != nullptr) look_at_log(snapshot->config.log, faults);
    if (snapshot != nullptr && strict) warn_of_open_routes(*snapshot, faults);
    faults.sort();
    const bool good = !faults.has_errors() && snapshot != nullptr && !(strict && !faults.all().empty());
    if (json) {
        std::puts(config::render_json(faults, file).c_str());
        return good ? kGood : kFaults;
    }
    std::fputs(config::render(faults, file, source ? *source : std::string_view{}).c_str(), stdout);
    if (snapshot != nullptr && strict) list_open_routes(file, *snapshot);
    std::string summary;
    const auto errors = static_cast<size_t>(std::ranges::count(faults.all(), config::Severity::error, &config::Located::severity));
    count(errors, "error", summary);
    count(faults.all().size() - errors, "warning", summary);
    if (snapshot != nullptr && !faults.has_errors()) {
        std::printf("%s: good%s%s: %zu route%s, %zu service%s, %zu polic%s\n", file.c_str(), summary.empty() ? "" : ", with ", summary.c_str(),
                    snapshot->routes.size(), snapshot->routes.size() == 1 ? "" : "s", snapshot->config.services.size(),
                    snapshot->config.services.size() == 1 ? "" : "s", snapshot->policies.size(), snapshot->policies.size() == 1 ? "y" : "ies");
    } else {
        std::printf("%s: %s\n", file.c_str(), summary.c_str());
    }
    return good ? kGood : kFaults;
}

}  // namespace portico::cli
