// One server and the connection to it: commands go out in the order in which they were asked for, all of a loop turn in one
// write, and replies come back in that order. So much work is with the server as its replies show that it can bear (pace.h), and at most
// Options::max_in_flight; the others wait. Connects when
// something is asked, and again with backoff whenever the connection is lost. Below client.h, which decides what goes to which
// node; knows nothing of scripts and slots. One thread.
//
// node.cc: the pipeline. node_session.cc: a connection from its making to its end. node_health.cc: when the server has failed, and
// how it is found again.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "base/intrusive_list.h"
#include "io/loop.h"
#include "redis/breaker.h"
#include "redis/call.h"
#include "redis/pace.h"
#include "redis/store.h"
#include "redis/wire.h"

namespace portico::redis {

class Rehearsal;

// A refusal in the server's own words, on one line, without what it repeats of a command: that may hold a client's key.
std::string reason_of(std::string_view error);

class Node final : private io::Timer, private io::Deferred, private io::Root::Owner {
  public:
    class Owner {
      public:
        virtual io::Task<Result<std::unique_ptr<io::Stream>>> dial(Node& node, Time deadline) = 0;
        // The reply to a call that still waits. The call is no longer this node's. Tells the node what the reply says of its server
        // (succeeded(), refused()).
        // @errors store_protocol: this reply, and so any after it, is not its call's. The connection is given up
        virtual Result<void> on_reply(Node& node, Call& call, Reply&& reply) = 0;
        // state() may have changed. Must not destroy the node.
        virtual void on_node_state(Node& node) = 0;
        // A connection broke or could not be had, or the breaker opened. Must not destroy the node.
        virtual void on_node_lost(Node& node) = 0;
        // How the node is tried that has refused this call. @returns nullptr where nothing of its kind may be repeated
        virtual std::unique_ptr<Rehearsal> rehearsal_of(Node& node, const Call& call) = 0;

      protected:
        ~Owner() = default;
    };

    Node(Store& store, Owner& owner, HostPort where, uint64_t seed);
    ~Node() override;

    const HostPort& where() const { return where_; }
    State state() const;
    // Commands that a server has not answered yet, the abandoned ones among them.
    size_t pending() const { return unsent_count_ + sent_.size(); }
    // Takes a call whose size is known. @errors it fails at once: store_unavailable; store_overload where too many are pending
    Result<void> submit(Call& call);
    // The call goes away: what was sent of it is answered to nobody.
    void forget(Call& call);
    // Whether a call of this node may wait longer; its timer is then set anew.
    bool has_more_time(Call& call);
    // What a call fails with that has no more time: store_timeout, or store_overload where it stood behind others for too long.
    Error out_of_time(const Call& call) const;
    // Bytes of the server that wait to be read, and those that were read so far.
    size_t unread() const { return wire_ != nullptr ? wire_->unread() : 0; }
    uint64_t bytes_read() const { return bytes_read_; }
    // What is done about a call at once, and why: nobody has to look for the line that said it.
    Error not_served(std::string_view what) const;
    // A call of this node was not answered in time.
    void on_timeout();
    // The server did what it was asked for.
    void succeeded();
    // It answered that it does not do its work, in its own words: no password was given, it has no memory left, it is a replica.
    void refused(const Call& call, std::string_view why);
    // What a rehearsal cannot find out, the next command shall.
    void let_a_command_try() { trial_ = breaker_.open(); }
    // Begins to connect.
    void connect();
    // Gives the connection up; its commands fail with `error`.
    void lose(Error error);

  private:
    enum class Phase : uint8_t { idle, connecting, ready, waiting };
    enum class Purpose : uint8_t { call, asking, mark, ping };
    struct Sent {
        Call* call;  // null when nobody waits for it any more
        Purpose purpose;
        uint32_t work;
        Time at;
    };

    void on_timer() override;
    void on_deferred() override;
    void on_root_done() override;

    io::Task<void> session();
    // Introduces this client to the server. @errors store_unavailable, store_protocol
    io::Task<Result<void>> greet();
    io::Task<void> write_out();
    void fill();
    Result<void> take_replies();
    Result<void> deliver(Reply&& reply);
    Result<void> hold(Call& call, Reply&& reply);
    Result<void> deliver_held(Call& call, const Reply& mark);
    bool may_send_first() { return pace_.admits(unsent_.front().work_, sent_work_); }
    bool has_output() { return ping_wanted_ || (!unsent_.empty() && may_send_first()); }
    void adapt_pace();
    void written(uint64_t first);
    Time patience(const Call& call) const;
    void session_ended();
    void fail_pending(Error error);
    void fail_unsent(const Error& error);
    void failed();
    void close_breaker();
    void probe();
    void probe_later();
    void on_pong(const Reply& reply, uint64_t number);
    void heard_late();
    void wake() { store_.loop.defer(*this); }

    Store& store_;
    Owner& owner_;
    HostPort where_;
    Phase phase_ = Phase::idle;
    Breaker breaker_;
    Backoff backoff_;

    IntrusiveList<Call, Call> unsent_;
    size_t unsent_count_ = 0;
    size_t unsent_bytes_ = 0;
    std::deque<Sent> sent_;    // not yet answered, oldest first
    uint64_t first_sent_ = 0;  // the number of sent_.front()
    uint32_t sent_work_ = 0;   // of sent_
    Pace pace_;

    std::unique_ptr<Wire> wire_;
    io::Buffer out_;
    std::optional<Error> ended_;  // why the connection is to be given up, at the end of this turn
    bool ping_wanted_ = false;
    bool probing_ = false;    // the last probe may still be answered in time
    bool refuses_ = false;    // the server has refused its work and done none since: a probe alone does not close the breaker
    bool trial_ = false;      // a probe was answered: the next command may go out, and its reply decides
    std::unique_ptr<Rehearsal> rehearsal_;  // of what was refused first: it goes in place of the next command
    static constexpr uint64_t kNotSent = UINT64_MAX;
    uint64_t probe_ = kNotSent;  // the number under which the last one was sent
    Time probed_{};
    Time ready_since_{};
    uint64_t bytes_read_ = 0;
    Time heard_{};    // when bytes last came, or the breaker opened
    Time written_{};  // when the last write was done
    io::Root session_;
    io::Root writing_;
};

}  // namespace portico::redis
