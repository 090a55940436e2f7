#include "io/sim/network.h"

#include <algorithm>
#include <ranges>

#include "io/loop.h"
#include "io/sim/backend.h"

namespace portico::io {

SimNetwork::SimNetwork() : SimNetwork(SimWeather{}) {}
SimNetwork::SimNetwork(const SimWeather& weather) : weather_(weather), chance_(weather.seed) {}
SimNetwork::~SimNetwork() = default;

std::unique_ptr<Backend> SimNetwork::backend() { return std::make_unique<SimBackend>(*this); }

int SimNetwork::listener(const SocketAddress& address) {
    listeners_.emplace(next_listener_, address);
    return next_listener_++;
}

void SimNetwork::serve(const SocketAddress& address, std::function<void(std::unique_ptr<SimPeer>)> accept) {
    if (accept) served_[address] = std::move(accept);
    else served_.erase(address);
}

Duration SimNetwork::delay() {
    if (!chance_.one_in(weather_.late_one_in)) return {};
    return Duration(static_cast<Duration::rep>(chance_.between(0, static_cast<uint64_t>(weather_.most_delay.count()))));
}

void SimNetwork::later(Duration delay, std::function<void()> f) {
    const uint64_t order = weather_.seed == 0 ? ++begun_ : chance_.next();
    later_.emplace(std::pair(clock_.now() + delay, order), std::move(f));
}

void SimNetwork::run_due() {
    // What begins meanwhile and takes no time is for the next time.
    std::vector<std::function<void()>> due;
    while (!later_.empty() && later_.begin()->first.first <= clock_.now()) {
        due.push_back(std::move(later_.begin()->second));
        later_.erase(later_.begin());
    }
    for (const auto& f : due) f();
}

Time SimNetwork::next() const { return later_.empty() ? Time::max() : later_.begin()->first.first; }

bool SimNetwork::busy() const {
    return next() <= clock_.now() || std::ranges::any_of(backends_, [](const SimBackend* b) { return b->busy(); });
}

void SimNetwork::turn(std::span<Loop* const> loops, Duration most) {
    // One loop knows by itself what it waits for.
    if (loops.size() == 1) return loops.front()->turn(busy() ? Duration::zero() : most);
    for (Loop* loop : loops) loop->turn(Duration::zero());
    if (busy() || most <= Duration::zero()) return;
    // What a loop has put off to its next turn shows nowhere: time does not pass by far.
    Time until = std::min(next(), clock_.now() + std::min<Duration>(most, std::chrono::milliseconds(20)));
    for (Loop* loop : loops) until = std::min(until, loop->timers().next());
    if (until > clock_.now()) clock_.advance(until - clock_.now());
}

SimNetwork::Joined SimNetwork::join(const SocketAddress& to, const SocketAddress& from) {
    Joined made{std::make_shared<SimSocket>(*this, from, to, capacity()), std::make_shared<SimSocket>(*this, to, from, capacity())};
    SimSocket::join(made.near, made.far);
    return made;
}

void SimNetwork::arrive(const SocketAddress& to, const std::shared_ptr<SimSocket>& far) {
    if (const auto served = served_.find(to); served != served_.end()) return served->second(std::make_unique<SimPeer>(far));
    const auto found = accepting_.find(to);
    if (found == accepting_.end()) return far->close(true);
    found->second.backend->complete([this, to, far] {
        const auto sink = accepting_.find(to);
        if (sink == accepting_.end()) return far->close(true);
        sink->second.sink->on_accept(sink->second.backend->stream(far));
    });
}

std::unique_ptr<Stream> SimNetwork::connect(const SocketAddress& to, const SocketAddress& from) {
    const auto found = accepting_.find(to);
    if (found == accepting_.end()) return nullptr;
    auto [near, far] = join(to, from);
    arrive(to, far);
    return found->second.backend->stream(std::move(near));
}

std::unique_ptr<SimPeer> SimNetwork::connect_peer(const SocketAddress& to, const SocketAddress& from) {
    if (!listens(to)) return nullptr;
    auto [near, far] = join(to, from);
    arrive(to, far);
    return std::make_unique<SimPeer>(std::move(near));
}

}  // namespace portico::io
