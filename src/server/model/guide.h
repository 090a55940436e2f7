// Chooses the runs of the model that bring waits to the endings that they came to least often: it remembers which runs came to a wait
// at all, and has them again with fate (model/fate.h) aimed at it. What it chooses follows from the seeds alone. For tests only.
#pragma once

#include <algorithm>
#include <functional>
#include <set>

#include "server/model/fate.h"

namespace portico::server::model {

class Guide {
  public:
    using Lacks = std::function<std::vector<io::wait_watch::Lack>()>;

    // @param lacks what is wanted still; empty where nothing is, or nobody watches
    Guide(uint64_t seed, Lacks lacks) : chance_(seed ^ 0x6D1D), lacks_(std::move(lacks)) {}

    // @returns the run to have now; none: one of a fresh seed is worth more
    std::optional<Variant> next() {
        if (runs_++ % kRunsBetweenLooks == 0) look();
        if (wanted_.empty() || chance_.one_in(3)) return std::nullopt;
        // The rarest of a few, so that one that cannot be had does not take all the time.
        const io::wait_watch::Lack* rarest = nullptr;
        for (int i = 0; i < 3; ++i) {
            const auto& one = wanted_[chance_.below(wanted_.size())];
            if (memory_.contains(key_of(one.file, one.line)) && (rarest == nullptr || one.times < rarest->times)) rarest = &one;
        }
        if (rarest == nullptr) return std::nullopt;
        const auto& known = memory_.at(key_of(rarest->file, rarest->line));
        const Run& run = known[chance_.below(known.size())];
        Variant variant = run.variant;
        // As it came there once, or in other weather.
        if (chance_.one_in(2)) variant.weather = chance_.next() | 1;
        variant.aim = Aim{rarest->file, rarest->line, rarest->ending, chance_.between(1, std::min<uint64_t>(run.lasted, 30))};
        return variant;
    }

    void learn(const Variant& variant, uint64_t turns, const std::map<const io::wait_watch::Place*, uint64_t>& lasted) {
        for (const auto& [place, times] : lasted) {
            auto& known = memory_[key_of(place->file, place->line)];
            Run run{variant, turns, times};
            run.variant.aim.reset();
            if (known.size() < kRunsOfOne) {
                known.push_back(std::move(run));
                continue;
            }
            // Those are kept that take the least time.
            auto costliest = std::ranges::max_element(known, {}, &Run::turns);
            if (turns < costliest->turns) *costliest = std::move(run);
        }
    }

  private:
    struct Run {
        Variant variant;
        uint64_t turns = 0, lasted = 0;
    };
    static constexpr uint64_t kRunsBetweenLooks = 200;
    static constexpr size_t kRunsOfOne = 100;

    static std::string key_of(std::string_view file, uint32_t line) {
        const size_t below = file.rfind("src/");
        return std::string(below == std::string_view::npos ? file : file.substr(below + 4)) + ":" + std::to_string(line);
    }
    void look() {
        wanted_ = lacks_();
        std::erase_if(wanted_, [](const io::wait_watch::Lack& lack) { return lack.ending == WaitEnding::resumed; });
        std::set<std::string> keys;
        for (const auto& lack : wanted_) keys.insert(key_of(lack.file, lack.line));
        for (const io::wait_watch::Counts& counts : io::wait_watch::all()) counts.place->wanted.store(keys.contains(key_of(counts.file, counts.line)), std::memory_order_relaxed);
    }

    io::Chance chance_;
    Lacks lacks_;
    uint64_t runs_ = 0;
    std::vector<io::wait_watch::Lack> wanted_;
    std::map<std::string, std::vector<Run>> memory_;
};

}  // namespace portico::server::model
