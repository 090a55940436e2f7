#include "admin/admin.h"

#include <algorithm>

#include "gateway/reply.h"
#include "gateway/snapshot.h"
#include "http/uri.h"
#include "json/writer.h"

namespace portico::admin {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kIndex =
    "/live     200 while the process runs\n"
    "/ready    200 while it takes requests, 503 before and while it drains\n"
    "/metrics  Prometheus text\n";

}  // namespace

bool AdminPages::answers_to(gateway::Exchange& x) const {
    std::string_view host = http::host_of(x.request.host, x.arena);
    if (host.empty() || host == "localhost" || std::ranges::find(hosts_(), host) != hosts_().end()) return true;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return IpAddress::parse(host).has_value();
}

io::Task<void> AdminPages::handle(gateway::Exchange& x) {
    x.response.clear();
    if (!answers_to(x)) return answer(x, 403, kText, "these pages answer to an IP address, to localhost and to the names in admin: { hosts: […] }\n");
    // Somebody else's request, passed on by a proxy, such as this gateway itself: these pages are for those who ask them directly.
    const auto passed_on = [](const http::Field& f) { return f.id == http::FieldName::via || gateway::is_forwarding_header(f.name); };
    if (std::ranges::any_of(x.request.fields, passed_on)) return answer(x, 403, kText, "these pages answer nobody through a proxy (Via, or a forwarding header)\n");
    const std::string_view target = x.request.target;
    const std::string_view path = target.substr(0, target.find('?'));
    if (x.request.method != http::Method::get && x.request.method != http::Method::head) {
        x.response.fields.add("Allow", "GET, HEAD");
        return answer(x, 405, kText, "only GET and HEAD here\n");
    }
    if (path == "/") return answer(x, 200, kText, std::string(kIndex));
    if (path == "/live") return answer(x, 200, kText, "live\n");
    if (path == "/metrics") return answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", registry_.exposition());
    if (path == "/ready") {
        const Readiness r = readiness_();
        std::string body;
        json::Writer w(body);
        w.begin_object().key("ready").value(r.ready).key("snapshot").value(r.snapshot);
        if (!r.ready) w.key("reason").value(r.reason);
        if (!r.degraded.empty()) {
            w.key("degraded").begin_array();
            for (const std::string& what : r.degraded) w.value(what);
            w.end_array();
        }
        w.end_object();
        return answer(x, r.ready ? 200 : 503, "application/json", body + "\n");
    }
    return answer(x, 404, kText, "no such page; there are:\n" + std::string(kIndex));
}

io::Task<void> AdminPages::answer(gateway::Exchange& x, int status, std::string_view type, std::string body) {
    x.response.status = status;
    x.response.fields.add("Content-Type", type);
    x.response.fields.add("Cache-Control", "no-store");
    x.response_begun = true;
    co_await gateway::reply_body(x, body);
}

io::Task<void> AdminPages::refuse(gateway::Exchange& x, Error error) { co_await gateway::reply_error(x, std::move(error)); }

}  // namespace portico::admin
