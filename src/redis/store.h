// What all connections of one client share: where the store is, how patient to be with it, and what was counted. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "io/loop.h"
#include "redis/url.h"

namespace portico::redis {

enum class State : uint8_t {
    idle,        // nothing was asked of it yet
    connecting,  // not to be reached at this moment; while an attempt runs, commands wait for it
    connected,
    open,  // the breaker: it failed repeatedly, commands fail at once, a probe watches for its return
};

// Since the client was made; they only grow.
struct Counters {
    uint64_t commands = 0;    // asked for, also those that failed at once
    uint64_t refused = 0;     // failed at once: the breaker is open, a connection is awaited, or too many are pending
    uint64_t timeouts = 0;    // sent, and not answered in time
    uint64_t overloads = 0;   // given up: too many commands stood before them, or their worker had no time for the reply
    uint64_t late = 0;        // answered when nobody waited any more
    uint64_t failures = 0;    // connections broken, or not to be had
    uint64_t connects = 0;    // connections made
    uint64_t opened = 0;      // times that the breaker opened
    uint64_t probes = 0;      // sent while it was open
    uint64_t errors = 0;      // replies by which a server refused its work
    uint64_t reloads = 0;     // scripts sent anew: the server did not know them
    uint64_t redirects = 0;   // MOVED and ASK followed
    uint64_t writes = 0;      // a loop turn's commands go out in one
};

// Where a connection is to go. `host` is what a certificate is checked against.
struct Target {
    std::string host;
    SocketAddress address;
    bool tls = false;
};

struct Options {
    // By when a probe must be answered after it was sent: the store's timeout of the configuration.
    Duration timeout = std::chrono::milliseconds(5);
    // For a whole attempt: name, connection, TLS, greeting; also for a question to a sentinel or about the cluster.
    Duration connect_timeout = std::chrono::seconds(1);
    // How often a sentinel that is listened to is asked whether it is still there; it has connect_timeout to answer.
    Duration heartbeat = std::chrono::seconds(1);
    // A connection that answers no probe and says nothing for so long is given up.
    Duration silence = std::chrono::seconds(1);
    // Failures (timeouts, broken connections, replies that refuse) without a success between them that open the breaker.
    uint32_t failures = 3;
    // Between attempts, and between probes.
    Duration first_backoff = std::chrono::milliseconds(20);
    Duration most_backoff = std::chrono::seconds(1);
    // Commands asked for and not yet answered (the abandoned ones too), and the bytes of those not yet sent, each for one
    // server. Beyond, commands fail at once.
    uint32_t max_pending = 8192;
    // Work that one server has at a time, in usual commands; less where its replies begin to wait for each other (pace.h). The others
    // wait here for a reply, and their time does not run meanwhile: a burst of commands cannot make a server late that does each of
    // them in its time.
    uint32_t max_in_flight = 64;
    // The longest that a command waits for that while replies come.
    Duration longest_queue = std::chrono::milliseconds(250);
    size_t max_pending_bytes = 1024 * 1024;
    uint64_t seed = 1;
    std::string name = "portico";  // for CLIENT SETNAME
    // Names to addresses, on this loop's thread. Literals never get here. Without it, names are unresolvable.
    std::function<io::Task<Result<std::vector<IpAddress>>>(std::string host, Time deadline)> resolve;
    // Makes a connection. Default: plain TCP. @requires set where the URL says TLS
    std::function<io::Task<Result<std::unique_ptr<io::Stream>>>(Target target, Time deadline)> transport;
    // Told of each change of state(), on this loop's thread. Must not destroy the client.
    std::function<void(State)> on_state;
};

struct Store {
    io::Loop& loop;
    Url url;
    Options options;
    Counters counters{};
    std::string last_failure{};  // why a server was last not to be had, or why it did not do its work
};

// Whether an error says that the store did not do its part. Else (store_overload, internal) it is what was asked of it: a guard
// that lets pass while its store is away must not let pass for that.
inline bool is_failure_of_store(const Error& error) {
    return error.fault == Fault::store_timeout || error.fault == Fault::store_unavailable || error.fault == Fault::store_protocol;
}

// Whether a lookup failed because its key is there with a value that is no text, such as a list or a hash.
inline bool is_of_another_type(const Error& error) { return error.fault == Fault::store_unavailable && error.context.starts_with("WRONGTYPE"); }

}  // namespace portico::redis
