// Stores that do anything at any time, on the network in memory: a single server, a master behind sentinels, a cluster. Each of their
// connections has a mood, drawn at random: it serves well, goes slowly, falls silent, reads no more, breaks off, lies. For tests only.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/sim/network.h"
#include "redis/redis_fixture.h"

namespace portico::redis {

// What the servers of one store have in common.
struct StoreWorld {
    io::SimNetwork& net;
    io::Chance chance;
    std::vector<SocketAddress> masters{};  // of a cluster all nodes; behind sentinels the candidates
    size_t master = 0;                   // behind sentinels: the one that is it
    uint32_t trouble_one_in = 3;         // connections that do not stay well; 0: none
    bool sentinels_want_password = false;
    // What was executed, by the last word of a command, and how often.
    std::map<std::string, int> executed{};
};

class StoreServer {
  public:
    StoreServer(StoreWorld& world, const SocketAddress& address, bool is_sentinel) : world_(world), address_(address), is_sentinel_(is_sentinel) {
        world_.net.serve(address_, [this](std::unique_ptr<io::SimPeer> peer) { accept(std::move(peer)); });
    }
    ~StoreServer() { world_.net.serve(address_, {}); }
    StoreServer(const StoreServer&) = delete;

    const SocketAddress& address() const { return address_; }
    void step() {
        for (const auto& link : links_) step(*link);
        std::erase_if(links_, [](const auto& link) { return link->over; });
    }
    // Tells who listens that there is a new master.
    void announce(const std::string& name) {
        const std::string text = name + " 10.0.0.1 1 " + world_.masters[world_.master].ip.text() + " " + std::to_string(world_.masters[world_.master].port);
        for (const auto& link : links_) {
            if (link->subscribed) link->out += wire({"message", "+switch-master", text});
        }
    }
    // Everybody is cut off, as when the process ends.
    void restart() {
        for (const auto& link : links_) link->peer->reset();
        links_.clear();
    }
    // Nothing more comes to it.
    void take_no_more() {
        for (const auto& link : links_) link->peer->take_no_more();
    }

  private:
    enum class Mood : uint8_t { well, slow, silent, deaf, closes, resets, lies, refuses };
    struct Link {
        std::unique_ptr<io::SimPeer> peer;
        Mood mood = Mood::well;
        uint64_t turns_at = 0;  // commands after which its mood shows
        uint64_t commands = 0;
        ReplyReader reader;
        std::string in, out;
        bool subscribed = false, signed_in = false, over = false;
    };

    void accept(std::unique_ptr<io::SimPeer> peer) {
        auto link = std::make_unique<Link>();
        link->peer = std::move(peer);
        if (world_.chance.one_in(world_.trouble_one_in)) {
            link->mood = static_cast<Mood>(world_.chance.between(1, 7));
            link->turns_at = world_.chance.one_in(2) ? world_.chance.below(5) : world_.chance.below(30);
        }
        links_.push_back(std::move(link));
    }
    bool shows(const Link& link, Mood mood) const { return link.mood == mood && link.commands >= link.turns_at; }
    void step(Link& link) {
        if (shows(link, Mood::deaf)) return;
        if (shows(link, Mood::slow) && !world_.chance.one_in(8)) return;
        std::array<char, 4096> bytes;
        for (;;) {
            const ssize_t n = link.peer->receive(bytes.data(), bytes.size());
            if (n == -EAGAIN) break;
            if (n <= 0) {
                link.over = true;
                return;
            }
            link.in.append(bytes.data(), static_cast<size_t>(n));
        }
        hear(link);
        if (shows(link, Mood::silent)) return;
        if (shows(link, Mood::closes)) {
            link.over = true;
            return;
        }
        if (shows(link, Mood::resets)) {
            link.peer->reset();
            link.over = true;
            return;
        }
        while (!link.out.empty()) {
            const ssize_t n = link.peer->send(link.out);
            if (n <= 0) break;
            link.out.erase(0, static_cast<size_t>(n));
        }
    }
    void hear(Link& link) {
        while (!link.in.empty()) {
            const auto progress = link.reader.read(link.in);
            ASSERT_TRUE(progress) << "what the client sends is no command";
            link.in.erase(0, progress->consumed);
            if (!progress->done) return;
            const Reply command = link.reader.take();
            Words words;
            for (uint32_t i = 0; i < command.value().size(); ++i) words.emplace_back(command.value()[i].text());
            ++link.commands;
            if (shows(link, Mood::lies)) link.out += world_.chance.one_in(2) ? "+another's\r\n" : "!what is this\r\n";
            else link.out += answer(link, words);
        }
    }
    std::string answer(Link& link, const Words& words) {
        const std::string& verb = words.front();
        if (verb == "AUTH") {
            if (shows(link, Mood::refuses)) return "-WRONGPASS invalid username-password pair\r\n";
            link.signed_in = true;
            return "+OK\r\n";
        }
        if (is_sentinel_) return answer_as_sentinel(link, words);
        if (verb == "SELECT" || verb == "CLIENT" || verb == "ASKING") return "+OK\r\n";
        if (verb == "PING") return "+" + (words.size() > 1 ? words[1] : std::string("PONG")) + "\r\n";
        if (verb == "ROLE") return shows(link, Mood::refuses) ? "*1\r\n$5\r\nslave\r\n" : "*1\r\n$6\r\nmaster\r\n";
        if (verb == "CLUSTER") return shows(link, Mood::refuses) ? "-ERR This instance has cluster support disabled\r\n" : slots();
        if (shows(link, Mood::refuses)) return refusal();
        if (verb == "EVALSHA" && world_.chance.one_in(20)) return "-NOSCRIPT No matching script.\r\n";
        const std::string& key = verb == "GET" ? words[1] : words[3];
        if (world_.masters.size() > 1 && world_.chance.one_in(10)) {
            const SocketAddress& other = world_.masters[world_.chance.below(world_.masters.size())];
            return (world_.chance.one_in(2) ? "-MOVED 1 " : "-ASK 1 ") + other.text() + "\r\n";
        }
        if (verb != "GET") ++world_.executed[words.back()];
        return "+" + (verb == "GET" ? key : words.back()) + "\r\n";
    }
    std::string answer_as_sentinel(Link& link, const Words& words) {
        if (!link.signed_in && (world_.sentinels_want_password || shows(link, Mood::refuses))) return "-NOAUTH Authentication required.\r\n";
        if (words.front() == "PING") return link.subscribed ? wire({"pong", ""}) : "+PONG\r\n";
        if (words.front() == "SUBSCRIBE") {
            link.subscribed = true;
            return "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n";
        }
        if (world_.chance.one_in(20)) return "*-1\r\n";
        const SocketAddress& master = world_.masters[world_.master];
        return wire({master.ip.text(), std::to_string(master.port)});
    }
    std::string refusal() {
        constexpr std::array kSays{"-LOADING Redis is loading the dataset in memory\r\n", "-OOM command not allowed\r\n", "-READONLY You can't write against a read only replica.\r\n",
                                   "-CLUSTERDOWN The cluster is down\r\n", "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"};
        return kSays[world_.chance.below(kSays.size())];
    }
    std::string slots() const {
        const size_t n = world_.masters.size();
        std::string out = "*" + std::to_string(n) + "\r\n";
        for (size_t i = 0; i < n; ++i) {
            const std::string ip = world_.masters[i].ip.text();
            out += "*3\r\n:" + std::to_string(i * 16384 / n) + "\r\n:" + std::to_string((i + 1) * 16384 / n - 1) + "\r\n*2\r\n$" + std::to_string(ip.size()) + "\r\n" + ip + "\r\n:" +
                   std::to_string(world_.masters[i].port) + "\r\n";
        }
        return out;
    }

    StoreWorld& world_;
    SocketAddress address_;
    bool is_sentinel_;
    std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace portico::redis
