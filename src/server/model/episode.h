// One run of the model: a gateway, clients and services for as long as it takes, all drawn from one seed. For tests only.
#pragma once

#include <list>

#include "io/sim/fate.h"
#include "server/model/client.h"
#include "server/model/draws.h"
#include "server/model/ground.h"
#include "server/model/service.h"

namespace portico::server::model {

using io::Fate;
using io::WaitEnding;

struct Outcome {
    std::string broken;  // empty: all was well
    std::string steps;   // the last ones, where they were asked for
    uint64_t turns = 0, actions = 0, requests = 0, bytes = 0, whole = 0, errors = 0, cut = 0;
    bool lawful = true;
    std::map<const io::wait_watch::Place*, uint64_t> lasted;  // Fate::lasted
};

class Episode {
  public:
    // @param hurried no waits that take real time
    Episode(Ground& ground, const Variant& variant, bool hurried, bool trace)
        : ground_(ground),
          chance_(variant.seed ^ kManners),
          hurried_(hurried),
          ledger_(draw_manners(chance_, hurried, !hurried && is_narrow(variant.seed)), variant.seed, trace),
          fate_(variant, !hurried && !ledger_.manners().lawful) {
        const Time start = ground_.now();
        ledger_.stamp = [this, start] { return std::to_string((ground_.now() - start).count() / 1'000'000) + " ms: "; };
    }

    Outcome run() {
        serve();
        const uint64_t workers = hurried_ || !chance_.one_in(4) ? 1 : 2;
        const auto first = snapshot();
        if (first == nullptr) return outcome();
        for (uint64_t i = 0; i < workers; ++i) {
            gateways_.push_back(std::make_unique<GatewayUnderTest>(ground_.loop()));
            gateways_.back()->apply(first);
            connect_.push_back(ground_.listen(*gateways_.back()));
            loops_.push_back(&gateways_.back()->loop());
        }
        clients_left_ = chance_.between(1, 6);
        const uint64_t at_once = chance_.between(1, 4);
        const bool hasty = ledger_.manners().narrow || (ledger_.manners().crowds && !ledger_.manners().lawful);
        const bool freezes = !ledger_.manners().lawful && chance_.one_in(hasty ? 1 : 2);
        hangs_ = !ledger_.manners().lawful && !hurried_ && !freezes && chance_.one_in(2);
        if (freezes) most_ = chance_.between(20, hasty ? 600 : 1500);
        while (ledger_.broken().empty() && actions_ < most_ && ground_.now() < until_ && (clients_left_ > 0 || clients_ > 0)) {
            if (clients_left_ > 0 && clients_ < at_once && chance_.one_in(8)) come();
            disturb();
            step();
        }
        if (ledger_.broken().empty() && actions_ >= kMostActions) ledger_.broken("no end is in sight");
        if (ledger_.broken().empty()) rest();
        end();
        return outcome();
    }

  private:
    void serve() {
        for (uint64_t g = 1; g <= (ledger_.manners().reloads ? 3 : 1); ++g) {
            for (const char* name : {"a", "a", "b", "auth"}) {
                const Post post{g, name};
                addresses_[g].push_back(ground_.serve([this, post](std::unique_ptr<Wire> wire) {
                    ledger_.note("a connection to " + post.name + std::to_string(post.generation) + " is #" + std::to_string(++connections_));
                    actors_.push_back(std::make_unique<ServiceActor>(ledger_, std::move(wire), post, connections_));
                }));
            }
        }
        raised_ = ledger_.manners().raised || chance_.one_in(2);
        two_ = chance_.one_in(2);
    }

    std::string source() const {
        const Manners& m = ledger_.manners();
        const std::string g = std::to_string(ledger_.generation);
        const auto& at = addresses_.at(ledger_.generation);
        // A service keeps its name in one reload and loses it in another.
        const std::string suffix = ledger_.generation == 3 ? "-renamed" : "";
        const std::string mark = "{ transform: { request: { headers: { set: { X-Gen: \"" + g + "\" } } } } }";
        std::string y = "listeners: [{ address: 10.0.0.1:80 }]\nlog: { access: false }\n";
        y += std::string("limits: { head: ") + (raised_ ? "1MiB" : "64KiB") + ", fields: 1000 }\n";
        y += hurried_      ? (m.lawful ? "timeouts: { connect: 10s, first_byte: 10s, idle: 10s }\n" : "timeouts: { connect: 1s, first_byte: 300ms, idle: 200ms, half_close: 100ms, head: 500ms }\n")
             : m.lawful    ? std::string("timeouts: { connect: 3s, first_byte: 8s, idle: ") + (m.first == First::nobody ? "5s }\n" : "2s }\n")
             : two_ && !hurried_ ? "timeouts: { connect: 1s, first_byte: 700ms, idle: 3s, head: 3s, half_close: 1s, total: 6s }\n"
                           : "timeouts: { connect: 1s, first_byte: 1500ms, idle: 1s, head: 3s, half_close: 300ms }\n";
        y += "services:\n  a" + suffix + ": { endpoints: [http://" + at[0] + (two_ ? ", http://" + at[1] : "") + "] }\n";
        y += "  b" + suffix + ": http://" + at[2] + "\n  auth" + suffix + ": http://" + at[3] + "\n";
        y += "routes:\n";
        // Of what is no document neither rule changes anything.
        const std::string hold = "{ transform: { request: { edit: { remove: $.x } }, response: { edit: { remove: $.x } } } }";
        y += "  - { name: h, match: \"/h/**\", use: [" + mark + ", " + hold + "], forward: { service: a" + suffix + " } }\n";
        for (const char* name : {"a", "b", "g"}) {
            const std::string ask = name[0] == 'g' ? ", { forward_auth: { service: auth" + suffix + ", path: /auth/" + g + ", send: [X-Model-Id], timeout: 5s } }" : "";
            y += std::string("  - { name: ") + name + ", match: \"/" + name + "/**\", use: [" + mark + ask + "], forward: { service: " + (name[0] == 'g' ? "a" : name) + suffix + " } }\n";
        }
        return y;
    }

    std::shared_ptr<const gateway::Snapshot> snapshot() {
        config::FaultList faults;
        auto made = build_snapshot(source(), "model.yaml", ledger_.generation, resources_, faults);
        if (made == nullptr) ledger_.broken("no snapshot: " + config::render(faults, "model.yaml", source()));
        return made;
    }

    void come() {
        auto wire = connect_[chance_.below(connect_.size())]();
        --clients_left_;
        if (wire == nullptr) return;
        ledger_.note("client #" + std::to_string(++clients_come_) + " comes");
        ++clients_;
        client_actors_.push_back(std::make_unique<ClientActor>(ledger_, std::move(wire), clients_come_));
    }

    // What an operator may do.
    void disturb() {
        const Manners& m = ledger_.manners();
        if (m.reloads && ledger_.generation < 3 && chance_.one_in(60)) {
            ++ledger_.generation;
            ledger_.note("configuration " + std::to_string(ledger_.generation));
            if (const auto next = snapshot()) {
                for (auto& g : gateways_) g->apply(next);
            }
        }
        if (m.drains && !ledger_.draining && chance_.one_in(300)) {
            ledger_.note("a drain begins");
            ledger_.draining = true;
            for (auto& g : gateways_) g->drain();
            clients_left_ = 0;
            drained_at_ = ground_.now() + milliseconds(chance_.between(0, 200));
        }
        if (ledger_.draining && ground_.now() >= drained_at_) {
            for (auto& g : gateways_) g->connections().close_idle();
            if (!m.lawful && chance_.one_in(50)) {
                ledger_.note("the drain's end");
                for (auto& g : gateways_) g->connections().close_all();
            }
        }
    }

    void step() {
        Time next = Time::max();
        const Time now = ground_.now();
        for (auto* actors : {&client_actors_, &actors_}) {
            for (auto it = actors->begin(); it != actors->end();) {
                Actor& actor = **it;
                if (hangs_ && actor.midway() && chance_.one_in(20)) hang(actor);
                if (&actor == hung_ || (actors == silent_ && now < silent_until_)) {
                    ++it;
                    continue;
                }
                if (!actor.over() && actor.next() <= now && !chance_.one_in(3)) {
                    actor.step(now);
                    ++actions_;
                }
                if (actor.over()) {
                    if (actors == &client_actors_) --clients_;
                    it = actors->erase(it);
                    continue;
                }
                next = std::min(next, actor.next());
                ++it;
            }
        }
        // Somebody always has a reason to look again.
        next = std::min(next, now + milliseconds(50));
        turn(std::max<Duration>(next - now, Duration::zero()));
        follow_fate();
    }

    void follow_fate() {
        if (!fate_.strikes()) return;
        const uint64_t whose = fate_.which_of(3);
        const bool clients = whose != 0, services = whose != 1;
        const std::string who = !clients ? "of services" : !services ? "of clients" : "of everybody";
        switch (fate_.ending()) {
            case WaitEnding::broken:
                ledger_.note("fate: the connections " + who + " break");
                for (auto& actor : client_actors_) {
                    if (clients) actor->abort();
                }
                for (auto& actor : actors_) {
                    if (services) actor->abort();
                }
                break;
            case WaitEnding::timed_out: {
                ledger_.note("fate: silence " + who);
                for (auto& actor : client_actors_) {
                    if (clients) actor->take_no_more();
                }
                for (auto& actor : actors_) {
                    if (services) actor->take_no_more();
                }
                const Time end = ground_.now() + seconds(12);
                if (clients && services) {
                    while (ground_.now() < end && fate_.still_strikes() && ledger_.broken().empty()) turn(end - ground_.now());
                } else {
                    silent_ = clients ? &client_actors_ : &actors_;
                    silent_until_ = end;
                }
                break;
            }
            case WaitEnding::destroyed:
                ledger_.note("fate: the gateway closes all");
                for (auto& g : gateways_) g->connections().close_all();
                break;
            case WaitEnding::resumed: break;
        }
        fate_.has_struck();
    }

    // One stops for good in the middle of a message, without leaving; the others go on for a while.
    void hang(Actor& actor) {
        ledger_.note(actor.name() + " hangs");
        hangs_ = false;
        hung_ = &actor;
        until_ = ground_.now() + milliseconds(chance_.between(0, 3000));
    }

    void turn(Duration most) {
        ++turns_;
        ground_.turn(loops_, most);
        for (auto& g : gateways_) g->turned();
    }

    // Nobody does anything any more: whatever waits comes to its end by itself.
    void rest() {
        if (hurried_) return;
        ledger_.note("everybody stops");
        const auto patience = seconds(ledger_.manners().crowds ? 600 : 150);
        const Time end = ground_.now() + patience;
        while (ground_.now() < end && ledger_.broken().empty()) turn(end - ground_.now());
        size_t open = 0, held = 0;
        for (auto& g : gateways_) open += g->connections().size(), held += g->loop().buffers().in_use();
        if (open > 0) who_waits();
        if (open > 0) ledger_.broken("an exchange waits for nothing: " + std::to_string(open) + " connections are open after " + std::to_string(patience.count()) + " s of silence");
        else if (held > 0) ledger_.broken("blocks are held by nobody: " + std::to_string(held));
    }

    // For whoever looks into it: the clients leave one by one, then the services.
    void who_waits() {
        for (auto* actors : {&client_actors_, &actors_}) {
            for (; !actors->empty(); actors->pop_front()) {
                const std::string name = actors->front()->name();
                actors->front().reset();
                for (int i = 0; i < 20; ++i) turn(milliseconds(10));
                size_t open = 0;
                for (auto& g : gateways_) open += g->connections().size();
                ledger_.note(name + " leaves: " + std::to_string(open) + " are open");
            }
        }
    }

    void end() {
        // In either order.
        if (chance_.one_in(2)) {
            client_actors_.clear();
            actors_.clear();
            for (int i = 0; i < 4; ++i) turn(Duration::zero());
        }
        gateways_.clear();
        client_actors_.clear();
        actors_.clear();
    }

    Outcome outcome() {
        return {ledger_.broken(), ledger_.last_steps(400), turns_, actions_, ledger_.size(), ledger_.bytes, ledger_.whole, ledger_.errors, ledger_.cut, ledger_.manners().lawful, fate_.lasted()};
    }

    Ground& ground_;
    Chance chance_;
    bool hurried_;
    Ledger ledger_;
    Fate fate_;
    gateway::Resources resources_;
    std::map<uint64_t, std::vector<std::string>> addresses_;
    std::vector<std::unique_ptr<GatewayUnderTest>> gateways_;
    std::vector<io::Loop*> loops_;
    std::vector<std::function<std::unique_ptr<Wire>()>> connect_;
    std::list<std::unique_ptr<Actor>> client_actors_, actors_;
    uint64_t clients_left_ = 0, clients_ = 0, clients_come_ = 0, connections_ = 0;
    static constexpr uint64_t kMostActions = 40'000;
    uint64_t turns_ = 0, actions_ = 0, most_ = kMostActions;
    bool hangs_ = false;
    const Actor* hung_ = nullptr;
    const std::list<std::unique_ptr<Actor>>* silent_ = nullptr;  // who does nothing until then
    Time silent_until_{};
    Time until_ = Time::max();
    Time drained_at_{};
    bool raised_ = false, two_ = false;
};

}  // namespace portico::server::model
