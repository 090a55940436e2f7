#include "cli/demo.h"

#include "cli/commands.h"
#include "cli/demo_services.h"
#include "server/server.h"

namespace portico::cli {
namespace {

constexpr const char* kConfig = R"(# What `portico demo` runs: three services inside this process, and the routes to them.
listeners:
  - address: 127.0.0.1:@PORT@

admin:
  address: 127.0.0.1:0

services:
  users:  http://@USERS@
  orders: http://@ORDERS@
  legacy-users: { endpoints: ["http://@LEGACY@"], internal: true }

routes:
  - { name: front, match: { path: /, methods: [GET] }, respond: { body: { service: the front door } } }
  - name: user-v2
    match: { path: "/api/v2/users/{user_id}", methods: [GET] }
    forward: { service: legacy-users, path: "/users/{user_id}" }
  - name: old-users
    match: { path: "/old-users/**" }
    redirect: { to: "/users/{**}" }
  - name: services
    match: "/{service}/**"
    forward: { service: "{service}", path: "/{**}" }
)";

void replace(std::string& text, std::string_view what, std::string_view with) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
}

}  // namespace

std::string demo_config(int port, const DemoServices& services) {
    std::string text = kConfig;
    replace(text, "@PORT@", std::to_string(port));
    replace(text, "@USERS@", services.users());
    replace(text, "@ORDERS@", services.orders());
    replace(text, "@LEGACY@", services.legacy_users());
    return text;
}

int demo(int port) {
    auto services = DemoServices::start();
    if (!services) {
        std::fprintf(stderr, "portico: the demo's services could not be started: %s\n", services.error().context.c_str());
        return kFaults;
    }
    const std::string text = demo_config(port, **services);
    server::Options options;
    options.file_name = "the demo's configuration";
    options.demo = true;
    options.source = [&](config::FaultList&) { return text; };
    options.on_ready = [](const SocketAddress& address) {
        const std::string at = "http://" + address.text();
        std::fprintf(stderr,
                     "\nThe gateway stands at %s, with three small services behind it. Try, from another shell:\n\n"
                     "  curl -i %s/users/users/1           the users service, by its name\n"
                     "  curl -i %s/orders/orders?user=1    the orders service, with a query\n"
                     "  curl -i -d '{\"total\":5}' %s/orders/orders    a body goes through\n"
                     "  curl -i %s/api/v2/users/7          a route of its own, to a service nobody reaches by name\n"
                     "  curl -i %s/legacy-users/users/7    … as this shows: 404\n"
                     "  curl -i %s/nobody/x                404, no such service\n"
                     "  curl -i %s/old-users/users/1       308, a redirect\n"
                     "  curl -i -X DELETE %s/          405, with Allow\n"
                     "  curl -i -H 'X-Forwarded-For: 6.6.6.6' %s/users/echo    what the service sees\n\n"
                     "Each request is one JSON line below. End with Ctrl-C.\n\n",
                     at.c_str(), at.c_str(), at.c_str(), at.c_str(), at.c_str(), at.c_str(), at.c_str(), at.c_str(), at.c_str(), at.c_str());
    };
    return server::run(options);
}

}  // namespace portico::cli
