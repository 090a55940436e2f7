// The control thread: starts and ends the workers, holds the listening ports, follows names, reloads, drains. It serves no
// request but the admin's. Private to server/.
#pragma once

#include <map>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/admin.h"
#include "server/name_watch.h"
#include "server/server.h"
#include "server/store_health.h"
#include "server/worker.h"

namespace portico::server {

class FileWatch;

class Supervisor final : private io::FdWatch::Sink, private io::Acceptor::Sink {
  public:
    explicit Supervisor(const Options& options);
    ~Supervisor();
    int run();

  private:
    class Ticker;

    bool start();
    void block_signals();
    bool start_workers();
    bool start_names();
    // Listeners and the admin's address: opens what the configuration adds, closes what it no longer names. @returns false when an
    // address cannot be had: nothing has changed then
    bool open_addresses(const config::Config& config);
    // @returns the socket of a new admin address, -1 where there is none, nothing where it cannot be had
    std::optional<int> open_admin(const config::Config& config, SocketAddress& actual);
    void serve_admin(int fd, const SocketAddress& wanted, const SocketAddress& actual);
    bool probe(const SocketAddress& wanted, SocketAddress& actual);
    std::shared_ptr<const gateway::Snapshot> load(uint64_t number);
    // @param done called once every worker begins new requests on it
    void apply(std::shared_ptr<const gateway::Snapshot> snapshot, const std::function<void()>& done);
    void reload(const char* why);
    std::vector<std::string> degraded_stores();
    void announce_ready();
    void begin_drain();
    void on_worker_drained();
    void on_name_changed(const std::string& name);
    // @param service its index in the running snapshot
    upstream::ResolvedService addresses_of(size_t service) const;
    void on_signal(int signal);

    void on_fd_ready(int fd, bool readable, bool writable) override;
    void on_accept(std::unique_ptr<io::Stream> stream) override;
    void on_accept_error(int error) override;

    const Options& options_;
    SystemClock clock_;
    observe::Registry registry_;
    gateway::Resources resources_;
    StoreHealth store_health_;
    std::unique_ptr<observe::LogSink> sink_;
    std::unique_ptr<io::Loop> loop_;
    std::unique_ptr<gateway::Context> context_;  // the admin pages'
    std::unique_ptr<NameWatch> names_;
    std::unique_ptr<admin::AdminPages> pages_;
    edge::ServerSettings admin_settings_;
    std::unique_ptr<edge::ConnectionSet> admin_connections_;
    std::unique_ptr<io::Acceptor> admin_acceptor_;
    std::optional<SocketAddress> admin_address_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::map<SocketAddress, SocketAddress> listening_;  // as configured -> as bound
    std::shared_ptr<const gateway::Snapshot> snapshot_;
    std::unique_ptr<FileWatch> file_watch_;
    std::unique_ptr<Ticker> ready_ticker_;
    std::unique_ptr<Ticker> drain_ticker_;
    std::unique_ptr<io::FdWatch> signal_watch_;
    int signal_fd_ = -1;
    uint64_t next_number_ = 1;
    uint64_t shown_number_ = 0;
    size_t draining_workers_ = 0;
    Time ready_by_{};
    bool ready_ = false;
    bool draining_ = false;
    bool over_ = false;
    int status_ = 0;
};

}  // namespace portico::server
