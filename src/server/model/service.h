// A service at its end of one connection: it reads what the gateway sends, accounts for it, and answers by each request's plan, or
// against it. For tests only.
#pragma once

#include "server/model/ledger.h"

namespace portico::server::model {

inline constexpr std::string_view kPoison = "HTTP/1.1 200 OK\r\nX-Model-Id: 0\r\nContent-Length: 6\r\n\r\nPOISON";

// Which of a configuration's services: its generation, its name in requests' paths ("auth": it is asked about others').
struct Post {
    uint64_t generation = 1;
    std::string name;
};

class ServiceActor final : public Actor {
  public:
    ServiceActor(Ledger& ledger, std::unique_ptr<Wire> wire, Post post, uint64_t number)
        : Actor(ledger, std::move(wire), "service " + post.name + std::to_string(post.generation) + " #" + std::to_string(number), ledger.chance().next()),
          post_(std::move(post)), number_(number) {}

    void abort() override {
        if (!over()) leave(true);
    }
    bool midway() const override { return fresh_ || (reader_.begun() && !whole()) || !all_sent() || !held_.empty(); }

  private:
    bool act(Time) override {
        const Manners& m = ledger_.manners();
        if (!m.lawful && chance_.one_in(fresh_ ? m.slow_to_begin_one_in : 60)) stall(m.stall);
        if (std::exchange(fresh_, false) && !m.lawful) return false;
        if (m.narrow && reader_.begun() && chance_.one_in(40)) return break_off(chance_.one_in(2)), true;
        if (deaf_ && answered_ && chance_.one_in(20)) deaf_ = false;
        bool moved = false;
        if (!deaf_ && !ended_ && !talks()) {
            for (int reads = m.greedy ? 40 : 1; reads > 0 && !ended_ && !over() && ledger_.broken().empty(); --reads) {
                const std::string_view bytes = receive_some();
                if (bytes.empty() && !ended_) break;
                moved = true;
                feed(bytes);
            }
        }
        if (over()) return true;
        if (ended_) return leave(false), true;
        if (resting() && requests_ > 0 && !spent_ && !parted_) part();
        if (over()) return true;
        answer();
        if (over()) return true;
        moved |= send_answer();
        if (unsendable_) return leave(false), true;
        after_send();
        return moved;
    }

    bool resting() const { return !reader_.begun() && plan_ == nullptr && all_sent(); }
    // Once it has heard the head, it says what it has to say, and listens then.
    bool talks() const { return ledger_.manners().first == First::services && begun_ && reader_.head_whole() && !all_sent(); }

    // Ends a connection that rests, or spoils it. What is sent on it from when that is known at the other end should not be.
    void part() {
        const Manners& m = ledger_.manners();
        if (m.idle_closes && chance_.one_in(40)) {
            parted_ = true;
            note([] { return "closes at rest"; });
            if (chance_.one_in(2)) return leave(false);
            said_408_ = chance_.one_in(2);
            if (said_408_) wire_->send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true);
            wire_->shut_down();
        } else if (m.speaks_at_rest && chance_.one_in(20)) {
            parted_ = true;
            note([] { return "speaks at rest"; });
            wire_->send("POISON\r\n\r\n", true);
        }
    }

    // The first byte of a request is here. @returns false where it is not taken
    bool may_begin(std::string_view bytes) {
        if (const auto knew = wire_->peer_knew(heard_)) {
            if (knew->came > said_at_rest_) return broken("a request on a connection where bytes lay that nobody had asked for: " + std::string(bytes.substr(0, 60))), false;
            if (knew->ended) return broken("a request on a connection whose end had come: " + std::string(bytes.substr(0, 60))), false;
        }
        // They have crossed each other. Who has said something lingers, so that it is heard (RFC 9112 §9.6).
        if (said_408_) return false;
        if (parted_) return leave(false), false;
        if (spent_) return broken("a request on a connection that is over: " + std::string(bytes.substr(0, 60))), false;
        return true;
    }

    void feed(std::string_view bytes) {
        while (!bytes.empty() && ledger_.broken().empty()) {
            if (reader_.stage() == MessageReader::Stage::whole) {
                if (!answered_) return broken("bytes behind a request whose answer is owed: " + std::string(bytes.substr(0, 60)));
                next();
            }
            if (!reader_.begun() && !may_begin(bytes)) return;
            const size_t taken = reader_.feed(bytes, true, [&](std::string_view piece, uint64_t offset) { check_body(piece, offset); });
            heard_ += taken;
            bytes.remove_prefix(taken);
            if (reader_.stage() == MessageReader::Stage::bad) return broken("no request: " + reader_.why() + ": " + reader_.start_line());
            if (!known_ && reader_.has_start_line()) recognise();
            if (!checked_ && reader_.head_whole()) check_head();
            if (reader_.stage() == MessageReader::Stage::whole) check_whole();
        }
    }

    void recognise() {
        known_ = true;
        const std::string line = reader_.start_line();
        note([&] { return "hears " + line; });
        const size_t path = line.find(" /");
        if (path == std::string::npos) return broken("no request line: " + line.substr(0, 80));
        const size_t slash = line.find('/', path + 2);
        if (slash == std::string::npos) return broken("no request of the model's: " + line.substr(0, 80));
        if (post_.name == "auth") {
            if (line.substr(slash + 1, line.find(' ', slash) - slash - 1) != std::to_string(post_.generation)) broken("asked by another configuration: " + line);
            return;
        }
        plan_ = ledger_.find(std::string_view(line).substr(slash + 1));
        if (plan_ == nullptr) return broken("a request that nobody made: " + line.substr(0, 80));
        if (line != plan_->method + " /" + plan_->service + "/" + std::to_string(plan_->id) + " HTTP/1.1") return broken("another request line: " + line.substr(0, 80));
        for (const Planned::Delivery& d : plan_->deliveries) {
            const bool may = d.reused && d.ended_by_service && plan_->idempotent() && (!d.body_came || plan_->is_held());
            if (!may) broken("request " + std::to_string(plan_->id) + " came a second time");
        }
        delivery_ = plan_->deliveries.size();
        plan_->deliveries.push_back({number_, requests_ > 0, false, false});
        piece_ = draw_piece(plan_->answer.size + plan_->answer.pad, 30, 4000);
        deaf_ = plan_->answer.deaf && !ledger_.manners().lawful && plan_->answer.when == Answer::When::line;
    }

    void check_head() {
        checked_ = true;
        if (plan_ == nullptr) return;
        const Planned& p = *plan_;
        if (reader_.field("x-model-id") != std::to_string(p.id)) return broken("another's head behind the line of " + std::to_string(p.id));
        if (reader_.field("x-gen") != std::to_string(post_.generation)) {
            return broken("request " + std::to_string(p.id) + " began with configuration " + std::string(reader_.field("x-gen")) + " and came to a service of " + std::to_string(post_.generation));
        }
        for (uint64_t at = 0, n = 0; at < p.pad; ++n) {
            const uint64_t part = std::min<uint64_t>(p.pad - at, 7000);
            if (const auto v = reader_.field("x-pad-" + std::to_string(n)); v.size() != part || !is_stuff(v, p.id, Stuff::request_pad, at)) return broken("a field of " + std::to_string(p.id) + " is not as it was sent");
            at += part;
        }
        if (p.frame == Frame::length && (reader_.length() != p.body_size())) return broken("another length");
    }

    void check_body(std::string_view piece, uint64_t offset) {
        if (!known_) recognise();
        if (!checked_) check_head();
        if (plan_ == nullptr) return broken("a body that nobody sent");
        plan_->deliveries[delivery_].body_came = true;
        if (offset + piece.size() > plan_->body_size()) return broken("request " + std::to_string(plan_->id) + " has a longer body than was sent");
        if (plan_->is_held() ? piece != std::string_view(plan_->body()).substr(offset, piece.size()) : !is_stuff(piece, plan_->id, Stuff::request_body, offset)) broken("a byte of the body of " + std::to_string(plan_->id) + " is not its own, near " + std::to_string(offset));
    }

    void check_whole() {
        note([] { return "has it whole"; });
        if (plan_ != nullptr && reader_.body_size() != plan_->body_size()) broken("the body of " + std::to_string(plan_->id) + " looks whole after " + std::to_string(reader_.body_size()) + " of " + std::to_string(plan_->body_size()));
    }

    bool ends_by_close() const { return plan_->answer.frame == Frame::until_close && !bodiless(plan_->answer, *plan_); }
    bool whole() const { return reader_.stage() == MessageReader::Stage::whole; }

    // Says what it is time to say.
    void answer() {
        if (!known_) return;
        if (plan_ == nullptr) {
            if (!whole() || answered_ || begun_) return;
            begun_ = true;
            if (ledger_.manners().pace > Duration{} && chance_.one_in(2)) stall(ledger_.manners().pace * 2);
            if (!ledger_.manners().lawful && chance_.one_in(6)) return leave(chance_.one_in(2));
            out_ += "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            return;
        }
        const Answer& a = plan_->answer;
        if (a.wrong == Answer::Wrong::silent) return;
        const bool head = reader_.head_whole();
        if (plan_->expect && head && a.says_continue && !continued_ && !begun_ && !whole()) {
            continued_ = true;
            if (!reader_.field("expect").empty()) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
        }
        const bool now = a.when == Answer::When::line || (head && a.when == Answer::When::head) || whole();
        if (!begun_ && now && a.wrong == Answer::Wrong::leaves_unanswered) {
            note([] { return "leaves without an answer"; });
            return leave(chance_.one_in(3));
        }
        if (!begun_ && now) begin();
        if (begun_ && whole() && !held_.empty()) {
            out_ += std::exchange(held_, {});
        }
    }

    void begin() {
        begun_ = true;
        const Answer& a = plan_->answer;
        if (a.deaf && !ledger_.manners().lawful) {
            deaf_ = true;
            if (chance_.one_in(2)) stall(ledger_.manners().stall);
        }
        for (uint32_t i = 0; i < a.interim; ++i) out_ += "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n";
        std::string answer = a.wrong == Answer::Wrong::garbage ? "HTTP/1.1 2x0 What\r\n\r\n" : head_of(a, *plan_) + body_of(a, *plan_);
        cut_ = false;
        if (a.wrong == Answer::Wrong::cut_close || a.wrong == Answer::Wrong::cut_reset || a.wrong == Answer::Wrong::cut_silent) {
            cut_ = a.cut < answer.size() || ends_by_close();
            answer.resize(std::min<size_t>(answer.size(), a.cut));
        }
        // Who has not asked for the body does not wait for it either.
        const bool unasked = plan_->expect && !continued_;
        if (!whole() && !a.whole_early && !unasked && !cut_) {
            // The head at least, where much depends on what comes before the rest.
            const size_t least = ledger_.manners().early_answers ? std::min(answer.size() - 1, head_of(a, *plan_).size()) : 0;
            const size_t first = least + static_cast<size_t>(chance_.below(answer.size() - least));
            held_ = answer.substr(first);
            answer.resize(first);
        }
        note([&] { return "answers " + std::to_string(plan_->id) + ": " + std::to_string(a.status) + ", " + std::to_string(answer.size()) + " bytes and " + std::to_string(held_.size()) + " later, wrong " + std::to_string(static_cast<int>(a.wrong)); });
        out_ += answer;
    }

    // What is too much goes with the answer's last bytes, so that it lies there when those are read.
    bool send_answer() {
        const bool excess = begun_ && plan_ != nullptr && plan_->answer.wrong == Answer::Wrong::excess && !ends_by_close() && held_.empty() && !all_sent();
        if (!excess) return send_some(piece_);
        const size_t left = out_.size() - out_at_;
        if (left > 300) return send_some(std::min(piece_, left - 200));
        const std::string tail = out_.substr(out_at_) + std::string(kPoison);
        const ssize_t n = wire_->send(tail, true);
        if (n == -EAGAIN) return false;
        if (n < 0) unsendable_ = true;
        note([&] { return "sent " + std::to_string(n) + ", of which " + std::to_string(left) + " are the answer's"; });
        poisoned_ = n > static_cast<ssize_t>(left);  // not where the peer had room for the answer alone
        out_at_ += n < 0 ? left : std::min(left, static_cast<size_t>(n));
        said_ += n < 0 ? 0 : static_cast<uint64_t>(n);
        return true;
    }

    void after_send() {
        if (!begun_ || answered_ || !all_sent() || !held_.empty()) return;
        if (plan_ == nullptr) {
            answered_ = true;
            if (whole()) next();
            return;
        }
        const Answer& a = plan_->answer;
        if (cut_) {
            spent_ = true;
            if (a.wrong == Answer::Wrong::cut_silent) return;
            if (ends_by_close() && a.wrong == Answer::Wrong::cut_close) plan_->answered = plan_->short_end = true;
            note([] { return "breaks off"; });
            return leave(a.wrong == Answer::Wrong::cut_reset);
        }
        if (a.wrong == Answer::Wrong::garbage) {
            spent_ = true;
            return;
        }
        answered_ = true;
        plan_->answered = true;
        note([&] { return "has answered " + std::to_string(plan_->id); });
        if (a.wrong == Answer::Wrong::excess && poisoned_ && !ends_by_close()) {
            spent_ = true;
            return;
        }
        if (a.wrong == Answer::Wrong::closes_unsaid) return leave(false);
        if (a.close) {
            spent_ = true;
            // Where it need not, it may leave that to the other end.
            if (ends_by_close() || chance_.one_in(2)) {
                wire_->shut_down();
                note([] { return "shuts down"; });
            }
        }
        if (whole()) next();
    }

    void next() {
        if (plan_ != nullptr) deaf_ = false;
        reader_ = {};
        plan_ = nullptr;
        known_ = checked_ = begun_ = answered_ = continued_ = cut_ = poisoned_ = false;
        said_at_rest_ = said_;
        ++requests_;
    }

    // Of a body that ends with its connection, an end in order looks like its own.
    void break_off(bool reset) {
        if (!reset && plan_ != nullptr && begun_ && ends_by_close()) plan_->answered = plan_->short_end = true;
        leave(reset);
    }
    void leave(bool reset) {
        if (plan_ != nullptr && known_ && delivery_ < plan_->deliveries.size()) plan_->deliveries[delivery_].ended_by_service = true;
        if (reset) wire_->reset();
        wire_.reset();
    }

    Post post_;
    uint64_t number_;
    MessageReader reader_;
    Planned* plan_ = nullptr;
    std::string held_;  // of the answer, until the request is whole
    size_t delivery_ = 0;
    size_t piece_ = SIZE_MAX;
    uint64_t requests_ = 0;
    uint64_t heard_ = 0, said_at_rest_ = 0;  // bytes: of requests, in all; of the answers to those that are over
    bool known_ = false, checked_ = false, begun_ = false, answered_ = false, continued_ = false, cut_ = false;
    bool spent_ = false;  // carries no further request
    bool poisoned_ = false;  // something was sent behind the answer
    bool parted_ = false;  // it was told so while it rested
    bool said_408_ = false;
    bool deaf_ = false;
    bool fresh_ = true;  // it has just been accepted
};

}  // namespace portico::server::model
