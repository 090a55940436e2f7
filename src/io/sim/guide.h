// Chooses the runs of a model that bring waits to the endings that they came to least often: it remembers which runs came to a wait
// at all, and has them again with fate (sim/fate.h) aimed at it. What it chooses follows from the seeds alone. For tests only.
#pragma once

#include <algorithm>
#include <functional>
#include <set>

#include "io/sim/fate.h"
#include "io/wait_coverage.h"

namespace portico::io {

class Guide {
  public:
    using Lacks = std::function<std::vector<wait_watch::Lack>()>;

    // @param lacks what is wanted still; empty where nothing is, or nobody watches
    Guide(uint64_t seed, Lacks lacks) : chance_(seed ^ 0x6D1D), lacks_(std::move(lacks)) {}

    // @returns the run to have now; none: one of a fresh seed is worth more
    std::optional<Variant> next() {
        if (runs_++ % kRunsBetweenLooks == 0) look();
        if (wanted_.empty() || chance_.one_in(3)) return std::nullopt;
        // The rarest of a few, so that one that cannot be had does not take all the time.
        const wait_watch::Lack* rarest = nullptr;
        for (int i = 0; i < 3; ++i) {
            const auto& one = wanted_[chance_.below(wanted_.size())];
            if (knows(one) && (rarest == nullptr || one.times < rarest->times)) rarest = &one;
        }
        if (rarest == nullptr) return std::nullopt;
        Place& place = places_.at(key_of(rarest->file, rarest->line));
        Run& run = best_of(place.known, rarest->ending);
        Variant variant = run.variant;
        // As it came there once, or in other weather.
        if (chance_.one_in(2)) variant.weather = chance_.next() | 1;
        variant.aim = Aim{rarest->file, rarest->line, rarest->ending, chance_.between(1, std::min<uint64_t>(run.lasted, 30))};
        aimed_ = {&place, &run, place.times(rarest->ending)};
        return variant;
    }

    void learn(const Variant& variant, const std::map<const wait_watch::Place*, uint64_t>& lasted) {
        if (aimed_.run != nullptr) {
            Tried& tried = aimed_.run->tried[static_cast<size_t>(variant.aim->ending)];
            ++tried.times;
            if (aimed_.place->times(variant.aim->ending) > aimed_.before) ++tried.hits;
        }
        aimed_ = {};
        for (const auto& [at, times] : lasted) {
            auto& known = places_[key_of(at->file, at->line)].known;
            Run run{variant, times, {}};
            run.variant.aim.reset();
            if (known.size() < kRunsOfOne) known.push_back(std::move(run));
            else if (Run& worst = worst_of(known); worst.hits() == 0) worst = std::move(run);
        }
    }

  private:
    struct Tried {
        uint64_t times = 0, hits = 0;
    };
    struct Run {
        Variant variant;
        uint64_t lasted = 0;  // waits at the place, longer than a turn
        std::array<Tried, wait_watch::kEndings> tried{};

        uint64_t hits() const {
            uint64_t sum = 0;
            for (const Tried& t : tried) sum += t.hits;
            return sum;
        }
    };
    struct Place {
        std::vector<const wait_watch::Place*> counted;  // several where a header's code is compiled more than once
        std::vector<Run> known;

        uint64_t times(WaitEnding ending) const {
            uint64_t sum = 0;
            for (const auto* place : counted) sum += place->endings[static_cast<size_t>(ending)].load(std::memory_order_relaxed);
            return sum;
        }
    };
    struct Aimed {
        const Place* place = nullptr;
        Run* run = nullptr;
        uint64_t before = 0;
    };
    static constexpr uint64_t kRunsBetweenLooks = 200;
    static constexpr size_t kRunsOfOne = 100;

    static std::string key_of(std::string_view file, uint32_t line) {
        const size_t below = file.rfind("src/");
        return std::string(below == std::string_view::npos ? file : file.substr(below + 4)) + ":" + std::to_string(line);
    }
    // Those that struck where they were aimed have it more often.
    Run& best_of(std::vector<Run>& known, WaitEnding ending) {
        const auto score = [ending](const Run& run) {
            const Tried& t = run.tried[static_cast<size_t>(ending)];
            return static_cast<double>(t.hits + 1) / static_cast<double>(t.times + 1);
        };
        Run* best = &known[chance_.below(known.size())];
        for (int i = 0; i < 7; ++i) {
            if (Run& other = known[chance_.below(known.size())]; score(other) > score(*best)) best = &other;
        }
        return *best;
    }
    Run& worst_of(std::vector<Run>& known) {
        Run* worst = &known[chance_.below(known.size())];
        for (int i = 0; i < 3; ++i) {
            if (Run& other = known[chance_.below(known.size())]; other.hits() < worst->hits()) worst = &other;
        }
        return *worst;
    }
    bool knows(const wait_watch::Lack& lack) const {
        const auto place = places_.find(key_of(lack.file, lack.line));
        return place != places_.end() && !place->second.known.empty();
    }
    void look() {
        wanted_ = lacks_();
        std::erase_if(wanted_, [](const wait_watch::Lack& lack) { return lack.ending == WaitEnding::resumed; });
        std::set<std::string> keys;
        for (const auto& lack : wanted_) keys.insert(key_of(lack.file, lack.line));
        for (const wait_watch::Counts& counts : wait_watch::all()) {
            const std::string key = key_of(counts.file, counts.line);
            counts.place->wanted.store(keys.contains(key), std::memory_order_relaxed);
            if (!keys.contains(key)) continue;
            auto& counted = places_[key].counted;
            if (std::ranges::find(counted, counts.place) == counted.end()) counted.push_back(counts.place);
        }
    }

    Chance chance_;
    Lacks lacks_;
    uint64_t runs_ = 0;
    std::vector<wait_watch::Lack> wanted_;
    std::map<std::string, Place> places_;
    Aimed aimed_;  // what is run now
};

}  // namespace portico::io
