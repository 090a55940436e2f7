#pragma once

#include <string>

namespace portico::cli {

class DemoServices;
// The demo's configuration, with its services' addresses in place. @param port 0 lets the system choose
std::string demo_config(int port, const DemoServices& services);

}  // namespace portico::cli
