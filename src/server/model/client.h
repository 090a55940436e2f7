// A client at its end of one connection: it sends requests as they were drawn, one behind the other or several at once, and accounts
// for what it gets. For tests only.
#pragma once

#include <deque>

#include "server/model/ledger.h"

namespace portico::server::model {

class ClientActor final : public Actor {
  public:
    ClientActor(Ledger& ledger, std::unique_ptr<Wire> wire, uint64_t number)
        : Actor(ledger, std::move(wire), "client #" + std::to_string(number), ledger.chance().next()), left_(ledger.manners().strays ? chance_.between(100, 300) : ledger.manners().crowds ? chance_.between(40, 100) : chance_.between(1, 6)), pipelines_(ledger.manners().crowds || (ledger.manners().first != First::clients && (ledger.manners().greedy || chance_.one_in(2)))) {}

    bool midway() const override { return !all_sent() || checked_; }

  private:
    static constexpr auto kPatience = seconds(3);  // how long it waits for 100
    size_t most_due() const { return ledger_.manners().strays ? 300 : ledger_.manners().crowds ? 60 : 4; }
    static constexpr auto kPause = milliseconds(400);

    bool act(Time now) override {
        const Manners& m = ledger_.manners();
        if (!m.lawful && act_up()) return true;
        bool moved = false;
        if (!(deaf_ && chance_.below(20) != 0) && !(m.first == First::clients && !all_sent() && !body_only_)) {
            const std::string_view bytes = receive_some();
            moved = !bytes.empty() || ended_;
            if (!bytes.empty()) heard_at_ = now;
            feed(bytes, now);
        }
        if (ended_ && !over()) return end(), true;
        if (over()) return true;
        if (all_sent() && !held_.empty() && now >= patience_) go_on();
        if (all_sent() && held_.empty() && left_ > 0 && !closing_ && (due_.empty() || (pipelines_ && due_.size() < most_due()))) begin(now);
        // What was refused meanwhile is not sent for nobody.
        if (closing_ && due_.empty() && (left_quiet_ || !half_)) return leave(), true;
        if (closing_ && stops_) out_.clear(), out_at_ = 0, held_.clear();
        if (!listens(now) && now >= resumes_at_) moved |= send_some(piece());
        if (break_at_ != 0 && out_at_ == break_at_) resumes_at_ = now + milliseconds(8), break_at_ = 0;
        if (unsendable_) out_.clear(), out_at_ = 0, held_.clear();
        if (left_ == 0 && due_.empty() && all_sent() && held_.empty()) return leave(), true;
        return moved;
    }

    // Steps that no client should take.
    bool act_up() {
        const bool narrow = ledger_.manners().narrow;
        if (chance_.one_in(narrow ? 10 : 80)) stall(ledger_.manners().stall);
        if (chance_.one_in(narrow ? 20 : 200)) deaf_ = !deaf_;
        if (due_.empty()) return false;
        switch (chance_.below(narrow ? 100 : 400)) {
            case 0: note([] { return "shuts down"; }); wire_->shut_down(); left_ = 0; unsendable_ = true; return false;
            case 1: note([] { return "resets"; }); wire_->reset(); wire_.reset(); return true;
            case 2: note([] { return "closes"; }); wire_.reset(); return true;
            default: return false;
        }
    }

    // It waits with the rest of a request while its response comes.
    bool listens(Time now) const { return ledger_.manners().first == First::turns && checked_ && now - heard_at_ < kPause; }

    size_t piece() const {
        if (sending_ == nullptr) return SIZE_MAX;
        if (break_at_ > out_at_) return break_at_ - out_at_;
        return out_at_ < sending_->head_size() && !body_only_ ? std::max(piece_, sending_->head_size() / 6) : piece_;
    }

    void begin(Time now) {
        --left_;
        Planned& p = draw();
        due_.push_back(&p);
        sending_ = &p;
        out_ = p.bytes();
        out_at_ = 0;
        body_only_ = false;
        break_at_ = 0;
        if (p.expect) {
            held_ = out_.substr(p.head_size());
            out_.resize(p.head_size());
            patience_ = now + kPatience;
        } else if (pipelines_) {
            append();
        }
        piece_ = draw_piece(out_.size() + held_.size(), 40, 3000);
        if (sending_->close) left_ = 0;
    }

    Planned& draw() {
        Planned& p = ledger_.plan();
        if (ledger_.manners().idle_closes && (!p.idempotent() || p.frame != Frame::none)) p.excused = true;
        note([&] {
            return "begins " + p.method + " /" + p.service + "/" + std::to_string(p.id) + (p.http10 ? " 1.0" : "") + " body " + std::to_string(p.size) + (p.frame == Frame::chunked ? " chunked" : "") + " pad " +
                   std::to_string(p.pad) + (p.expect ? " expect" : "") + (p.close ? " close" : "");
        });
        return p;
    }

    // Further requests in one piece with the one that begins.
    void append() {
        const size_t end = out_.size();
        while (left_ > 0 && due_.size() < most_due() && !sending_->close && (ledger_.manners().crowds || chance_.one_in(ledger_.manners().together_one_in))) {
            --left_;
            Planned& p = draw();
            p.expect = false;
            due_.push_back(sending_ = &p);
            out_ += p.bytes();
        }
        // What follows comes with the last bytes of the first one, and nothing behind it.
        break_at_ = out_.size() > end && (ledger_.manners().greedy || chance_.one_in(2)) ? end - static_cast<size_t>(chance_.between(1, std::min<size_t>(end, 5000))) : 0;
    }

    void go_on() {
        out_ = std::exchange(held_, {});
        out_at_ = 0;
        body_only_ = true;
    }

    void feed(std::string_view bytes, Time) {
        while (!bytes.empty() && ledger_.broken().empty() && !over()) {
            if (due_.empty() && refused_) return;  // a refusal's body, where no head of the request told it to go without
            if (due_.empty()) return broken("an answer to nothing: " + std::string(bytes.substr(0, 60)));
            Planned& p = *due_.front();
            reader_.answers(p.to_head());
            const bool had_head = reader_.head_whole();
            bytes.remove_prefix(reader_.feed(bytes, false, [&](std::string_view piece, uint64_t offset) { check_body(p, piece, offset, had_head); }));
            if (reader_.stage() == MessageReader::Stage::bad) return broken("no answer: " + reader_.why() + ": " + reader_.start_line());
            if (!checked_ && reader_.head_whole()) check_head(p);
            if (reader_.stage() == MessageReader::Stage::whole) whole(p, false);
        }
    }

    void check_head(Planned& p) {
        if (const int s = reader_.status(); s < 200) {
            if (p.http10) broken("an interim answer to HTTP/1.0");
            return;
        }
        checked_ = true;
        note([&] { return "hears " + reader_.start_line() + " for " + std::to_string(p.id); });
        own_ = !reader_.field("x-model-id").empty();
        if (!own_) {
            const std::string line = reader_.start_line();
            if (reader_.status() < 400) return broken("an answer that no service gave: " + line);
            if (ledger_.manners().lawful && !p.excused) broken("request " + std::to_string(p.id) + " failed though all was well: " + line);
            return;
        }
        if (reader_.field("x-model-id") != std::to_string(p.id)) return broken("request " + std::to_string(p.id) + " got the answer of " + std::string(reader_.field("x-model-id")));
        if (reader_.status() != p.answer.status) return broken("another status");
        for (uint64_t at = 0, n = 0; at < p.answer.pad; ++n) {
            const uint64_t part = std::min<uint64_t>(p.answer.pad - at, 7000);
            if (const auto v = reader_.field("x-pad-" + std::to_string(n)); v.size() != part || !is_stuff(v, p.id, Stuff::response_pad, at)) return broken("a field of the answer of " + std::to_string(p.id) + " is not as it was sent");
            at += part;
        }
    }

    void check_body(Planned& p, std::string_view piece, uint64_t offset, bool) {
        if (!checked_) check_head(p);
        if (!own_) return;
        if (offset + piece.size() > p.answer.size) return broken("the answer of " + std::to_string(p.id) + " is longer than it was");
        if (!is_stuff(piece, p.id, Stuff::response_body, offset)) broken("a byte of the answer of " + std::to_string(p.id) + " is not its own, near " + std::to_string(offset));
    }

    void whole(Planned& p, bool by_end) {
        if (!checked_) {
            // Interim.
            // One that was sent without waiting gets its 100 late, when another head is already on its way.
            if (reader_.status() == 100 && sending_ == &p && all_sent() && !held_.empty()) go_on();
            reader_ = {};
            return;
        }
        if (own_) {
            const uint64_t all = bodiless(p.answer, p) ? 0 : p.answer.size;
            if (!p.answered) broken("the answer of " + std::to_string(p.id) + " looks whole and was not finished");
            else if (reader_.body_size() != all && !p.short_end) broken("the answer of " + std::to_string(p.id) + " looks whole after " + std::to_string(reader_.body_size()) + " of " + std::to_string(all));
            ++ledger_.whole;
        } else {
            ++ledger_.errors;
            refused_ = true;
        }
        note([&] { return "has the answer of " + std::to_string(p.id); });
        const bool close = reader_.field("connection") == "close" || by_end || (p.http10 && reader_.field("connection") != "keep-alive");
        due_.pop_front();
        reader_ = {};
        checked_ = own_ = false;
        if (close) {
            closing_ = true;
            left_ = 0;
            stops_ = chance_.one_in(2);
            half_ = chance_.one_in(2);
            left_quiet_ = stops_;
            due_.clear();  // what was sent behind it is answered nowhere
        } else if (!held_.empty() && sending_ == &p) {
            // It was told the end without having been asked for its body: only another connection may carry more.
            leave();
        }
    }

    void end() {
        if (!due_.empty() && reader_.stage() == MessageReader::Stage::until_close && !reset_) {
            reader_.end();
            whole(*due_.front(), true);
            if (over()) return;
        } else if (!due_.empty()) {
            Planned& p = *due_.front();
            ++ledger_.cut;
            const bool excused = p.excused || (ledger_.draining && !reader_.begun());
            if (ledger_.manners().lawful && !excused) {
                const char* when = sending_ == &p && !(all_sent() && held_.empty()) ? " while its body was sent" : due_.size() > 1 || !all_sent() ? " and others were behind it" : "";
                broken("request " + std::to_string(p.id) + (reader_.begun() ? " lost its answer though all was well" : " was not answered though all was well") + when + (ledger_.draining ? " in a drain" : ""));
            }
        }
        leave();
    }

    void leave() {
        note([] { return "leaves"; });
        wire_.reset();
    }

    MessageReader reader_;
    std::deque<Planned*> due_;  // requests begun whose answer has not come whole
    Planned* sending_ = nullptr;
    std::string held_;  // a body that waits for 100
    Time patience_{}, heard_at_{}, resumes_at_{};
    size_t break_at_ = 0;  // of what is sent: a moment passes before the rest
    size_t piece_ = SIZE_MAX;
    uint64_t left_;  // requests to come
    bool pipelines_, deaf_ = false, checked_ = false, own_ = false, body_only_ = false;
    bool closing_ = false, refused_ = false, stops_ = false, half_ = false, left_quiet_ = false;
};

}  // namespace portico::server::model
