// The oracle: it knows every request of an episode and accounts for each byte that a client or a service got. For tests only.
#pragma once

#include <functional>
#include <memory>

#include "server/model/plan.h"
#include "server/model/wire.h"

namespace portico::server::model {

class Ledger {
  public:
    Ledger(Manners manners, uint64_t seed, bool trace) : manners_(manners), chance_(seed), trace_(trace) {}

    const Manners& manners() const { return manners_; }
    Chance& chance() { return chance_; }
    Planned& plan() {
        const uint64_t id = plans_.size() + 1;
        return *plans_.emplace_back(std::make_unique<Planned>(draw_request(chance_, manners_, id)));
    }
    Planned* find(std::string_view id) {
        uint64_t n = 0;
        std::from_chars(id.data(), id.data() + id.size(), n);
        return n == 0 || n > plans_.size() ? nullptr : plans_[n - 1].get();
    }
    size_t size() const { return plans_.size(); }

    // What must not happen has happened.
    void broken(const std::string& what) {
        if (broken_.empty()) broken_ = what;
        note("BROKEN: " + what);
    }
    const std::string& broken() const { return broken_; }
    bool trace() const { return trace_; }
    template <class F>
        requires std::is_invocable_r_v<std::string, F>
    void note(F text) {
        if (trace_) note(text());
    }
    void note(const std::string& text) {
        if (!trace_) return;
        if (steps_.size() > 800) steps_.erase(steps_.begin(), steps_.begin() + 400);
        steps_.push_back((stamp ? stamp() : std::string()) + text);
    }
    std::string last_steps(size_t n) const {
        std::string out;
        for (size_t i = steps_.size() > n ? steps_.size() - n : 0; i < steps_.size(); ++i) out += "  " + steps_[i] + "\n";
        return out;
    }
    std::function<std::string()> stamp;
    uint64_t generation = 1;    // of the configuration
    bool draining = false;
    uint64_t bytes = 0;         // that were looked at
    uint64_t whole = 0, errors = 0, cut = 0;

  private:
    Manners manners_;
    Chance chance_;
    bool trace_;
    std::vector<std::unique_ptr<Planned>> plans_;
    std::string broken_;
    std::vector<std::string> steps_;
};

// One who acts when its time has come.
class Actor {
  public:
    Actor(Ledger& ledger, std::unique_ptr<Wire> wire, std::string name, uint64_t seed)
        : ledger_(ledger), chance_(seed), wire_(std::move(wire)), name_(std::move(name)) {}
    virtual ~Actor() = default;
    Actor(const Actor&) = delete;
    Actor& operator=(const Actor&) = delete;

    Time next() const { return next_; }
    bool over() const { return wire_ == nullptr; }
    // Its connection breaks.
    virtual void abort() {
        if (wire_ != nullptr) wire_->reset();
        wire_.reset();
    }
    void take_no_more() {
        if (wire_ != nullptr) wire_->take_no_more();
    }
    // In the middle of a message: who stops here leaves somebody waiting.
    virtual bool midway() const = 0;
    const std::string& name() const { return name_; }
    void step(Time now) {
        now_ = now;
        const bool moved = act(now);
        idle_ = moved ? Duration{} : std::min<Duration>(idle_ * 2 + std::chrono::microseconds(500), milliseconds(ledger_.manners().prompt ? 1 : 40));
        Duration rest = idle_;
        if (stall_ > Duration{}) rest += std::exchange(stall_, Duration{});
        next_ = now + rest;
    }

  protected:
    // @returns whether it did something
    virtual bool act(Time now) = 0;
    template <class F>
    void note(F text) {
        ledger_.note([&] { return name_ + ": " + text(); });
    }
    void broken(const std::string& what) { ledger_.broken(name_ + ": " + what); }
    // Sends some of what is left to send. @returns whether something went
    bool send_some(size_t most) {
        if (out_.size() == out_at_ || now_ < send_at_) return false;
        const std::string_view left = std::string_view(out_).substr(out_at_, std::max<size_t>(most, 1));
        const ssize_t n = wire_->send(left, together_);
        if (n == -EAGAIN) return false;
        if (n < 0) {
            note([&] { return "cannot send: " + std::to_string(-n); });
            unsendable_ = true;
            was_reset_ = n == -ECONNRESET;
            out_at_ = out_.size();
            return true;
        }
        out_at_ += static_cast<size_t>(n);
        said_ += static_cast<uint64_t>(n);
        // Slowly, but steadily; what comes is read all the same.
        if (const auto pace = static_cast<uint64_t>(ledger_.manners().pace.count()); pace > 0 && slow_) send_at_ = now_ + Duration(static_cast<Duration::rep>(chance_.below(pace)));
        note([&] { return "sent " + std::to_string(n) + " (" + std::to_string(out_at_) + "/" + std::to_string(out_.size()) + ")"; });
        if (out_at_ == out_.size()) out_.clear(), out_at_ = 0;
        return true;
    }
    bool all_sent() const { return out_.size() == out_at_; }
    // How much goes at once of a message of this size: by whoever is slow, in so many pieces.
    size_t draw_piece(uint64_t size, uint64_t pieces, uint64_t most) {
        if (ledger_.manners().greedy) return slow_ = false, SIZE_MAX;
        const bool steady = ledger_.manners().first != First::nobody;
        slow_ = steady || chance_.one_in(3);
        const size_t piece = steady || !chance_.one_in(2) ? static_cast<size_t>(chance_.between(1, most)) : SIZE_MAX;
        return std::max<size_t>(piece, size / (slow_ ? pieces : 500));
    }
    // @returns how many came; 0 at the end or a reset (ended_), or where there was nothing
    std::string_view receive_some() {
        const size_t most = !ledger_.manners().greedy && chance_.one_in(4) ? chance_.between(1, 400) : sizeof in_;
        const ssize_t n = wire_->receive(in_, most);
        if (n == -EAGAIN) return {};
        if (n <= 0) {
            ended_ = true;
            // A kernel tells of a reset once: where sending met it, what is read looks like an end in order.
            reset_ = n < 0 || was_reset_;
            note([&] { return std::string(reset_ ? "got a reset" : "got the end"); });
            return {};
        }
        ledger_.bytes += static_cast<uint64_t>(n);
        note([&] { return "got " + std::to_string(n); });
        return {in_, static_cast<size_t>(n)};
    }
    void stall(Duration most) { stall_ = Duration(static_cast<Duration::rep>(chance_.below(static_cast<uint64_t>(most.count())))); }

    Ledger& ledger_;
    Chance chance_;
    std::unique_ptr<Wire> wire_;
    std::string name_;
    std::string out_;
    size_t out_at_ = 0;
    uint64_t said_ = 0;  // bytes, in all
    bool together_ = false, unsendable_ = false, ended_ = false, reset_ = false, was_reset_ = false;
    bool slow_ = false;

  private:
    char in_[16 * 1024];
    Time now_{}, next_{}, send_at_{};
    Duration idle_{}, stall_{};
};

}  // namespace portico::server::model
