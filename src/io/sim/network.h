// A network and a clock in memory, for tests: streams, listeners and time that only a test moves. A Loop over backend() runs the
// real code above it: its timers fire at the very moment they name, and a minute's wait takes no time. Everything completes
// late, in the turn after, as a kernel does; what was taken back is left alone, and its memory is spoilt.
//
//     SimNetwork net;
//     Loop loop(net.backend(), net.clock());
//     loop.turn(kForever);   // to the next thing that happens, or the next timer
//
// With a Weather, what a network may do is drawn from its seed: bytes and connections take their time, come in pieces and in any
// order, connections hold little. Several loops share one clock: they are turned by turn().
//
// One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "base/clock.h"
#include "io/backend.h"
#include "io/sim/chance.h"
#include "io/sim/socket.h"

namespace portico::io {

class SimBackend;

// How streams learn of what happened: as over io_uring, or as over epoll.
enum class SimStyle : uint8_t { rings, edges };

struct SimWeather {
    uint64_t seed = 0;  // 0: nothing is left to chance
    SimStyle style = SimStyle::rings;
    // Bytes that one direction of a connection holds before a writer waits.
    size_t least_capacity = 64 * 1024, most_capacity = 64 * 1024;
    uint32_t short_one_in = 0;    // reads, writes and arrivals that are less than they could be
    uint32_t late_one_in = 0;     // what is on its way takes up to most_delay
    Duration most_delay{};
    uint32_t refuse_one_in = 0;   // connections that are refused
    uint32_t swallow_one_in = 0;  // connections that are never answered
    uint32_t starve_one_in = 0;   // rings: receives that find no buffer
    uint32_t over_one_in = 0;     // turns, and operations of edges, at which the turn's time is over
    size_t most_spliced = SIZE_MAX;  // at once
};

class SimNetwork {
  public:
    SimNetwork();
    explicit SimNetwork(const SimWeather& weather);
    ~SimNetwork();

    ManualClock& clock() { return clock_; }
    // The backend of one loop.
    std::unique_ptr<Backend> backend();
    // What Backend::listen() takes in place of a descriptor.
    int listener(const SocketAddress& address);
    // Connections there are never answered.
    void swallow(const SocketAddress& address) { swallowed_.insert(address); }
    // Connections to `address` are given to `accept`, or refused where it is empty.
    void serve(const SocketAddress& address, std::function<void(std::unique_ptr<SimPeer>)> accept);
    // A stream to a listener, from outside of the loop's code; nullptr where nobody listens.
    std::unique_ptr<Stream> connect(const SocketAddress& to, const SocketAddress& from);
    // The same for a peer of the test's own.
    std::unique_ptr<SimPeer> connect_peer(const SocketAddress& to, const SocketAddress& from);
    // True while something is to happen without time passing.
    bool busy() const;
    // One turn of each loop; then, when nothing is left to happen, time passes to what comes next, `most` from now at the latest.
    void turn(std::span<Loop* const> loops, Duration most);
    static constexpr size_t kCapacity = 64 * 1024;

    // For the network's own parts.
    const SimWeather& weather() const { return weather_; }
    Chance& chance() { return chance_; }
    Duration delay();
    size_t capacity() { return static_cast<size_t>(chance_.between(weather_.least_capacity, weather_.most_capacity)); }
    // Runs `f` when `delay` is over, outside of any loop's code: in the order in which it was asked for, or in any.
    void later(Duration delay, std::function<void()> f);

  private:
    friend class SimBackend;
    friend class SimAcceptor;
    struct Joined {
        std::shared_ptr<SimSocket> near, far;
    };
    struct Listening {
        SimBackend* backend = nullptr;
        Acceptor::Sink* sink = nullptr;
    };
    Joined join(const SocketAddress& to, const SocketAddress& from);
    bool listens(const SocketAddress& address) const { return accepting_.contains(address) || served_.contains(address); }
    void arrive(const SocketAddress& to, const std::shared_ptr<SimSocket>& far);
    void run_due();
    Time next() const;

    SimWeather weather_;
    Chance chance_;
    ManualClock clock_;
    std::multimap<std::pair<Time, uint64_t>, std::function<void()>> later_;
    std::map<int, SocketAddress> listeners_;
    std::map<SocketAddress, Listening> accepting_;
    std::map<SocketAddress, std::function<void(std::unique_ptr<SimPeer>)>> served_;
    std::set<SocketAddress> swallowed_;
    std::vector<SimBackend*> backends_;
    uint64_t begun_ = 0;
    int next_listener_ = 1 << 20;
    uint16_t next_port_ = 40000;
};

}  // namespace portico::io
