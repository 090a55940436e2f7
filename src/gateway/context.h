// What a worker lends to its exchanges: loop, metrics, randomness, services, the running snapshot and the access log.
// One worker's; owned by server/worker (and by the admin's control thread).
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "gateway/aggregate/call_outcome.h"
#include "io/job.h"
#include "io/loop.h"
#include "io/turn_budget.h"
#include "observe/metrics.h"
#include "observe/trace_context.h"
#include "redis/client.h"
#include "upstream/call.h"
#include "upstream/service.h"

namespace portico::gateway {

struct Snapshot;
class Exchange;
class WorkerState;

// Cells of one route with one service, found at their first use: the registry's lock is taken once.
struct RouteCells {
    int32_t service = kUnset;
    observe::Histogram duration;
    std::array<observe::Counter, 6> requests;  // by status class; [0]: no answer was sent
    static constexpr int32_t kUnset = -2, kNone = -1;
};
struct ServiceCells {
    bool ready = false;
    observe::Histogram first_byte;
    observe::Counter connects, reuses, stale_reuse;
    observe::Gauge connections;
};

struct PolicyCells {
    bool ready = false;
    observe::Counter passed, refused, shadow_refused;
};

// Of one call of an aggregate.
struct CallCells {
    bool ready = false;
    observe::Histogram seconds;
    std::array<observe::Counter, static_cast<size_t>(CallFailure::count_)> failures{};
    std::array<bool, static_cast<size_t>(CallFailure::count_)> failures_ready{};
};

// A snapshot together with this worker's services for it, by their index in the configuration. Exchanges hold the one that
// they began with; the last one frees it. The cells are this worker's own, filled as they are needed.
struct Epoch {
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<std::shared_ptr<upstream::Service>> services;
    std::vector<std::shared_ptr<redis::Client>> stores;  // by Snapshot::stores; nullptr for memory
    std::vector<RouteCells> route_cells;  // by route index; one more for requests without a route
    std::unordered_map<uint64_t, RouteCells> more_route_cells;  // a dynamic {service}'s further services
    std::vector<ServiceCells> service_cells;
    std::unordered_map<size_t, std::vector<CallCells>> call_cells;  // by route, of those that aggregate
    std::vector<PolicyCells> policy_cells;                      // by Policy::index()
    std::vector<std::unique_ptr<WorkerState>> policy_states;    // the same; last, for they use the rest

    Epoch();
    ~Epoch();
};

// Cells that every exchange touches, registered once.
struct CommonCells {
    explicit CommonCells(observe::Registry& registry);
    observe::Gauge connections_open;
    observe::Counter connections_total;
    observe::Counter managed_removed;
    observe::Counter dropped_log_lines;
};

class Context {
  public:
    Context(io::Loop& loop, observe::Registry& registry, uint64_t seed);
    ~Context();

    io::Loop& loop;
    observe::Registry& registry;
    observe::Shard& shard;
    CommonCells cells;
    observe::Random random;
    // For what anybody can ask for and costs more than a request does. Half a millisecond is five to thirty signatures: enough that
    // what stands between two turns costs little beside it, and so short that nobody who is served in between notices.
    io::TurnBudget computing{loop, std::chrono::microseconds(500)};
    io::Jobs jobs{loop, computing};
    std::shared_ptr<Epoch> epoch;
    // A line for the operator, on stderr in a running gateway. Never holds what a client sent.
    std::function<void(const std::string& line)> say = [](const std::string&) {};
    // Something that policies need is not there, or is there again (an empty `why`), for /ready: it stands there while `owner` lives. Set in
    // a running gateway.
    std::function<void(const std::shared_ptr<const void>& owner, std::string what, std::string why)> degraded =
        [](const std::shared_ptr<const void>&, const std::string&, const std::string&) {};
    // Addresses of a name, where the server offers them (not in `explain`).
    std::function<io::Task<Result<std::vector<IpAddress>>>(std::string host, Time deadline)> resolve;
    std::string log_lines;   // of this turn; the worker hands them to the sink
    bool draining = false;   // answers close their connections

    // The cells of a route (kNoRoute where none matched) with a service (-1: none was reached).
    RouteCells& route_cells(Epoch& epoch_of, size_t route, int32_t service);
    ServiceCells& service_cells(Epoch& epoch_of, size_t service);
    PolicyCells& policy_cells(Epoch& epoch_of, uint32_t policy);
    CallCells& call_cells(Epoch& epoch_of, size_t route, size_t call);
    void count_call_failure(Epoch& epoch_of, size_t route, size_t call, CallFailure failure);
    void count_error(Fault fault);
    static constexpr size_t kNoRoute = SIZE_MAX;

    // A snapshot as this worker serves it, with the worker's parts of its policies.
    std::shared_ptr<Epoch> make_epoch(std::shared_ptr<const Snapshot> snapshot, std::vector<std::shared_ptr<upstream::Service>> services,
                                      std::vector<std::shared_ptr<redis::Client>> stores = {});

    // An exchange with its capacities kept from earlier use.
    Exchange* take_exchange();
    void give_exchange(Exchange* exchange);
    // Likewise an answer of a call.
    std::unique_ptr<upstream::CallAnswer> take_answer();
    void give_answer(std::unique_ptr<upstream::CallAnswer> answer);

  private:
    std::vector<Exchange*> spare_;
    std::vector<std::unique_ptr<upstream::CallAnswer>> spare_answers_;
    std::array<observe::Counter, static_cast<size_t>(Fault::internal) + 1> errors_{};
    std::array<bool, static_cast<size_t>(Fault::internal) + 1> errors_ready_{};
};

}  // namespace portico::gateway
