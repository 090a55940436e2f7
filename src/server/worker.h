// A Worker: one thread, one event loop, and one of everything that serving needs: listeners, connections, services with their
// pools, metric cells. Workers share nothing but the snapshot. Everything public is called from the control thread and runs on
// the worker's own.
#pragma once

#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "edge/connection.h"
#include "gateway/context.h"
#include "gateway/gateway.h"
#include "gateway/snapshot.h"
#include "io/name_client.h"
#include "observe/log_sink.h"
#include "server/operator_lines.h"
#include "server/service_set.h"

namespace portico::server {

class ConnectionBound;
class Degradations;
class LongTurns;
class StoreHealth;

struct WorkerOptions {
    uint32_t index = 0;
    io::BackendChoice io = io::BackendChoice::automatic;
    const Clock* clock = nullptr;
    observe::Registry* registry = nullptr;
    OperatorLines* operators = nullptr;  // where Context::say goes
    observe::LogSink* sink = nullptr;    // the access log's
    // Asks the resolver on the control thread for this worker; the answer comes back by answer_name().
    std::function<void(uint32_t worker, std::string name, uint64_t question)> ask_name;
    StoreHealth* store_health = nullptr;
    size_t workers = 1;  // of the process
    LongTurns* long_turns = nullptr;
    ConnectionBound* connection_bound = nullptr;
    Degradations* degradations = nullptr;  // where Context::degraded goes
};

class Worker {
  public:
    explicit Worker(const WorkerOptions& options);
    // Ends the thread; whatever runs is broken off.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Starts the thread and makes its loop. @errors io
    Result<void> start();
    const std::string& backend_name() const { return backend_name_; }
    const std::string& why_not_uring() const { return why_not_uring_; }

    // New requests are served by this snapshot from now on; those that run keep theirs, endpoints included.
    void apply(std::shared_ptr<const gateway::Snapshot> snapshot, ServiceAddresses addresses);
    // `done` runs on the worker's thread once all that was asked of it before has been done.
    void confirm(std::function<void()> done);
    // Access log lines go there from now on. The former sink is used until this is confirmed.
    void log_to(observe::LogSink* sink);
    // The addresses of one service of the running snapshot have changed. Older snapshots keep those that they had.
    void set_addresses(std::string service, upstream::ResolvedService addresses);
    // What the resolver says to a question of ask_name.
    void answer_name(uint64_t question, Result<io::DnsAnswer> answer);
    // Listens on `fd` (taken over) for an address; a listener of that address is kept and gets the settings.
    void listen(const SocketAddress& address, int fd, const edge::ServerSettings& settings);
    void update_listener(const SocketAddress& address, const edge::ServerSettings& settings);
    void close_listener(const SocketAddress& address);
    void limit_connections(uint32_t most);
    // For clients and services together.
    void share_descriptors(uint32_t all);
    // Bytes that it may hold of what strangers send.
    void limit_memory(uint64_t most);
    // Takes in what has connected, then no more; answers say `Connection: close`; resting connections go after `grace`.
    // `done` runs on the worker's thread once the last connection is gone.
    void drain(Duration grace, std::function<void()> done);

  private:
    class Listening;
    struct Local;  // what lives on the worker's thread
    void post(std::function<void(Local&)> f);
    void run();

    WorkerOptions options_;
    std::thread thread_;
    std::promise<void> last_word_;  // the control thread posts no more: the loop may go
    std::unique_ptr<Local> local_;
    io::Loop* loop_ = nullptr;
    std::string backend_name_;
    std::string why_not_uring_;
};

}  // namespace portico::server
