#include "server/worker.h"

#include <algorithm>
#include <csignal>
#include <future>
#include <random>

#include "base/held.h"
#include "io/accepting.h"
#include "server/connection_bound.h"
#include "server/degradations.h"
#include "server/long_turns.h"
#include "server/store_set.h"

namespace portico::server {

// One listening socket of this worker.
class Worker::Listening final : private io::Accepting::Sink {
  public:
    Listening(edge::ConnectionSet& connections, int fd, const edge::ServerSettings& settings)
        : connections_(connections), entrance_(new edge::Entrance(settings)), accepting_(connections.context().loop, fd, *this) {}

    void set_settings(const edge::ServerSettings& settings) { entrance_->settings = &settings; }
    void take_all() { accepting_.take_all(); }
    // Those who came this way are served to the end of their requests.
    void close() {
        take_all();
        entrance_->closed = true;
        connections_.close_idle(entrance_.get());
    }

  private:
    void on_accept(std::unique_ptr<io::Stream> stream) override { connections_.admit(std::move(stream), entrance_); }
    // What is needed least gives its descriptor to the newcomer.
    void on_nothing_left(int) override { connections_.free_descriptor(); }

    edge::ConnectionSet& connections_;
    const boost::intrusive_ptr<edge::Entrance> entrance_;
    io::Accepting accepting_;
};

struct Worker::Local final : private io::Timer {
    Local(std::unique_ptr<io::Loop> l, const WorkerOptions& o, uint64_t seed)
        : options(o),
          loop(std::move(l)),
          context(*loop, *o.registry, seed),
          stores(context, *o.store_health, o.workers),
          names(*loop, [this](std::string name, io::Resolver::Callback answered) { ask(std::move(name), std::move(answered)); }),
          connections(context, gateway),
          services(context) {
        if (options.operators != nullptr) context.say = [&to = *options.operators](const std::string& line) { to.say(line); };
        if (options.long_turns != nullptr) {
            loop->watch_turns([this](std::string_view place, Duration taken) {
                options.long_turns->tell(context.shard, options.index, place, taken, loop->now());
            });
        }
        if (options.connection_bound != nullptr) {
            connections.tell_of_bound([this](bool newcomer) {
                options.connection_bound->tell(context.shard, options.index, newcomer, connections.size(), loop->now());
            });
        }
        if (options.degradations != nullptr) {
            context.degraded = [&to = *options.degradations](const std::shared_ptr<const void>& owner, std::string what, std::string why) {
                to.tell(owner, std::move(what), std::move(why));
            };
        }
        context.resolve = [this](std::string host, Time deadline) { return names.resolve(std::move(host), deadline); };
    }
    ~Local() override {
        listeners.clear();
        connections.close_all();
        flush_log();  // what was broken off has its line too
        context.epoch.reset();
    }

    // Equal settings are one object, which lives as long as the worker: a request keeps those that it began with, and a
    // thousand reloads of one file add nothing.
    const edge::ServerSettings& keep(const edge::ServerSettings& s) {
        for (const edge::ServerSettings& known : settings) {
            if (known == s) return known;
        }
        return settings.emplace_back(s);
    }

    void apply(std::shared_ptr<const gateway::Snapshot> snapshot, const ServiceAddresses& addresses);
    void ask(std::string name, io::Resolver::Callback answered);
    void flush_log();
    void drain(Duration grace, std::function<void()> when_done);
    void look_for_end();
    void on_timer() override;

    WorkerOptions options;
    std::unique_ptr<io::Loop> loop;
    gateway::Gateway gateway;
    gateway::Context context;
    StoreSet stores;
    io::NameClient names;
    std::map<uint64_t, io::Resolver::Callback> questions;  // on their way to the resolver
    uint64_t next_question = 1;
    std::deque<edge::ServerSettings> settings;
    edge::ConnectionSet connections;
    std::map<SocketAddress, std::unique_ptr<Listening>> listeners;
    ServiceSet services;
    std::function<void()> done;
    Time idle_close_at{};
    bool stop = false;
};

void Worker::Local::apply(std::shared_ptr<const gateway::Snapshot> snapshot, const ServiceAddresses& addresses) {
    const io::Turn::Place place(loop->turn_time(), LongTurns::kConfiguration);
    auto in_order = services.follow(*snapshot, addresses);
    auto clients = stores.take(*snapshot);
    context.epoch = context.make_epoch(std::move(snapshot), std::move(in_order), std::move(clients));
}

void Worker::Local::ask(std::string name, io::Resolver::Callback answered) {
    if (!options.ask_name) return answered(fail(Fault::upstream_unresolved, name));
    const uint64_t question = next_question++;
    questions.emplace(question, std::move(answered));
    options.ask_name(options.index, std::move(name), question);
}

void Worker::Local::flush_log() {
    if (context.log_lines.empty()) return;
    if (options.sink == nullptr) {
        context.log_lines.clear();
        return;
    }
    options.sink->write(context.log_lines);  // counts what it has no room for
}

void Worker::Local::drain(Duration grace, std::function<void()> when_done) {
    for (const auto& [address, listening] : listeners) listening->take_all();
    listeners.clear();
    context.draining = true;
    done = std::move(when_done);
    idle_close_at = loop->now() + grace;
    look_for_end();
}

void Worker::Local::look_for_end() {
    if (loop->now() >= idle_close_at) connections.close_idle();
    if (connections.size() == 0) {
        if (done) std::exchange(done, nullptr)();
        return;
    }
    set(loop->timers(), loop->now() + std::chrono::milliseconds(20));
}

void Worker::Local::on_timer() { look_for_end(); }

Worker::Worker(const WorkerOptions& options) : options_(options) {}

Worker::~Worker() {
    if (!thread_.joinable()) return;
    post([](Local& l) { l.stop = true; });
    last_word_.set_value();
    thread_.join();
}

Result<void> Worker::start() {
    std::promise<Result<void>> started;
    auto result = started.get_future();
    // Signals belong to the control thread: a new thread inherits the mask.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this, &started] {
        // The loop is made on the thread that uses it: an io_uring belongs to its maker.
        auto loop = io::Loop::make(options_.io, *options_.clock);
        if (!loop) {
            started.set_value(fail(std::move(loop).error()));
            return;
        }
        std::random_device seed;
        local_ = std::make_unique<Local>(std::move(*loop), options_, (uint64_t{seed()} << 32) ^ seed());
        loop_ = local_->loop.get();
        backend_name_ = loop_->backend().name();
        why_not_uring_ = loop_->why_not_uring();
        started.set_value({});
        run();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    auto r = result.get();
    if (!r) thread_.join();
    return r;
}

void Worker::run() {
    while (!local_->stop) {
        local_->loop->turn(kForever);
        local_->stores.publish();
        local_->flush_log();
    }
    // Here rather than with the Worker: an io_uring is used by its own thread only.
    last_word_.get_future().wait();
    local_.reset();
}

void Worker::post(std::function<void(Local&)> f) {
    loop_->post([this, f = std::move(f)] { f(*local_); });
}

void Worker::apply(std::shared_ptr<const gateway::Snapshot> snapshot, ServiceAddresses addresses) {
    post([snapshot = std::move(snapshot), addresses = std::move(addresses)](Local& l) { l.apply(snapshot, addresses); });
}

void Worker::confirm(std::function<void()> done) {
    post([done = std::move(done)](Local&) { done(); });
}

void Worker::log_to(observe::LogSink* sink) {
    post([sink](Local& l) {
        l.flush_log();
        l.options.sink = sink;
    });
}

void Worker::set_addresses(std::string service, upstream::ResolvedService addresses) {
    post([service = std::move(service), addresses = std::move(addresses)](Local& l) {
        const io::Turn::Place place(l.loop->turn_time(), LongTurns::kAddresses);
        if (l.context.epoch != nullptr) l.services.update(*l.context.epoch->snapshot, service, addresses);
    });
}

void Worker::answer_name(uint64_t question, Result<io::DnsAnswer> answer) {
    post([question, answer = std::move(answer)](Local& l) mutable {
        const auto found = l.questions.find(question);
        if (found == l.questions.end()) return;
        const auto done = std::move(found->second);
        l.questions.erase(found);
        done(std::move(answer));
    });
}

void Worker::listen(const SocketAddress& address, int fd, const edge::ServerSettings& settings) {
    post([=](Local& l) { l.listeners[address] = std::make_unique<Listening>(l.connections, fd, l.keep(settings)); });
}

void Worker::update_listener(const SocketAddress& address, const edge::ServerSettings& settings) {
    post([=](Local& l) {
        if (const auto found = l.listeners.find(address); found != l.listeners.end()) found->second->set_settings(l.keep(settings));
    });
}

void Worker::close_listener(const SocketAddress& address) {
    post([=](Local& l) {
        const auto found = l.listeners.find(address);
        if (found == l.listeners.end()) return;
        found->second->close();
        l.listeners.erase(found);
    });
}

void Worker::limit_connections(uint32_t most) {
    post([=](Local& l) { l.connections.set_limit(most); });
}

void Worker::share_descriptors(uint32_t all) {
    post([=](Local& l) { l.connections.share_descriptors(all, all / 16 + 8); });
}

void Worker::limit_memory(uint64_t most) {
    post([=](Local&) { HeldMemory::here().limit(most); });
}

void Worker::drain(Duration grace, std::function<void()> done) {
    post([grace, done = std::move(done)](Local& l) { l.drain(grace, done); });
}

}  // namespace portico::server
