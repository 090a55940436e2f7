// The control thread's part of listening: ports are probed, opened for every worker, and handed over once a configuration is taken.
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "io/socket.h"
#include "server/process_limits.h"
#include "server/supervisor.h"

namespace portico::server {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAdminBacklog = 128;

}  // namespace

std::string Supervisor::own_holder_of(const ListenAddress& wanted) const {
    if (admin_address_ && admin_address_->overlaps(wanted)) return "admin address " + admin_address_->described();
    const auto listener = std::ranges::find_if(listening_, [&](const auto& l) { return l.first.overlaps(wanted); });
    return listener == listening_.end() ? std::string() : "listener " + listener->first.described();
}

bool Supervisor::probe(const ListenAddress& wanted, SocketAddress& actual) {
    // Without SO_REUSEPORT: a port held by anything, another Portico included, is an error rather than shared.
    auto fd = io::new_listener(wanted, false, 1, wanted.ipv6_only);
    const auto lacks_ipv6 = [&] { return fd.error().system == EAFNOSUPPORT || fd.error().system == EADDRNOTAVAIL; };
    if (!fd && wanted.every_family && lacks_ipv6()) fd = io::new_listener({IpAddress::v4(0), wanted.port}, false, 1);
    if (!fd) {
        std::string line = "cannot listen on " + wanted.text() + ": " + std::strerror(fd.error().system);
        const std::string ours = own_holder_of(wanted);
        if (fd.error().system == EADDRINUSE && !ours.empty()) {
            line += ", held by this gateway's own " + ours + "; take that out with one reload and add this with the next";
        } else if (fd.error().system == EADDRINUSE) {
            if (const std::string holder = io::holder_of_port(wanted); !holder.empty()) line += ", held by " + holder;
            line += "; end it, or choose another address in " + options_.file_name;
        } else if (fd.error().system == EACCES) {
            line += "; ports below 1024 need CAP_NET_BIND_SERVICE";
        }
        operators_.say(line);
        return false;
    }
    actual = io::local_address(*fd);
    ::close(*fd);
    return true;
}

bool Supervisor::open_listener(OpenedAddresses::Listener& into, size_t sockets, bool shared, int backlog) {
    if (!probe(into.wanted, into.actual)) return false;
    for (size_t i = 0; i < sockets; ++i) {
        auto fd = io::new_listener(into.actual, shared, backlog, into.wanted.ipv6_only);
        if (!fd) {
            operators_.say("cannot listen on " + into.actual.text() + ": " + std::strerror(fd.error().system));
            return false;
        }
        into.fds.push_back(*fd);
    }
    return true;
}

std::optional<OpenedAddresses> Supervisor::open_addresses(const config::Config& config) {
    OpenedAddresses opened;
    for (const config::ListenerConfig& l : config.listeners) {
        if (listening_.contains(l.address)) continue;
        opened.listeners.push_back({l.address, {}, {}});
        if (!open_listener(opened.listeners.back(), workers_.size(), true, kBacklog)) return std::nullopt;
    }
    if (config.admin && (!admin_address_ || *admin_address_ != config.admin->address)) {
        opened.admin = OpenedAddresses::Listener{config.admin->address, {}, {}};
        if (!open_listener(*opened.admin, 1, false, kAdminBacklog)) return std::nullopt;
    }
    return opened;
}

void Supervisor::serve_addresses(OpenedAddresses opened, const config::Config& config) {
    const edge::ServerSettings settings = settings_of(config);
    for (auto it = listening_.begin(); it != listening_.end();) {
        const bool kept = std::ranges::any_of(config.listeners, [&](const auto& l) { return l.address == it->first; });
        for (auto& w : workers_) {
            if (kept) w->update_listener(it->second, settings);
            else w->close_listener(it->second);
        }
        if (!kept) operators_.say("no longer listening on " + it->second.text());
        it = kept ? std::next(it) : listening_.erase(it);
    }
    for (const OpenedAddresses::Listener& l : std::exchange(opened.listeners, {})) {
        for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->listen(l.actual, l.fds[i], settings);
        listening_.emplace(l.wanted, l.actual);
        operators_.say("listening on " + l.actual.text() + (l.wanted.ipv6_only ? " (http, IPv6 alone)" : " (http)"));
    }
    // Operators who read elsewhere are sent to where the pages are now.
    if (admin_accepting_ && (!config.admin || opened.admin)) {
        operators_.say("no longer admin on " + admin_address_->text());
        admin_accepting_.reset();
        admin_address_.reset();
        admin_connections_->close_all();
    }
    if (const auto admin = std::exchange(opened.admin, std::nullopt)) serve_admin(*admin);
}

}  // namespace portico::server
