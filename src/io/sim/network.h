// A network and a clock in memory, for tests: streams, listeners and time that only a test moves. A Loop over backend() runs the
// real code above it: its timers fire at the very moment they name, and a minute's wait takes no time. Everything completes
// late, in the turn after, as a kernel does; what was taken back is left alone, and its memory is spoilt.
//
//     SimNetwork net;
//     Loop loop(net.backend(), net.clock());
//     loop.turn(kForever);   // to the next thing that happens, or the next timer
//
// One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/clock.h"
#include "io/backend.h"

namespace portico::io {

class SimBackend;

class SimNetwork {
  public:
    SimNetwork();
    ~SimNetwork();

    ManualClock& clock() { return clock_; }
    // The backend for the network's one loop. @requires called once
    std::unique_ptr<Backend> backend();
    // What Backend::listen() takes in place of a descriptor.
    int listener(const SocketAddress& address);
    // Connections there are never answered.
    void swallow(const SocketAddress& address) { swallowed_.insert(address); }
    // A stream to a listener, from outside of the loop's code; nullptr where nobody listens.
    std::unique_ptr<Stream> connect(const SocketAddress& to, const SocketAddress& from);
    // True while something is to happen without time passing.
    bool busy() const { return !ready_.empty(); }
    // Bytes that one direction of a connection holds before a writer waits.
    static constexpr size_t kCapacity = 64 * 1024;

  private:
    friend class SimBackend;
    friend class SimStream;
    friend class SimAcceptor;
    void schedule(std::function<void()> f) { ready_.push_back(std::move(f)); }

    ManualClock clock_;
    std::deque<std::function<void()>> ready_;
    std::map<int, SocketAddress> listeners_;
    std::map<SocketAddress, Acceptor::Sink*> accepting_;
    std::set<SocketAddress> swallowed_;
    int next_listener_ = 1 << 20;
    uint16_t next_port_ = 40000;
};

}  // namespace portico::io
