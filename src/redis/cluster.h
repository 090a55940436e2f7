// A cluster's servers and which slots each of them holds, learnt with CLUSTER SLOTS and corrected by every MOVED. One
// client's, one thread.
// @spec https://redis.io/docs/reference/cluster-spec
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "io/loop.h"
#include "redis/breaker.h"
#include "redis/node.h"
#include "redis/slots.h"

namespace portico::redis {

class Client;

// "MOVED 3999 10.0.0.1:6381", "ASK …". A missing host is that of the server that says so.
struct Redirect {
    uint16_t slot = 0;
    HostPort to;
    static std::optional<Redirect> parse(std::string_view error, const HostPort& said_by);
};

class Cluster final : private io::Deferred, private io::Root::Owner {
  public:
    Cluster(Client& client, Store& store, Node::Owner& owner);
    ~Cluster();

    // Who holds the slot; while that is not known, some server, which will say.
    Node& holder(uint16_t slot);
    // Some server, rather one that can be reached.
    Node& any();
    // The server there, new ones included. @errors store_unavailable beyond kMaxNodes
    Result<Node*> at(const HostPort& where);
    void moved(uint16_t slot, Node& to);
    void lost(Node& node);
    // Learns who holds what, in the background: at most one at a time, and not too often.
    void refresh();
    State state() const;

    static constexpr size_t kMaxNodes = 1024;

  private:
    struct Range {
        uint16_t first, last;
        HostPort holder;
    };

    void on_deferred() override;
    void on_root_done() override;
    io::Task<void> learn();
    io::Task<Result<std::vector<Range>>> ask(Node& node);
    static Result<std::vector<Range>> read(const Reply& reply, const HostPort& said_by);
    void apply(const std::vector<Range>& ranges);
    bool holds(const Node& node) const;
    void drop_unused();

    Client& client_;
    Store& store_;
    Node::Owner& owner_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::map<HostPort, Node*> by_address_;  // the same
    std::vector<Node*> slots_;
    std::vector<Node*> holders_;  // those in slots_, each once, by their addresses in memory
    Backoff backoff_;
    bool wanted_ = false;  // again, once the present one is done
    io::Root learning_;
};

}  // namespace portico::redis
