// A client of one store: a single server, a master behind sentinels, or a cluster. Stands below the policies that count and
// look things up. Commands of one loop turn go to a server in one write; many are in flight at once, each with its own
// deadline. Nothing is ever sent twice: what a server may have executed fails, so that a limit is not charged twice.
//
//     Result<Reply> r = co_await client.eval(script, keys, arguments, timeout);
//
// The timeout runs from the moment at which the server has the command, and what has come by its end is read first: neither a long
// turn of this worker nor a burst of commands makes a server late. Before it is sent, a command waits for a connection as long
// again, and for its turn while the server answers others (Options::longest_queue).
//
// A store that fails costs nothing for long: after a few failures commands fail at once, until a probe is answered. One that answers
// but refuses its work (a password is missing, no memory is left, it is a replica) has failed as well: what it refused is tried now and
// then, with words that count for nobody where the script has such (Script::Rehearsal), until it does it.
//
// One worker's: one loop, one thread, no lock. @requires outlived by the loop; nobody is resumed by its destruction
#pragma once

#include <memory>

#include "redis/call.h"
#include "redis/node.h"
#include "redis/store.h"

namespace portico::redis {

class Cluster;
class SentinelWatch;

class Client final : private Node::Owner {
  public:
    // Connects nowhere yet.
    // @errors store_unavailable when the URL asks for TLS and the options have no transport
    static Result<std::unique_ptr<Client>> make(io::Loop& loop, Url url, Options options);
    ~Client();

    // Runs a script by its digest; the server is sent its text when it does not know it. In a cluster all keys must stand in
    // one slot, and there must be one. The script, the words and what they refer to must live until the call is over.
    // @param work what it takes of a server, in usual commands: a server has so much at a time (Options::max_in_flight)
    // @returns the script's reply, never an error reply
    // @errors store_timeout; store_unavailable at once when the store is down or has refused, with what it said; store_protocol,
    //   also where the script's check does not know the reply; store_overload where too many commands wait; internal for keys of
    //   several slots, or for a command that is too long
    Call eval(const Script& script, Call::Words keys, Call::Words arguments, Duration timeout, uint32_t work = 1) {
        return Call(*this, &script, keys, arguments, timeout, nullptr, 0, work);
    }
    // Runs a command, whose second word is its key. As eval().
    Call command(Call::Words words, Duration timeout) { return Call(*this, nullptr, {}, words, timeout); }
    // Looks up one value (GET), where another command's reply would do harm: the server repeats a mark behind it (PING with a message),
    // and what is neither a text nor nothing is not its reply. A script that repeats a mark of its own needs no other.
    Call look_up(Call::Words words, Duration timeout) { return Call(*this, nullptr, {}, words, timeout, nullptr, next_mark()); }

    // A number that no other question of this client bears: a script repeats it, and its check knows the reply by it.
    uint64_t next_mark() { return ++marks_; }

    // Begins to connect before anything is asked for.
    void connect();
    // Of a cluster: open where one of its servers is.
    State state() const { return state_; }
    const Counters& counters() const { return store_.counters; }
    // For logs: why a connection was last lost or not to be had, or what a server refused with. Holds no secret and no key; empty
    // when nothing ever failed.
    const std::string& last_failure() const { return store_.last_failure; }
    const Url& url() const { return store_.url; }
    // What a probe has, and a rehearsal.
    Duration timeout() const { return store_.options.timeout; }

    // What a server has of this client at a time, in usual commands, and how long a command may wait for its turn.
    uint32_t most_work() const { return store_.options.max_in_flight; }
    Duration longest_queue() const { return store_.options.longest_queue; }
    // A caller's question has waited for longer than that before it became a command: it counts among overloads.
    void gave_up_waiting() { ++store_.counters.overloads; }

    // What a command may take on the wire; a longer one fails.
    static constexpr size_t kMaxCommand = io::kLargeBuffer - 1024;

  private:
    friend class Call;
    friend class Cluster;
    friend class SentinelWatch;

    Client(io::Loop& loop, Url url, Options options);
    // @returns false when the call is over already
    bool begin(Call& call);
    Result<void> submit(Call& call, Node& node);
    Result<Node*> route(const Call& call);
    void on_timer(Call& call);
    void on_overdue(Call& call);
    // Takes a call that is being destroyed, or is over, out of everything that knows it.
    void forget(Call& call);
    void reload(Node& node, Call& call);
    void redirect(Node& node, Call& call, std::string_view why, bool ask);

    io::Task<Result<std::unique_ptr<io::Stream>>> dial(Node& node, Time deadline) override;
    Result<void> on_reply(Node& node, Call& call, Reply&& reply) override;
    void on_error_reply(Node& node, Call& call, std::string_view text);
    void on_node_state(Node& node) override;
    void on_node_lost(Node& node) override;
    std::unique_ptr<Rehearsal> rehearsal_of(Node& node, const Call& call) override;

    Store store_;
    State state_ = State::idle;
    uint64_t marks_ = 0;
    std::vector<Call*> loaders_;  // on their way with a script's text
    std::unique_ptr<Node> node_;  // unless it is a cluster
    std::unique_ptr<Cluster> cluster_;
    std::unique_ptr<SentinelWatch> sentinels_;
};

}  // namespace portico::redis
