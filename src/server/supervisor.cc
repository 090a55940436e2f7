#include "server/supervisor.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "server/file_watch.h"
#include "server/process_limits.h"

namespace portico::server {
namespace {

constexpr Duration kDrainGrace = std::chrono::seconds(1);
constexpr Duration kFirstNames = std::chrono::seconds(5);  // how long a start waits for the first answers of the resolver

}  // namespace

Supervisor::Supervisor(const Options& options) : options_(options) {}

Supervisor::~Supervisor() {
    // The workers go first: what they still hand over (log lines, drained notes) needs the rest.
    workers_.clear();
    admin_accepting_.reset();
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

// Before any thread is made: each inherits the mask, so that a signal waits for the control thread.
void Supervisor::block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, s);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a log at its largest size is a full disk, not the end
    signal_fd_ = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

bool Supervisor::start() {
    block_signals();
    snapshot_ = load(next_number_++);
    if (snapshot_ == nullptr) {
        operators_.say("not started: " + options_.file_name + " has errors");
        return false;
    }
    const config::Config& config = snapshot_->config;
    // The control thread waits for little: epoll serves it everywhere.
    auto loop = io::Loop::make(io::BackendChoice::epoll, clock_);
    if (!loop) {
        operators_.say("not started: " + loop.error().context);
        return false;
    }
    loop_ = std::move(*loop);
    context_ = std::make_unique<gateway::Context>(*loop_, registry_, 1);
    auto sink = open_log(config.log);
    if (!sink) {
        operators_.say("not started: " + sink.error().context);
        return false;
    }
    sink_ = std::move(*sink);
    log_file_ = config.log.file;
    signal_watch_ = loop_->backend().watch(signal_fd_, true, false, *this);
    // The workers' threads speak too.
    operators_.serve(registry_);

    if (!start_workers() || !start_names()) return false;
    // Before anything listens: no request may find a worker without a snapshot.
    apply(snapshot_);
    auto opened = open_addresses(config);
    if (!opened) return false;
    serve_addresses(std::move(*opened), config);
    if (options_.watch) {
        file_watch_ = std::make_unique<FileWatch>(*loop_, loaded_, [this](const std::string& path, const config::FilesRead::Digests& at_rest) { return reload_at_rest(path, at_rest); });
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
    descriptors_ = raise_descriptors();
    io_ = io_choice(config);
    const size_t count = worker_count(config);
    // Called on a worker's thread. Workers end before the control thread's loop and names do.
    const auto ask = [this](uint32_t worker, std::string name, uint64_t question) {
        loop_->post([this, worker, name = std::move(name), question] {
            names_->resolve(name, [this, worker, question](Result<io::DnsAnswer> answer) {
                if (worker < workers_.size()) workers_[worker]->answer_name(question, std::move(answer));
            });
        });
    };
    for (size_t i = 0; i < count; ++i) {
        workers_.push_back(std::make_unique<Worker>(
            WorkerOptions{static_cast<uint32_t>(i), io_, &clock_, &registry_, &operators_, sink_.get(), ask, &store_health_, count, &long_turns_, &connection_bound_, &degradations_}));
        if (auto started = workers_.back()->start(); !started) {
            workers_.pop_back();
            operators_.say("not started: the event loop: " + started.error().context);
            return false;
        }
        workers_.back()->limit_connections(connection_limit(config, descriptors_, count));
        workers_.back()->share_descriptors(descriptor_share(descriptors_, count));
        workers_.back()->limit_memory(memory_limit(config, available_memory(), count));
    }
    if (!options_.demo) {
        const Worker& first = *workers_.front();
        operators_.say(std::to_string(count) + (count == 1 ? " worker, " : " workers, ") + first.backend_name() +
            (first.why_not_uring().empty() ? "" : " (no io_uring: " + first.why_not_uring() + ")"));
        operators_.say(bound_of_connections(config));
    }
    return true;
}

std::string Supervisor::bound_of_connections(const config::Config& config) const {
    const size_t count = workers_.size();
    const uint32_t most = connection_limit(config, descriptors_, count), room = connection_room(descriptors_, count);
    return "up to " + std::to_string(most) + " client connections " + (count == 1 ? "" : "a worker ") +
           (config.limits.connections != 0 ? "(limits.connections), with " : "of ") + std::to_string(descriptors_) + " descriptors" +
           (most > room ? ", which are sure to have room for " + std::to_string(room) : "");
}

bool Supervisor::start_names() {
    const config::DnsConfig& dns = snapshot_->config.dns;
    auto resolver = io::Resolver::make(*loop_, {dns.servers, dns.timeout});
    if (!resolver) {
        operators_.say("not started: the resolver: " + resolver.error().context);
        return false;
    }
    names_ = std::make_unique<NameWatch>(
        *loop_, std::move(*resolver), [this](const std::string& name) { on_name_changed(name); },
        [this](const std::string& name, size_t addresses) {
            operators_.say(name + " has " + std::to_string(addresses) + " addresses: " + std::to_string(NameWatch::kMostAddresses) + " of them are used");
        });
    return true;
}

void Supervisor::announce_ready() {
    if (ready_ || draining_ || (!names_->settled() && loop_->now() < ready_by_)) return;
    ready_ = true;
    loop_->post([this] { ready_ticker_.reset(); });
    operators_.say("ready");
    service_manager_.ready();
    if (options_.on_ready) operators_.write(options_.on_ready(listening_.begin()->second));
}

void Supervisor::begin_drain() {
    if (draining_) {
        operators_.say("ending at once");
        over_ = true;
        return;
    }
    draining_ = true;
    service_manager_.stopping();
    coming_.reset();
    operators_.say("draining: no new connections, what runs may take another " +
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(snapshot_->config.timeouts.drain).count()) + " s");
    draining_workers_ = workers_.size();
    for (auto& w : workers_) w->drain(kDrainGrace, [this] { loop_->post([this] { on_worker_drained(); }); });
    drain_ticker_ = std::make_unique<Ticker>(*loop_, snapshot_->config.timeouts.drain, [this] {
        operators_.say("the drain's time is over: what still runs is broken off");
        over_ = true;
    });
}

void Supervisor::on_worker_drained() {
    if (--draining_workers_ > 0) return;
    operators_.say("drained");
    over_ = true;
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
