// A configuration is trusted, but half a file, or one from elsewhere, must be refused with a located fault and never crash.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/load.h"

using namespace portico;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 64 * 1024) return 0;
    const std::string source(reinterpret_cast<const char*>(data), size);
    // YAML ends a line at CR, NEL and others too: no line can be without a byte of its own.
    const auto lines = static_cast<uint32_t>(size + 2);
    config::FaultList faults;
    constexpr std::string_view kTypes[] = {"ip_access"};
    config::LoadOptions options;
    options.policy_types = kTypes;
    options.environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "SET") return "value";
        return std::nullopt;
    };
    const auto config = config::load(source, "fuzz.yaml", options, faults);
    // A configuration exactly where there is no error.
    if (config.has_value() == faults.has_errors()) std::abort();
    for (const config::Located& f : faults.all()) {
        if (f.mark.line > lines || f.message.empty() || f.code.empty()) std::abort();
    }
    faults.sort();
    if (!faults.all().empty() && config::render(faults, "fuzz.yaml", source).empty()) std::abort();
    if (config::render_json(faults, "fuzz.yaml").front() != '[') std::abort();
    return 0;
}
