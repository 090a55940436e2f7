#include "server/supervisor.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "io/socket.h"
#include "server/file_watch.h"
#include "server/process_limits.h"

namespace portico::server {
namespace {

constexpr int kBacklog = 4096;
constexpr Duration kDrainGrace = std::chrono::seconds(1);
constexpr Duration kFirstNames = std::chrono::seconds(5);  // how long a start waits for the first answers of the resolver

void say(const std::string& line) {
    const std::string text = "portico: " + line + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

}  // namespace

// Calls something again and again until it is destroyed.
class Supervisor::Ticker final : private io::Timer {
  public:
    Ticker(io::Loop& loop, Duration every, std::function<void()> what) : loop_(loop), every_(every), what_(std::move(what)) {
        set(loop_.timers(), loop_.now() + every_);
    }

  private:
    void on_timer() override {
        set(loop_.timers(), loop_.now() + every_);
        what_();
    }
    io::Loop& loop_;
    Duration every_;
    std::function<void()> what_;
};

Supervisor::Supervisor(const Options& options) : options_(options) {}

Supervisor::~Supervisor() {
    // The workers go first: what they still hand over (log lines, drained notes) needs the rest.
    workers_.clear();
    admin_acceptor_.reset();
    admin_connections_.reset();
    names_.reset();
    signal_watch_.reset();
    if (signal_fd_ >= 0) ::close(signal_fd_);
}

int Supervisor::run() {
    if (!start()) return 1;
    while (!over_) loop_->turn(kForever);
    return status_;
}

std::shared_ptr<const gateway::Snapshot> Supervisor::load(uint64_t number) {
    config::FaultList faults;
    auto source = options_.source(faults);
    std::shared_ptr<const gateway::Snapshot> snapshot;
    if (source) snapshot = build_snapshot(*source, options_.file_name, number, resources_, faults);
    faults.sort();
    if (!options_.demo || snapshot == nullptr) {
        const std::string text = config::render(faults, options_.file_name, source ? *source : std::string_view{});
        std::fwrite(text.data(), 1, text.size(), stderr);
    }
    return snapshot;
}

// Before any thread is made: each inherits the mask, so that a signal waits for the control thread.
void Supervisor::block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, s);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    signal_fd_ = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

bool Supervisor::start() {
    block_signals();
    snapshot_ = load(next_number_++);
    if (snapshot_ == nullptr) {
        say("not started: " + options_.file_name + " has errors");
        return false;
    }
    const config::Config& config = snapshot_->config;
    // The control thread waits for little: epoll serves it everywhere.
    auto loop = io::Loop::make(io::BackendChoice::epoll, clock_);
    if (!loop) {
        say("not started: " + loop.error().context);
        return false;
    }
    loop_ = std::move(*loop);
    context_ = std::make_unique<gateway::Context>(*loop_, registry_, 1);
    if (config.log.access) {
        auto sink = observe::LogSink::make(config.log.file);
        if (!sink) {
            say("not started: the access log " + config.log.file + ": " + sink.error().context);
            return false;
        }
        sink_ = std::move(*sink);
    }
    signal_watch_ = loop_->backend().watch(signal_fd_, true, false, *this);

    if (!start_workers() || !start_names()) return false;
    // Before anything listens: no request may find a worker without a snapshot.
    apply(snapshot_, [] {});
    if (!open_addresses(config)) return false;
    if (options_.watch) {
        file_watch_ = std::make_unique<FileWatch>(*loop_, options_.file_name, [this] { reload("the file has changed"); });
    }
    ready_by_ = loop_->now() + kFirstNames;
    announce_ready();
    if (!ready_) {
        ready_ticker_ = std::make_unique<Ticker>(*loop_, std::chrono::milliseconds(10), [this] { announce_ready(); });
    }
    return true;
}

bool Supervisor::start_workers() {
    const config::Config& config = snapshot_->config;
    const uint64_t descriptors = raise_descriptors();
    const size_t count = config.workers != 0 ? config.workers : std::max(1u, std::thread::hardware_concurrency());
    // Called on a worker's thread. Workers end before the control thread's loop and names do.
    const auto ask = [this](uint32_t worker, std::string name, uint64_t question) {
        loop_->post([this, worker, name = std::move(name), question] {
            names_->resolve(name, [this, worker, question](Result<io::DnsAnswer> answer) {
                if (worker < workers_.size()) workers_[worker]->answer_name(question, std::move(answer));
            });
        });
    };
    for (size_t i = 0; i < count; ++i) {
        workers_.push_back(std::make_unique<Worker>(WorkerOptions{static_cast<uint32_t>(i), io_choice(config), &clock_, &registry_, sink_.get(), ask, &store_health_, count}));
        if (auto started = workers_.back()->start(); !started) {
            workers_.pop_back();
            say("not started: the event loop: " + started.error().context);
            return false;
        }
        workers_.back()->limit_connections(connection_limit(config, descriptors, count));
    }
    if (!options_.demo) {
        const Worker& first = *workers_.front();
        say(std::to_string(count) + (count == 1 ? " worker, " : " workers, ") + first.backend_name() +
            (first.why_not_uring().empty() ? "" : " (no io_uring: " + first.why_not_uring() + ")"));
    }
    return true;
}

bool Supervisor::start_names() {
    const config::DnsConfig& dns = snapshot_->config.dns;
    auto resolver = io::Resolver::make(*loop_, {dns.servers, dns.timeout});
    if (!resolver) {
        say("not started: the resolver: " + resolver.error().context);
        return false;
    }
    names_ = std::make_unique<NameWatch>(*loop_, std::move(*resolver), [this](const std::string& name) { on_name_changed(name); });
    return true;
}

bool Supervisor::probe(const SocketAddress& wanted, SocketAddress& actual) {
    // Without SO_REUSEPORT: a port held by anything, another Portico included, is an error rather than shared.
    auto fd = io::new_listener(wanted, false, 1);
    if (!fd) {
        std::string line = "cannot listen on " + wanted.text() + ": " + std::strerror(fd.error().system);
        const auto ours = std::ranges::find_if(listening_, [&](const auto& l) { return l.second.port == wanted.port; });
        if (fd.error().system == EADDRINUSE && ours != listening_.end()) {
            line += ", held by this gateway's own listener " + ours->second.text() + "; take that out with one reload and add this with the next";
        } else if (fd.error().system == EADDRINUSE) {
            if (const std::string holder = io::holder_of_port(wanted); !holder.empty()) line += ", held by " + holder;
            line += "; end it, or choose another address in " + options_.file_name;
        } else if (fd.error().system == EACCES) {
            line += "; ports below 1024 need CAP_NET_BIND_SERVICE";
        }
        say(line);
        return false;
    }
    actual = io::local_address(*fd);
    ::close(*fd);
    return true;
}

bool Supervisor::open_addresses(const config::Config& config) {
    const edge::ServerSettings settings = settings_of(config);
    struct Opened {
        SocketAddress wanted, actual;
        std::vector<int> fds;
    };
    std::vector<Opened> fresh;
    const auto give_up = [&] {
        for (const Opened& o : fresh) {
            for (const int fd : o.fds) ::close(fd);
        }
        return false;
    };
    for (const config::ListenerConfig& l : config.listeners) {
        if (listening_.contains(l.address)) continue;
        Opened o{l.address, {}, {}};
        if (!probe(l.address, o.actual)) return give_up();
        fresh.push_back(std::move(o));
        for (size_t i = 0; i < workers_.size(); ++i) {
            auto fd = io::new_listener(fresh.back().actual, true, kBacklog);
            if (!fd) {
                say("cannot listen on " + fresh.back().actual.text() + ": " + std::strerror(fd.error().system));
                return give_up();
            }
            fresh.back().fds.push_back(*fd);
        }
    }
    // Before anything is committed: the admin's address may be held too.
    SocketAddress admin;
    const auto admin_fd = open_admin(config, admin);
    if (!admin_fd) return give_up();
    for (auto it = listening_.begin(); it != listening_.end();) {
        const bool kept = std::ranges::any_of(config.listeners, [&](const auto& l) { return l.address == it->first; });
        for (auto& w : workers_) {
            if (kept) w->update_listener(it->second, settings);
            else w->close_listener(it->second);
        }
        if (!kept) say("no longer listening on " + it->second.text());
        it = kept ? std::next(it) : listening_.erase(it);
    }
    for (Opened& o : fresh) {
        for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->listen(o.actual, o.fds[i], settings);
        listening_.emplace(o.wanted, o.actual);
        say("listening on " + o.actual.text() + " (http)");
    }
    if (*admin_fd >= 0) serve_admin(*admin_fd, config.admin->address, admin);
    if (!config.admin && admin_acceptor_ != nullptr) {
        say("no longer admin on " + admin_address_->text());
        admin_acceptor_.reset();
        admin_address_.reset();
        admin_connections_->close_all();
    }
    return true;
}

std::optional<int> Supervisor::open_admin(const config::Config& config, SocketAddress& actual) {
    if (!config.admin || (admin_address_ && *admin_address_ == config.admin->address)) return -1;
    if (!probe(config.admin->address, actual)) return std::nullopt;
    auto fd = io::new_listener(actual, false, 128);
    if (fd) return *fd;
    say("cannot listen on " + actual.text() + ": " + std::strerror(fd.error().system));
    return std::nullopt;
}

void Supervisor::serve_admin(int fd, const SocketAddress& wanted, const SocketAddress& actual) {
    if (pages_ == nullptr) {
        pages_ = std::make_unique<admin::AdminPages>(registry_, [this] {
            return admin::Readiness{ready_ && !draining_, draining_ ? "draining" : "starting", snapshot_->number, degraded_stores()};
        });
        admin_connections_ = std::make_unique<edge::ConnectionSet>(*context_, *pages_);
        admin_connections_->set_limit(256);
    }
    admin_acceptor_ = loop_->backend().listen(fd, *this);
    admin_address_ = wanted;
    say("admin on " + actual.text());
}

upstream::ResolvedService Supervisor::addresses_of(size_t service) const {
    upstream::ResolvedService resolved;
    for (const config::EndpointConfig& e : snapshot_->config.services[service].endpoints) {
        upstream::ResolvedEndpoint r{e.authority, {}, {}};
        if (e.tls) r.tls = {snapshot_->service_tls[service], e.host};
        if (const auto literal = IpAddress::parse(e.host)) {
            r.addresses.push_back({*literal, e.port});
        } else {
            for (const IpAddress& ip : names_->addresses(e.host)) r.addresses.push_back({ip, e.port});
        }
        resolved.push_back(std::move(r));
    }
    return resolved;
}

void Supervisor::apply(std::shared_ptr<const gateway::Snapshot> snapshot, const std::function<void()>& done) {
    snapshot_ = std::move(snapshot);
    std::vector<std::string> names;
    for (const config::ServiceConfig& s : snapshot_->config.services) {
        for (const config::EndpointConfig& e : s.endpoints) {
            if (!IpAddress::parse(e.host)) names.push_back(e.host);
        }
    }
    names_->set_names(names, snapshot_->config.dns);
    ServiceAddresses addresses;
    for (size_t i = 0; i < snapshot_->config.services.size(); ++i) addresses.push_back(addresses_of(i));
    const auto left = std::make_shared<size_t>(workers_.size());
    for (auto& w : workers_) {
        w->apply(snapshot_, addresses, [this, left, done] {
            loop_->post([left, done] {
                if (--*left == 0) done();
            });
        });
    }
    // The admin pages need a snapshot only for the shape of errors.
    auto epoch = std::make_shared<gateway::Epoch>();
    epoch->snapshot = snapshot_;
    epoch->route_cells.resize(snapshot_->config.routes.size() + 1);
    context_->epoch = std::move(epoch);
    const observe::Gauge gauge = registry_.gauge("portico_snapshot", "Number of the running configuration; each reload adds one.");
    context_->shard.add(gauge, static_cast<int64_t>(snapshot_->number) - static_cast<int64_t>(shown_number_));
    shown_number_ = snapshot_->number;
}

void Supervisor::reload(const char* why) {
    if (draining_) return;
    say(std::string("reloading: ") + why);
    auto fresh = load(next_number_);
    const bool good = fresh != nullptr && open_addresses(fresh->config);
    context_->shard.add(registry_.counter("portico_reloads_total", "Reloads by their result.", {{"result", good ? "applied" : "refused"}}));
    if (!good) {
        say("reload refused: configuration " + std::to_string(snapshot_->number) + " keeps running");
        return;
    }
    ++next_number_;
    const uint64_t number = fresh->number;
    // Said when it is true of every worker: whoever reads it may send the next request at once.
    apply(std::move(fresh), [number] { say("reloaded: configuration " + std::to_string(number) + " is running"); });
}

void Supervisor::announce_ready() {
    if (ready_ || (!names_->settled() && loop_->now() < ready_by_)) return;
    ready_ = true;
    loop_->post([this] { ready_ticker_.reset(); });
    say("ready");
    if (options_.on_ready) options_.on_ready(listening_.begin()->second);
}

void Supervisor::begin_drain() {
    if (draining_) {
        say("ending at once");
        over_ = true;
        return;
    }
    draining_ = true;
    say("draining: no new connections, what runs may take another " +
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(snapshot_->config.timeouts.drain).count()) + " s");
    draining_workers_ = workers_.size();
    for (auto& w : workers_) w->drain(kDrainGrace, [this] { loop_->post([this] { on_worker_drained(); }); });
    drain_ticker_ = std::make_unique<Ticker>(*loop_, snapshot_->config.timeouts.drain, [this] {
        say("the drain's time is over: what still runs is broken off");
        over_ = true;
    });
}

void Supervisor::on_worker_drained() {
    if (--draining_workers_ > 0) return;
    say("drained");
    over_ = true;
}

void Supervisor::on_name_changed(const std::string& name) {
    for (size_t i = 0; i < snapshot_->config.services.size(); ++i) {
        const config::ServiceConfig& s = snapshot_->config.services[i];
        const bool uses = std::ranges::any_of(s.endpoints, [&](const config::EndpointConfig& e) { return e.host == name; });
        if (!uses) continue;
        for (auto& w : workers_) w->set_addresses(s.name, addresses_of(i));
    }
}

void Supervisor::on_signal(int signal) {
    switch (signal) {
        case SIGTERM:
        case SIGINT: return begin_drain();
        case SIGHUP: return reload("SIGHUP");
        case SIGUSR1:
            if (sink_ != nullptr) sink_->reopen();
            return;
        default: return;
    }
}

void Supervisor::on_fd_ready(int, bool, bool) {
    signalfd_siginfo info{};
    while (::read(signal_fd_, &info, sizeof info) == sizeof info) on_signal(static_cast<int>(info.ssi_signo));
}

int run(const Options& options) {
    // Everybody who waits for a signal does so through the control thread.
    return Supervisor(options).run();
}

}  // namespace portico::server
