// One server and the connection to it: commands go out in the order in which they were asked for, all of a loop turn in one
// write, and replies come back in that order. Connects when something is asked, and again with backoff whenever the
// connection is lost. Below client.h, which decides what goes to which node; knows nothing of scripts and slots. One thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "base/intrusive_list.h"
#include "io/loop.h"
#include "redis/breaker.h"
#include "redis/call.h"
#include "redis/store.h"
#include "redis/wire.h"

namespace portico::redis {

class Node final : private io::Timer, private io::Deferred, private io::Root::Owner {
  public:
    class Owner {
      public:
        virtual io::Task<Result<std::unique_ptr<io::Stream>>> dial(Node& node, Time deadline) = 0;
        // The reply to a call that still waits. The call is no longer this node's.
        virtual void on_reply(Node& node, Call& call, Reply&& reply) = 0;
        // state() may have changed. Must not destroy the node.
        virtual void on_node_state(Node& node) = 0;
        // A connection broke or could not be had, or the breaker opened. Must not destroy the node.
        virtual void on_node_lost(Node& node) = 0;

      protected:
        ~Owner() = default;
    };

    Node(Store& store, Owner& owner, HostPort where, uint64_t seed);
    ~Node() override;

    const HostPort& where() const { return where_; }
    State state() const;
    // Commands that a server has not answered yet, the abandoned ones among them.
    size_t pending() const { return unsent_count_ + sent_.size(); }
    // Takes a call whose size is known. @errors store_unavailable: it fails at once
    Result<void> submit(Call& call);
    // The call goes away: what was sent of it is answered to nobody.
    void forget(Call& call);
    // A call of this node was not answered in time.
    void on_timeout();
    // Begins to connect.
    void connect();
    // Gives the connection up; its commands fail with `error`.
    void lose(Error error);

  private:
    enum class Phase : uint8_t { idle, connecting, ready, waiting };
    enum class Purpose : uint8_t { call, asking, ping };
    struct Sent {
        Call* call;  // null when nobody waits for it any more
        Purpose purpose;
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
    bool has_output() const { return ping_wanted_ || !unsent_.empty(); }
    void session_ended();
    void fail_pending(Error error);
    void failed();
    void succeeded();
    void probe();
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

    std::unique_ptr<Wire> wire_;
    io::Buffer out_;
    std::optional<Error> ended_;  // why the connection is to be given up, at the end of this turn
    bool ping_wanted_ = false;
    bool probing_ = false;    // the last probe may still be answered in time
    static constexpr uint64_t kNotSent = UINT64_MAX;
    uint64_t probe_ = kNotSent;  // the number under which the last one was sent
    Time probed_{};
    Time ready_since_{};
    Time heard_{};  // when bytes last came, or the breaker opened
    io::Root session_;
    io::Root writing_;
};

}  // namespace portico::redis
