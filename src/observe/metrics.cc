#include "observe/metrics.h"

#include <algorithm>

#include "base/check.h"
#include "base/utf8.h"

namespace portico::observe {
namespace {

// A label's value with the escapes of the exposition format 0.0.4. It is UTF-8 (a scrape that is not is lost whole), whatever it was.
void append_value(std::string& out, std::string_view value) {
    while (!value.empty()) {
        const char c = value.front();
        const Utf8Piece piece = static_cast<unsigned char>(c) < 0x80 ? Utf8Piece{1, true} : utf8_piece(value);
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n') out += "\\n";
        else out += piece.well_formed ? value.substr(0, piece.size) : kReplacementCharacter;
        value.remove_prefix(piece.size);
    }
}

std::string render(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        if (!out.empty()) out += ',';
        out += name;
        out += "=\"";
        append_value(out, value);
        out += '"';
    }
    return out;
}

Labels other_than(Labels labels) {
    for (auto& [label, value] : labels) value = "other";
    return labels;
}

std::string decimal(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
}

constexpr uint32_t kHistogramCells = static_cast<uint32_t>(kLatencyBounds.size()) + 1 + 2;

constexpr std::array<int64_t, kLatencyBounds.size()> kBoundsNs = [] {
    std::array<int64_t, kLatencyBounds.size()> r{};
    for (size_t i = 0; i < r.size(); ++i) r[i] = static_cast<int64_t>(kLatencyBounds[i] * 1e9 + 0.5);
    return r;
}();

}  // namespace

Shard::Chunk* Shard::new_chunk(uint32_t index) {
    Chunk* const chunk = owned_.emplace_back(std::make_unique<Chunk>()).get();
    chunks_[index].store(chunk, std::memory_order_release);
    return chunk;
}

uint64_t Shard::read(uint32_t cell) const {
    const Chunk* chunk = chunks_[cell / kChunk].load(std::memory_order_acquire);
    return chunk == nullptr ? 0 : (*chunk)[cell % kChunk].load(std::memory_order_relaxed);
}

void Shard::observe(Histogram h, Duration d) {
    const auto bucket = static_cast<uint32_t>(std::ranges::lower_bound(kBoundsNs, d.count()) - kBoundsNs.begin());
    const auto count = h.cell + static_cast<uint32_t>(kLatencyBounds.size()) + 1;
    bump(h.cell + bucket, 1);
    bump(count, 1);
    bump(count + 1, static_cast<uint64_t>(std::max<int64_t>(d.count(), 0)));
}

Registry::Family& Registry::family_of(Kind kind, std::string_view name, std::string_view help) {
    auto [family, fresh] = families_.try_emplace(std::string(name));
    if (fresh) {
        family->second.kind = kind;
        family->second.help = help;
    }
    PORTICO_CHECK(family->second.kind == kind);
    return family->second;
}

uint32_t Registry::add(Kind kind, std::string_view name, std::string_view help, const Labels& labels) {
    std::lock_guard lock(mutex_);
    Family& family = family_of(kind, name, help);
    std::string key = render(labels);
    auto found = family.series.find(key);
    if (found != family.series.end()) return found->second;
    if (series_ >= kMaxSeries && !labels.empty()) {
        key = render(other_than(labels));
        found = family.series.find(key);
        if (found != family.series.end()) return found->second;
    }
    const uint32_t cell = cells_;
    uint32_t needed = kind == Kind::histogram ? kHistogramCells : 1;
    PORTICO_CHECK(cells_ + needed < Shard::kChunk * Shard::kChunks);
    cells_ += needed;
    ++series_;
    family.series.emplace(std::move(key), cell);
    return cell;
}

Counter Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
    return {add(Kind::counter, name, help, labels)};
}
Gauge Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
    return {add(Kind::gauge, name, help, labels)};
}
Histogram Registry::histogram(std::string_view name, std::string_view help, const Labels& labels) {
    return {add(Kind::histogram, name, help, labels)};
}

void Registry::ask(std::string_view name, std::string_view help, const Labels& labels, std::weak_ptr<const Asked> asked) {
    const std::lock_guard lock(mutex_);
    Family& family = family_of(Kind::asked, name, help);
    for (auto& [key, all] : family.asked) std::erase_if(all, [](const auto& one) { return one.expired(); });
    series_ -= std::erase_if(family.asked, [](const auto& series) { return series.second.empty(); });
    std::string key = render(labels);
    if (series_ >= kMaxSeries && !family.asked.contains(key)) key = render(other_than(labels));
    auto [series, fresh] = family.asked.try_emplace(std::move(key));
    if (fresh) ++series_;
    series->second.push_back(std::move(asked));
}

std::optional<double> Registry::greatest(const std::vector<std::weak_ptr<const Asked>>& asked) {
    std::optional<double> found;
    for (const auto& one : asked) {
        const auto held = one.lock();
        // None is less than any value.
        if (held != nullptr) found = std::max(found, held->value());
    }
    return found;
}

Shard& Registry::new_shard() {
    std::lock_guard lock(mutex_);
    shards_.push_back(std::make_unique<Shard>());
    return *shards_.back();
}

std::vector<std::pair<std::string, std::string>> Registry::families() const {
    std::lock_guard lock(mutex_);
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [name, family] : families_) out.emplace_back(name, family.help);
    return out;
}

int64_t Registry::value(Gauge gauge) const {
    const std::lock_guard lock(mutex_);
    uint64_t sum = 0;
    for (const auto& shard : shards_) sum += shard->read(gauge.cell);
    return static_cast<int64_t>(sum);
}

std::string Registry::exposition() const {
    std::lock_guard lock(mutex_);
    const auto sum = [&](uint32_t cell) {
        uint64_t total = 0;
        for (const auto& shard : shards_) total += shard->read(cell);
        return total;
    };
    std::string out;
    const auto line = [&](const std::string& name, const std::string& labels, std::string_view value) {
        out += name;
        if (!labels.empty()) (out += '{') += labels + "}";
        (out += ' ') += value;
        out += '\n';
    };
    constexpr std::string_view kKinds[] = {"counter", "gauge", "histogram", "gauge"};
    for (const auto& [name, family] : families_) {
        out += "# HELP " + name + " " + family.help + "\n# TYPE " + name + " ";
        (out += kKinds[static_cast<size_t>(family.kind)]) += '\n';
        for (const auto& [labels, asked] : family.asked) {
            if (const auto value = greatest(asked)) line(name, labels, decimal(*value));
        }
        for (const auto& [labels, cell] : family.series) {
            if (family.kind == Kind::counter) {
                line(name, labels, std::to_string(sum(cell)));
            } else if (family.kind == Kind::gauge) {
                line(name, labels, std::to_string(static_cast<int64_t>(sum(cell))));
            } else {
                const std::string prefix = labels.empty() ? "" : labels + ",";
                uint64_t below = 0;
                char bound[32];
                for (uint32_t i = 0; i < kLatencyBounds.size(); ++i) {
                    below += sum(cell + i);
                    std::snprintf(bound, sizeof bound, "%g", kLatencyBounds[i]);
                    line(name + "_bucket", prefix + "le=\"" + bound + "\"", std::to_string(below));
                }
                below += sum(cell + static_cast<uint32_t>(kLatencyBounds.size()));
                line(name + "_bucket", prefix + "le=\"+Inf\"", std::to_string(below));
                const uint32_t count = cell + static_cast<uint32_t>(kLatencyBounds.size()) + 1;
                line(name + "_sum", labels, decimal(static_cast<double>(sum(count + 1)) / 1e9));
                line(name + "_count", labels, std::to_string(below));
            }
        }
    }
    return out;
}

}  // namespace portico::observe
