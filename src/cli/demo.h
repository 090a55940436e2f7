#pragma once

#include <string>

namespace portico::cli {

class DemoServices;
// The demo's configuration, with its services' addresses and its secret in place. @param port, admin_port 0 lets the system choose
std::string demo_config(int port, int admin_port, const DemoServices& services, const std::string& secret);

}  // namespace portico::cli
