// Metric cells: counters, gauges and histograms with one writer a cell and no lock on the request path. A Registry is the
// process's; each worker (and the control thread) writes to a Shard of its own; reading sums the shards. Layer 1.
//
// Identities (name and labels) are registered when a Snapshot is built, under a lock, and stay for the life of the process,
// so that counters survive a reload. The number of series is bounded: past the cap, new label sets share one with the label
// values "other".
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace portico::observe {

using Labels = std::vector<std::pair<std::string, std::string>>;

struct Counter {
    uint32_t cell = 0;
};
struct Gauge {  // the sum over the shards of what was added and subtracted
    uint32_t cell = 0;
};
struct Histogram {
    uint32_t cell = 0;  // the first of kBuckets + 2 cells: buckets, count, sum (nanoseconds)
};

// Upper bounds of the latency buckets, in seconds: 100 µs to 60 s, then +Inf.
inline constexpr std::array<double, 15> kLatencyBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                          0.05,   0.1,     0.25,   0.5,   1,      5,     60};

// A gauge that nobody writes: it is asked for its value when the metrics are read, such as one that grows as time passes.
class Asked {
  public:
    virtual ~Asked() = default;
    // Any thread. @returns none where there is no sample now
    virtual std::optional<double> value() const = 0;
};

// One writer's cells. `add` is a relaxed load and store: no other thread writes here.
class Shard {
  public:
    void add(Counter c, uint64_t n = 1) { bump(c.cell, n); }
    void add(Gauge g, int64_t n) { bump(g.cell, static_cast<uint64_t>(n)); }
    void observe(Histogram h, Duration d);

  private:
    friend class Registry;
    static constexpr uint32_t kChunk = 1024;
    static constexpr uint32_t kChunks = 1024;
    using Chunk = std::array<std::atomic<uint64_t>, kChunk>;
    std::atomic<uint64_t>& at(uint32_t cell) {
        Chunk* chunk = chunks_[cell / kChunk].load(std::memory_order_relaxed);
        if (chunk == nullptr) [[unlikely]] chunk = new_chunk(cell / kChunk);
        return (*chunk)[cell % kChunk];
    }
    Chunk* new_chunk(uint32_t index);
    void bump(uint32_t cell, uint64_t n) {
        auto& c = at(cell);
        c.store(c.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    uint64_t read(uint32_t cell) const;
    std::array<std::atomic<Chunk*>, kChunks> chunks_{};
    std::vector<std::unique_ptr<Chunk>> owned_;
};

class Registry {
  public:
    static constexpr size_t kMaxSeries = 50'000;

    // The same name and labels give the same cell. @param help one sentence, for the exposition and docs/metrics.md
    Counter counter(std::string_view name, std::string_view help, const Labels& labels = {});
    Gauge gauge(std::string_view name, std::string_view help, const Labels& labels = {});
    Histogram histogram(std::string_view name, std::string_view help, const Labels& labels = {});
    // A gauge that is asked, as long as somebody else holds it: then its sample goes. Of several with the same name and labels
    // the greatest is shown.
    void ask(std::string_view name, std::string_view help, const Labels& labels, std::weak_ptr<const Asked> asked);

    // A shard for one writer thread; lives as long as the registry.
    Shard& new_shard();
    // A gauge's value at this moment. Any thread.
    int64_t value(Gauge gauge) const;
    // Everything as Prometheus text (exposition format 0.0.4), families by name, series by labels. Any thread. A worker that registers
    // a series meanwhile waits for a copy of what there is, and not for the text.
    std::string exposition() const;
    // Name and help of every family, sorted: what docs/metrics.md and the golden test list.
    std::vector<std::pair<std::string, std::string>> families() const;

  private:
    enum class Kind : uint8_t { counter, gauge, histogram, asked };
    using AskedSeries = std::map<std::string, std::vector<std::weak_ptr<const Asked>>>;  // by rendered labels
    struct Family {
        Kind kind;
        std::string help;
        std::map<std::string, uint32_t> series;  // rendered labels -> cell
        AskedSeries asked;
    };
    // A series as it is listed, whose texts stand in families_: those stay where they are and are never taken out.
    struct Listed {
        const std::string* name;
        const Family* family;
        const std::string* labels;
        uint32_t cell;
    };
    // The same of those that are asked, which may go.
    struct ListedAsked {
        const std::string* name;
        const Family* family;
        std::string labels;
        std::vector<std::weak_ptr<const Asked>> asked;
    };
    class Exposition;
    Family& family_of(Kind kind, std::string_view name, std::string_view help);
    uint32_t add(Kind kind, std::string_view name, std::string_view help, const Labels& labels);
    static std::optional<double> greatest(const std::vector<std::weak_ptr<const Asked>>& asked);

    mutable std::mutex mutex_;
    std::map<std::string, Family, std::less<>> families_;
    std::vector<Listed> listed_;  // every series of every family, in the order of coming
    size_t series_ = 0;
    uint32_t cells_ = 0;
    std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace portico::observe
