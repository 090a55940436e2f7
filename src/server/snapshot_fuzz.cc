// Whole configurations, judged to the end: whatever stands in one, it is either refused with a fault or can be built. What config/
// found wrong is handed on, so that the builders meet half-read routes and policies here.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "config/fault.h"
#include "server/server.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace portico;
    if (size > 16 * 1024) return 0;
    const std::string text(reinterpret_cast<const char*>(data), size);
    // No file of the machine is to be read, whatever path the text holds.
    if (text.find("file") != std::string::npos || text.find("htpasswd") != std::string::npos) return 0;
    config::FaultList faults;
    gateway::Resources resources;
    const auto snapshot = server::build_snapshot(text, "fuzzed.yaml", 1, resources, faults);
    if ((snapshot == nullptr) != faults.has_errors()) std::abort();
    faults.sort();
    (void)config::render(faults, "fuzzed.yaml", text);
    return 0;
}
