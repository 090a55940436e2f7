#include "cli/demo.h"

#include <fmt/format.h>

#include <unistd.h>

#include <random>

#include "cli/commands.h"
#include "base/clock.h"
#include "cli/demo_services.h"
#include "io/socket.h"
#include "json/writer.h"
#include "policy/jwt/mint.h"
#include "server/server.h"

namespace portico::cli {
namespace {

constexpr const char* kConfig = R"(# What `portico demo` runs: four services inside this process, and the way to them.
listeners:
  - address: 127.0.0.1:@PORT@

admin:
  address: 127.0.0.1:@ADMIN@

services:
  users:  http://@USERS@
  orders: http://@ORDERS@
  products: http://@PRODUCTS@
  legacy-users: { endpoints: ["http://@LEGACY@"], internal: true }

stores:
  shared: memory                         # of this process; with Redis several gateways share one count

x-dashboard: &dashboard
  user:   { service: users,  path: "/users/{claims.sub}" }
  orders: { service: orders, path: "/users/{claims.sub}/recent?limit=5" }

policies:
  signed-in:
    jwt:
      algorithms: [HS256]
      secret: "@SECRET@"
      claims_to_headers: { X-User-ID: sub, X-User-Email: email }
  fair-use:
    rate_limit: { limit: 100, window: 60s, key: client.ip, store: shared, on_store_failure: memory }
  few:
    rate_limit: { limit: 5, window: 10s, key: client.ip }

routes:
  - { name: front, match: { path: /, methods: [GET] }, respond: { body: { service: the front door } } }
  - { name: few, match: /few, use: [few], respond: { body: { passed: true } } }
  - name: me
    match: { path: /me, methods: [GET] }
    use: [fair-use, signed-in]
    forward: { service: users, path: "/users/{claims.sub}" }
  - name: user-v2
    match: { path: "/api/v2/users/{user_id}", methods: [GET] }
    use:
      - fair-use
      - transform:                     # the legacy service's answer in the shape of today
          response:
            body:
              id: $.userId
              email: $.emailAddress
              name: { first: $.firstName, last: $.lastName }
              created_at: $.createdDate
              metadata: { source: legacy-transform, version: "2.0" }
    forward: { service: legacy-users, path: "/users/{user_id}" }
  - name: mobile-dashboard
    match: { path: /mobile/dashboard, methods: [GET] }
    use: [fair-use, signed-in]
    aggregate:                         # two services asked at the same time, one small answer
      calls: *dashboard
      body:
        user: { name: $user.name, avatar: $user.avatarUrl }
        recentOrders:
          for_each: $orders.orders[*]
          as: order
          item: { id: $order.id, total: $order.total, status: $order.status }
  - name: web-dashboard
    match: { path: /web/dashboard, methods: [GET] }
    use: [fair-use, signed-in]
    aggregate:                         # the same calls, and each product of the orders once, up to eight at a time
      calls:
        <<: *dashboard
        products: { for_each: "$orders.orders[*].items[*].productId", as: id, concurrency: 8, service: products, path: "/products/{$id}" }
      server_timing: true
      body:
        user: { id: $user.id, name: $user.name, email: $user.email, avatar: $user.avatarUrl, plan: $user.plan }
        orders: $orders.orders
        products: { for_each: "$products[*]", as: product, distinct: $product.id, sort_by: $product.name, item: { id: $product.id, name: $product.name, price: $product.price } }
  - name: old-users
    match: { path: "/old-users/**" }
    redirect: { to: "/users/{**}" }
  - name: services
    match: "/{service}/**"
    use: [fair-use, signed-in]
    forward: { service: "{service}", path: "/{**}" }
)";

// Of this start alone: a token of yesterday's demo opens nothing.
std::string new_secret() {
    std::random_device random;
    std::string secret;
    for (int i = 0; i < 8; ++i) fmt::format_to(std::back_inserter(secret), "{:08x}", random());
    return secret;
}

// A token for user 1, good for a day.
std::string demo_token(const std::string& secret) {
    const auto key = policy::jwt::SigningKey::from_secret(secret);
    if (!key) return {};
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(SystemClock().wall().time_since_epoch()).count();
    std::string claims;
    json::Writer(claims).begin_object().key("sub").value("1").key("email").value("ada@example.com").key("exp").value(now + 86400).end_object();
    return policy::jwt::mint(*key, policy::jwt::Algorithm::hs256, claims).value_or(std::string{});
}

constexpr const char* kTry = R"(
The gateway stands at @AT@, with four small services behind it. Try, from another shell:

  export TOKEN=@TOKEN@

  curl -i @AT@/users/users/1      401: the services want a token
  curl -i -H "Authorization: Bearer $TOKEN" @AT@/users/users/1      the users service, by its name
  curl -i -H "Authorization: Bearer $TOKEN" @AT@/me      the token's own user
  curl -i -H "Authorization: Bearer $TOKEN" -H 'X-User-ID: root' @AT@/users/echo      what the service sees: X-User-ID is the gateway's
  curl -i -H "Authorization: Bearer $TOKEN" -d '{"total":5}' @AT@/orders/orders      a body goes through
  curl -i -H "Authorization: Bearer $TOKEN" @AT@/nobody/x      404, no such service
  curl -i @AT@/api/v2/users/7      a legacy service's answer, in another shape
  curl -i -H "Authorization: Bearer $TOKEN" @AT@/mobile/dashboard      two services asked at once, one small answer
  curl -i -H "Authorization: Bearer $TOKEN" @AT@/web/dashboard      more of them, the products of the orders too; Server-Timing shows when
  curl -i -H "Authorization: Bearer $TOKEN" @AT@/legacy-users/users/7      404, as this shows
  curl -i @AT@/old-users/users/1      308, a redirect
  curl -i -X DELETE @AT@/      405, with Allow
  for i in 1 2 3 4 5 6; do curl -s -o /dev/null -w '%{http_code} ' @AT@/few; done      five pass, the sixth is 429

Each request is one JSON line below. End with Ctrl-C.

)";

// The documented one, unless something has it: then the system chooses, and the start says which.
int free_admin_port(int port) {
    if (port == kDemoAdminPort) return 0;
    const auto fd = io::new_listener({IpAddress::v4(0x7F000001), kDemoAdminPort}, false, 1);
    if (!fd) return 0;
    ::close(*fd);
    return kDemoAdminPort;
}

void replace(std::string& text, std::string_view what, std::string_view with) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
}

}  // namespace

std::string demo_config(int port, int admin_port, const DemoServices& services, const std::string& secret) {
    std::string text = kConfig;
    replace(text, "@PORT@", std::to_string(port));
    replace(text, "@ADMIN@", std::to_string(admin_port));
    replace(text, "@USERS@", services.users());
    replace(text, "@ORDERS@", services.orders());
    replace(text, "@PRODUCTS@", services.products());
    replace(text, "@LEGACY@", services.legacy_users());
    replace(text, "@SECRET@", secret);
    return text;
}

int demo(int port) {
    auto services = DemoServices::start();
    if (!services) {
        std::fprintf(stderr, "portico: the demo's services could not be started: %s\n", services.error().context.c_str());
        return kFaults;
    }
    const std::string secret = new_secret();
    const std::string text = demo_config(port, free_admin_port(port), **services, secret);
    server::Options options;
    options.file_name = "the demo's configuration";
    options.demo = true;
    options.source = [&](config::FaultList&) { return text; };
    options.on_ready = [token = demo_token(secret)](const SocketAddress& address) {
        std::string said = kTry;
        replace(said, "@AT@", "http://" + address.text());
        replace(said, "@TOKEN@", token);
        return said;
    };
    return server::run(options);
}

}  // namespace portico::cli
