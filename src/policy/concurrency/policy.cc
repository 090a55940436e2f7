#include "gateway/policy.h"

#include <memory>

#include "config/read.h"
#include "gateway/exchange.h"
#include "gateway/limit_key.h"
#include "gateway/snapshot.h"
#include "policy/concurrency/in_flight.h"
#include "policy/concurrency/wait.h"

namespace portico::policy::concurrency {
namespace {

using config::Field;
using config::Node;
using config::Scope;
using gateway::Exchange;
using gateway::Verdict;

constexpr std::string_view kSummary = "Lets so many requests of one key be served at once.";
constexpr int64_t kMost = 1'000'000;

struct Queue {
    uint32_t size = 0;  // 0: nobody waits
    Duration timeout = std::chrono::seconds(1);
};
struct Settings {
    uint32_t limit = 0;
    gateway::LimitKey key;
    Queue queue;
};

constexpr std::string_view kCount = R"({"type":"integer","minimum":1})";
constexpr Field<Queue> kQueueFields[] = {
    {{"size", "count", "", "How many of one key may wait.", kCount, true},
     [](const Scope& s, const Node& n, Queue& q) { q.size = static_cast<uint32_t>(config::read_integer(s, n, 1, kMost).value_or(0)); }},
    {{"timeout", "duration", "1s", "How long each may wait.", R"({"$ref":"#/$defs/duration"})"},
     [](const Scope& s, const Node& n, Queue& q) { q.timeout = config::read_duration(s, n, false).value_or(q.timeout); }},
};
constexpr Field<Settings> kFields[] = {
    {{"limit", "count", "", "How many may be served at once, over all workers of this gateway.", kCount, true},
     [](const Scope& s, const Node& n, Settings& t) { t.limit = static_cast<uint32_t>(config::read_integer(s, n, 1, kMost).value_or(0)); }},
    {{"key", gateway::LimitKey::kType, "client.ip", "Whose requests are counted together, such as `claims.sub`; an IPv6 address counts by its /64. "
      "`{ first: [claims.sub, client.ip] }`: by the first that is there. `all`: all of them.", gateway::LimitKey::kSchema},
     [](const Scope& s, const Node& n, Settings& t) { t.key = gateway::LimitKey::read(s, n); }},
    {{"queue", "mapping", "nobody waits", "Who comes too many waits in line: `size` (of one key), `timeout` (1s).",
      R"({"type":"object","properties":{"size":{"type":"integer","minimum":1},"timeout":{"$ref":"#/$defs/duration"}},"required":["size"],"additionalProperties":false})"},
     [](const Scope& s, const Node& n, Settings& t) { config::read_object<Queue>(s, n, t.queue, "a queue", kQueueFields); }},
};

struct Cells final : gateway::WorkerState {
    observe::Gauge in_flight, waiting;
    observe::Histogram wait;
};

// What an exchange holds until its end.
struct Held {
    InFlight::Entry* place = nullptr;
};

class GaugeShare {
  public:
    GaugeShare(observe::Shard& shard, observe::Gauge gauge) : shard_(shard), gauge_(gauge) { shard_.add(gauge_, 1); }
    ~GaugeShare() { shard_.add(gauge_, -1); }
    GaugeShare(const GaugeShare&) = delete;
    GaugeShare& operator=(const GaugeShare&) = delete;

  private:
    observe::Shard& shard_;
    observe::Gauge gauge_;
};

class Concurrency final : public gateway::Policy {
  public:
    Concurrency(Settings settings, std::string_view name, bool shadow, std::shared_ptr<InFlight> table)
        : s_(std::move(settings)), name_(name), shadow_(shadow), table_(std::move(table)) {}

    bool admits_anybody() const override { return true; }
    Verdict on_request(Exchange& x) const override {
        std::string key;
        if (auto built = s_.key.build(x, key); !built) return Verdict::refuse(std::move(built).error());
        if (InFlight::Entry* place = table_->enter(key)) {
            hold(x, place);
            return Verdict::proceed();
        }
        // In shadow nobody is kept waiting for what is not enforced.
        if (s_.queue.size == 0 || shadow_) return refuse(x, "");
        return Verdict::wait(wait_in_line(x, x.arena.copy(key)));
    }

    void on_complete(Exchange& x) const noexcept override {
        Held* held = x.noted<Held>(*this);
        if (held == nullptr) return;
        x.context.shard.add(x.state_of<Cells>(*this).in_flight, -1);
        table_->leave(held->place);
    }

    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override {
        const bool counted = side == gateway::MessageSide::request && s_.key.names_header(name);
        return counted ? gateway::FieldRule::withholds : gateway::FieldRule::none;
    }

    bool counts_by_subject() const override { return s_.key.is_subject(); }
    bool judges_parameter(std::string_view name) const override { return s_.key.names_parameter(name); }
    void check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const override {
        s_.key.check_place(place, mark, scope);
        if (place.shared_subject && s_.key.is_subject()) gateway::warn_of_shared_subject(scope, mark, "the key of this limit");
    }

    std::unique_ptr<gateway::WorkerState> make_worker_state(gateway::Context& context, gateway::Epoch&) const override {
        table_->adopt_limit(s_.limit);
        auto cells = std::make_unique<Cells>();
        const observe::Labels labels = {{"policy", std::string(name_)}};
        cells->in_flight = context.registry.gauge("portico_concurrency_in_flight", "Requests that hold a place.", labels);
        cells->waiting = context.registry.gauge("portico_concurrency_waiting", "Requests that wait for a place.", labels);
        cells->wait = context.registry.histogram("portico_concurrency_wait_seconds", "How long those waited that had to.", labels);
        return cells;
    }

    std::string preview(Exchange&) const override { return "would wait for a place"; }

  private:
    void hold(Exchange& x, InFlight::Entry* place) const {
        x.note_for<Held>(*this).place = place;
        x.context.shard.add(x.state_of<Cells>(*this).in_flight, 1);
    }

    Verdict refuse(Exchange& x, std::string_view why) const {
        x.error_fields.add("Retry-After", "1");
        return Verdict::refuse(Error(Fault::concurrency_exceeded, "over the limit of " + std::to_string(table_->limit()) + std::string(why)));
    }

    io::Task<Verdict> wait_in_line(Exchange& x, std::string_view key) const {
        Cells& cells = x.state_of<Cells>(*this);
        io::Loop& loop = x.context.loop;
        const Time begun = loop.now();
        Wait wait(loop, *table_, key, s_.queue.size, begun + s_.queue.timeout);
        if (wait.is_refused()) co_return refuse(x, ", and the line is full");
        bool placed = false;
        {
            const GaugeShare waiting(x.context.shard, cells.waiting);
            placed = co_await wait;
        }
        x.context.shard.observe(cells.wait, loop.now() - begun);
        if (!placed) co_return refuse(x, ", and no place became free in time");
        hold(x, wait.place());
        co_return Verdict::proceed();
    }

    Settings s_;
    std::string_view name_;
    bool shadow_;
    std::shared_ptr<InFlight> table_;
};

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    Settings read;
    const size_t before = faults.errors();
    config::read_object<Settings>(Scope(faults, settings.path), settings.settings, read, "concurrency", kFields);
    if (faults.errors() != before) return nullptr;
    // One in place is known by its place; shadow counts under a name of its own (LANGUAGE.md §5).
    const std::string identity = (settings.shadow ? "shadow " : "") + settings.identity;
    auto table = settings.build.resources().get<InFlight>("concurrency", identity,
                                                         [&] { return std::make_shared<InFlight>(HashKey::random(), read.limit); });
    return std::make_unique<Concurrency>(std::move(read), settings.name, settings.shadow, std::move(table));
}

config::ObjectText describe() { return config::describe<Settings>("concurrency", "concurrency", kSummary, kFields); }

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "concurrency",
        .summary = kSummary,
        .can_refuse = true,
        .make = make,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::concurrency
