// The control thread: starts and ends the workers, holds the listening ports, follows names, reloads, drains. It serves no
// request but the admin's. Private to server/.
#pragma once

#include <map>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/admin.h"
#include "config/file_text.h"
#include "io/accepting.h"
#include "server/connection_bound.h"
#include "server/degradations.h"
#include "server/held_gauges.h"
#include "server/long_turns.h"
#include "server/name_watch.h"
#include "server/opened_addresses.h"
#include "server/operator_lines.h"
#include "server/server.h"
#include "server/service_manager.h"
#include "server/ticker.h"
#include "server/store_health.h"
#include "server/worker.h"

namespace portico::server {

class FileWatch;

class Supervisor final : private io::FdWatch::Sink, private io::Accepting::Sink {
  public:
    explicit Supervisor(const Options& options);
    ~Supervisor();
    int run();

  private:
    // A configuration that is good, and has all that it needs but the addresses of its names.
    struct Coming {
        std::shared_ptr<const gateway::Snapshot> snapshot;
        OpenedAddresses addresses;
        std::unique_ptr<observe::LogSink> sink;  // where the access log moves; nullptr: it stays
        Time swap_by{};
        bool due = false;
        std::unique_ptr<Ticker> ticker;
    };

    bool start();
    void block_signals();
    bool start_workers();
    // How many client connections a worker may have, and what bounds them.
    std::string bound_of_connections(const config::Config& config) const;
    bool start_names();

    // Opens what the configuration adds to the listeners and the admin's address. @returns none when an address cannot be had
    std::optional<OpenedAddresses> open_addresses(const config::Config& config);
    bool open_listener(OpenedAddresses::Listener& into, size_t sockets, bool shared, int backlog);
    bool probe(const ListenAddress& wanted, SocketAddress& actual);
    // What of this gateway's own stands in its way, such as "listener 0.0.0.0:80"; empty where nothing does.
    std::string own_holder_of(const ListenAddress& wanted) const;
    // Hands them to the workers, and closes what the configuration no longer names.
    void serve_addresses(OpenedAddresses opened, const config::Config& config);
    void serve_admin(const OpenedAddresses::Listener& opened);

    std::shared_ptr<const gateway::Snapshot> load(uint64_t number);
    // @returns the access log's sink where it is another than the one that is there, else nullptr @errors io
    Result<std::unique_ptr<observe::LogSink>> open_log(const config::LogConfig& log);
    void reload(const char* why);
    // Reads a file again that was found at rest with that content. @returns false where it is to be judged anew: another configuration is on
    // its way, or somebody writes to the file again
    bool reload_at_rest(const std::string& path, const config::FilesRead::Digests& at_rest);
    // Makes a configuration the coming one, or says that it is refused.
    void take(std::shared_ptr<const gateway::Snapshot> fresh);
    // All that a good configuration needs, without a change yet. @returns nullptr where something cannot be had
    std::unique_ptr<Coming> prepare(std::shared_ptr<const gateway::Snapshot> fresh);
    // What is coming takes the place of what runs.
    void swap();
    void apply(std::shared_ptr<const gateway::Snapshot> snapshot);
    void keep_while_used(std::shared_ptr<const gateway::Snapshot> snapshot);
    void tell_what_needs_a_restart(const config::Config& config);
    void count_reload(const char* result);
    // What is served without something that it should have, and why: stores, names of endpoints, issuers' keys.
    std::vector<std::string> degraded();
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
    void on_nothing_left(int error) override;

    const Options& options_;
    SystemClock clock_;
    observe::Registry registry_;
    gateway::Resources resources_;
    OperatorLines operators_;
    ServiceManager service_manager_;
    StoreHealth store_health_;
    LongTurns long_turns_{registry_, operators_};
    ConnectionBound connection_bound_{registry_, operators_};
    Degradations degradations_;
    HeldGauges held_gauges_{registry_};
    std::unique_ptr<observe::LogSink> sink_;
    std::string log_file_;  // where sink_ writes
    std::vector<std::unique_ptr<observe::LogSink>> old_sinks_;  // until no worker writes to them
    std::unique_ptr<io::Loop> loop_;
    std::unique_ptr<gateway::Context> context_;  // the admin pages'
    std::unique_ptr<NameWatch> names_;
    std::unique_ptr<admin::AdminPages> pages_;
    edge::ServerSettings admin_settings_;
    const boost::intrusive_ptr<edge::Entrance> admin_entrance_{new edge::Entrance(admin_settings_)};
    std::unique_ptr<edge::ConnectionSet> admin_connections_;
    std::optional<io::Accepting> admin_accepting_;
    std::optional<ListenAddress> admin_address_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::map<ListenAddress, SocketAddress> listening_;  // as configured -> as bound
    std::shared_ptr<const gateway::Snapshot> snapshot_;
    // Those that ran before. Some worker may still use them; the last reference is let go here, since a snapshot takes long to destroy: it
    // may have thousands of routes, and threads to wait for.
    std::vector<std::shared_ptr<const gateway::Snapshot>> old_snapshots_;
    std::unique_ptr<Ticker> old_snapshots_ticker_;
    std::unique_ptr<Coming> coming_;        // of a reload that waits for names
    const char* reload_again_ = nullptr;    // why another reload was asked for meanwhile
    uint64_t descriptors_ = 0;
    io::BackendChoice io_ = io::BackendChoice::automatic;
    config::FilesRead::Digests loaded_;  // what the last load has read, for the watch
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
