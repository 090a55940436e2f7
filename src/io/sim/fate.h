// Brings waits to endings that chance alone comes to once in a million: when somebody waits at a chosen place, a model (of exchanges,
// of stores) breaks his peers' connections, or silences them, or ends him. Places are chosen by the run's seed, or by an aim
// (sim/guide.h). Only in builds that watch waits does it ever hear of one. For tests only.
#pragma once

#include <array>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/sim/chance.h"
#include "io/wait_watch.h"

namespace portico::io {

using WaitEnding = wait_watch::Ending;

// A wait to be brought to an ending: the first one at a place that is its nth or a later one, and lasts longer than a turn.
struct Aim {
    std::string file;  // below src/
    uint32_t line = 0;
    WaitEnding ending = WaitEnding::broken;
    uint64_t nth = 1;

    bool is_at(const wait_watch::Place& place) const { return place.line == line && std::string_view(place.file).ends_with(file); }
    std::string text() const { return file + ":" + std::to_string(line) + ":" + std::to_string(static_cast<int>(ending)) + ":" + std::to_string(nth); }
    static std::optional<Aim> parse(std::string_view text) {
        Aim aim;
        aim.file = text.substr(0, text.find(':'));
        std::array<uint64_t, 3> numbers{};
        for (uint64_t& number : numbers) {
            const size_t colon = text.find(':');
            if (colon == std::string_view::npos) return std::nullopt;
            text.remove_prefix(colon + 1);
            if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return std::nullopt;
        }
        aim.line = static_cast<uint32_t>(numbers[0]), aim.ending = static_cast<WaitEnding>(numbers[1]), aim.nth = numbers[2];
        return aim;
    }
};

// One of the runs that a seed has.
struct Variant {
    uint64_t seed = 0;
    uint64_t weather = 0;  // the network's own draws; 0: those of the seed
    std::optional<Aim> aim = std::nullopt;

    std::string text() const {
        return "PORTICO_MODEL_SEED=" + std::to_string(seed) + (weather != 0 ? " PORTICO_MODEL_WEATHER=" + std::to_string(weather) : "") + (aim ? " PORTICO_MODEL_AIM=" + aim->text() : "");
    }
    // As text() says it. @returns nothing where the environment names no seed
    static std::optional<Variant> from_environment() {
        const auto number = [](const char* name) {
            const char* text = std::getenv(name);
            return text == nullptr ? uint64_t{0} : std::strtoull(text, nullptr, 10);
        };
        const char* aim = std::getenv("PORTICO_MODEL_AIM");
        Variant variant{number("PORTICO_MODEL_SEED"), number("PORTICO_MODEL_WEATHER"), aim == nullptr ? std::nullopt : Aim::parse(aim)};
        if (variant.seed == 0) return std::nullopt;
        if (aim != nullptr && !variant.aim) {
            std::fprintf(stderr, "PORTICO_MODEL_AIM: expected file:line:ending:nth, as a failure prints it, not %s\n", aim);
            std::exit(2);
        }
        return variant;
    }
};

class Fate final : private wait_watch::Observer {
  public:
    // @param chooses else it leaves everything to chance
    Fate(const Variant& variant, bool chooses)
        : chance_(variant.seed ^ 0xFA7E), key_(chance_.next()), ending_(static_cast<WaitEnding>(chance_.between(1, 3))), aim_(chooses ? variant.aim : std::nullopt) {
        if (aim_) ending_ = aim_->ending;
        strikes_ = chooses && (aim_ || chance_.one_in(2));
        who_ = Chance(chance_.next() ^ (aim_ ? aim_->nth ^ variant.weather : 0)).next();
        if (chooses) wait_watch::observer = this;
    }
    ~Fate() {
        if (wait_watch::observer == this) wait_watch::observer = nullptr;
    }
    Fate(const Fate&) = delete;

    WaitEnding ending() const { return ending_; }
    // Of so many that it may come upon, which one.
    uint64_t which_of(uint64_t many) const { return who_ % many; }
    // To be asked behind each turn. @returns whether somebody waits at a chosen place
    bool strikes() {
        for (const wait_watch::Place* place : begun_) {
            if (waits_at_now(*place)) ++lasted_[place];
        }
        begun_.clear();
        if (place_ != nullptr && !waits_at_now(*place_)) place_ = nullptr;
        return place_ != nullptr;
    }
    bool still_strikes() const { return place_ != nullptr && waits_at_now(*place_); }
    void has_struck() {
        place_ = nullptr;
        strikes_ = --left_ > 0;
    }
    // How many waits at each of these places lasted longer than a turn, at least.
    const std::map<const wait_watch::Place*, uint64_t>& lasted() const { return lasted_; }

  private:
    static constexpr uint64_t kPlacesToOne = 24;

    static bool waits_at_now(const wait_watch::Place& place) { return place.waiting.load(std::memory_order_relaxed) > 0; }
    void waits_at(wait_watch::Place& place) override {
        if (place.wanted.load(std::memory_order_relaxed)) begun_.push_back(&place);
        if (!strikes_ || place_ != nullptr) return;
        if (aim_ ? aim_->is_at(place) && ++came_ >= aim_->nth : (std::hash<std::string_view>()(place.file) + place.line * 0x9E3779B97F4A7C15ull ^ key_) % kPlacesToOne == 0) place_ = &place;
    }

    Chance chance_;
    uint64_t key_;
    WaitEnding ending_;
    std::optional<Aim> aim_;
    uint64_t who_ = 0;
    bool strikes_ = false;
    uint64_t came_ = 0;
    const wait_watch::Place* place_ = nullptr;
    int left_ = 8;
    std::vector<const wait_watch::Place*> begun_;
    std::map<const wait_watch::Place*, uint64_t> lasted_;
};

}  // namespace portico::io
