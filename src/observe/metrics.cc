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
    const auto series = family.series.emplace(std::move(key), cell).first;
    listed_.push_back({&families_.find(name)->first, &family, &series->first, cell});
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

// The text, made of copies.
class Registry::Exposition {
  public:
    Exposition(std::vector<const Shard*> shards, std::vector<Listed> listed, std::vector<ListedAsked> asked)
        : shards_(std::move(shards)), listed_(std::move(listed)), asked_(std::move(asked)) {
        std::ranges::sort(listed_, [](const Listed& a, const Listed& b) { return a.name != b.name ? *a.name < *b.name : *a.labels < *b.labels; });
    }

    std::string text() && {
        auto asked = asked_.begin();
        const std::string* begun = nullptr;
        const auto begin = [&](const std::string* name, const Family& family) {
            if (std::exchange(begun, name) == name) return;
            out_ += "# HELP " + *name + " " + family.help + "\n# TYPE " + *name + " ";
            (out_ += kKinds[static_cast<size_t>(family.kind)]) += '\n';
        };
        const auto put_asked_before = [&](const std::string* name) {
            for (; asked != asked_.end() && (name == nullptr || *asked->name < *name); ++asked) {
                begin(asked->name, *asked->family);
                if (const auto value = greatest(asked->asked)) line(*asked->name, asked->labels, decimal(*value));
            }
        };
        for (const Listed& one : listed_) {
            put_asked_before(one.name);
            begin(one.name, *one.family);
            put(one);
        }
        put_asked_before(nullptr);
        return std::move(out_);
    }

  private:
    static constexpr std::string_view kKinds[] = {"counter", "gauge", "histogram", "gauge"};

    uint64_t sum(uint32_t cell) const {
        uint64_t total = 0;
        for (const Shard* shard : shards_) total += shard->read(cell);
        return total;
    }
    void line(const std::string& name, const std::string& labels, std::string_view value) {
        out_ += name;
        if (!labels.empty()) (out_ += '{') += labels + "}";
        (out_ += ' ') += value;
        out_ += '\n';
    }
    void put(const Listed& one) {
        const auto& [name, family, labels, cell] = one;
        switch (family->kind) {
            case Kind::counter: return line(*name, *labels, std::to_string(sum(cell)));
            case Kind::gauge: return line(*name, *labels, std::to_string(static_cast<int64_t>(sum(cell))));
            case Kind::histogram: return put_histogram(*name, *labels, cell);
            case Kind::asked: return;
        }
    }
    void put_histogram(const std::string& name, const std::string& labels, uint32_t cell) {
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

    std::vector<const Shard*> shards_;
    std::vector<Listed> listed_;
    std::vector<ListedAsked> asked_;  // by name and labels
    std::string out_;
};

std::string Registry::exposition() const {
    std::vector<const Shard*> shards;
    std::vector<Listed> listed;
    std::vector<ListedAsked> asked;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& shard : shards_) shards.push_back(shard.get());
        listed = listed_;
        for (const auto& [name, family] : families_) {
            if (family.kind != Kind::asked) continue;
            // One without a sample, so that its family is named all the same.
            if (family.asked.empty()) asked.push_back({&name, &family, {}, {}});
            for (const auto& [labels, all] : family.asked) asked.push_back({&name, &family, labels, all});
        }
    }
    return Exposition(std::move(shards), std::move(listed), std::move(asked)).text();
}

}  // namespace portico::observe
