// A client of each kind of store against servers that do anything at any time: nobody gets another's reply, nothing is executed
// twice, everybody is told something in bounded time. In builds that watch waits, each co_await of redis/ has come to each of its endings.
//
//     PORTICO_STORES_SECONDS=60 redis_test --gtest_filter='StoreModel.*'   games of fresh seeds for so long (1 s without)
//     PORTICO_MODEL_SEED=17 …       that game alone; with PORTICO_MODEL_WEATHER and PORTICO_MODEL_AIM where a failure names them
//     PORTICO_MODEL_FIRST=1 …       seeds from there on
//     PORTICO_MODEL_WAITS=1000 …    how often each wait must have come to each of its endings
#include <chrono>
#include <cstdlib>
#include <random>

#include "base/text.h"
#include "io/sim/guide.h"
#include "redis/store_model.h"

namespace portico::redis {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

bool repeats_its_mark(Value reply, std::span<const std::string_view> arguments) { return reply.text() == arguments.back(); }
const Script kMarked("return ARGV[#ARGV]", repeats_its_mark);

uint64_t number_from(const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

io::SimWeather draw_weather(io::Chance& c, const io::Variant& variant) {
    io::SimWeather w;
    w.seed = c.next() | 1;
    if (variant.weather != 0) w.seed = variant.weather;
    w.style = c.one_in(2) ? io::SimStyle::rings : io::SimStyle::edges;
    w.least_capacity = c.one_in(2) ? 8 : 4000;
    w.most_capacity = c.one_in(2) ? 64 : 64 * 1024;
    w.most_capacity = std::max(w.least_capacity, w.most_capacity);
    w.short_one_in = c.one_in(2) ? static_cast<uint32_t>(c.between(2, 20)) : 0;
    w.late_one_in = c.one_in(2) ? static_cast<uint32_t>(c.between(2, 20)) : 0;
    w.most_delay = milliseconds(c.between(1, 5));
    w.refuse_one_in = c.one_in(2) ? static_cast<uint32_t>(c.between(3, 10)) : 0;
    w.swallow_one_in = c.one_in(2) ? static_cast<uint32_t>(c.between(3, 10)) : 0;
    w.starve_one_in = c.one_in(4) ? 5 : 0;
    w.over_one_in = c.one_in(3) ? 4 : 0;
    return w;
}

class Game {
  public:
    explicit Game(const io::Variant& variant) : chance_(variant.seed), net_(draw_weather(chance_, variant)), fate_(variant, true), loop_(net_.backend(), net_.clock()), world_{.net = net_, .chance = io::Chance(chance_.next())} {
        world_.trouble_one_in = static_cast<uint32_t>(chance_.between(1, 4));
        world_.sentinels_want_password = chance_.one_in(2);
        make_servers();
    }

    const std::map<const io::wait_watch::Place*, uint64_t>& lasted() const { return fate_.lasted(); }
    // @returns what was wrong; empty for nothing
    std::string play() {
        make_client();
        for (int step = 0; step < 300 && wrong_.empty(); ++step) {
            for (uint64_t n = chance_.below(4); n > 0; --n) ask();
            pass(microseconds(chance_.between(1, 6000)));
            if (chance_.one_in(8) && !asked_.empty()) asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(chance_.below(asked_.size())));
            if (chance_.one_in(restless_ ? 4 : 60)) servers_[chance_.below(servers_.size())]->restart();
            if (topology_ == Topology::sentinel && chance_.one_in(60)) fail_over();
            if (chance_.one_in(restless_ ? 6 : 100)) remake_client();
            judge();
        }
        // Each has its time in the queue, and as much for its command.
        for (int i = 0; i < 400 && wrong_.empty(); ++i) pass(milliseconds(1));
        judge();
        if (wrong_.empty() && !asked_.empty()) wrong_ = "a command is told nothing";
        for (const auto& [mark, times] : world_.executed) {
            if (times > 1 && wrong_.empty()) wrong_ = mark + " was executed " + std::to_string(times) + " times";
        }
        return wrong_;
    }

  private:
    struct Asked {
        std::string own;  // the only reply that may come
        std::unique_ptr<Caller> script;
        std::unique_ptr<Looking> lookup;
        bool done() const { return script ? script->done() : lookup->done(); }
        std::string said() const { return script ? script->said() : lookup->said(); }
    };
    static SocketAddress address(int last, int port) { return *SocketAddress::parse("10.0.0." + std::to_string(last) + ":" + std::to_string(port)); }

    void make_servers() {
        topology_ = static_cast<Topology>(chance_.below(3));
        const int masters = topology_ == Topology::single ? 1 : 3;
        for (int i = 0; i < masters; ++i) world_.masters.push_back(address(1 + i, 6379));
        for (const SocketAddress& at : world_.masters) servers_.push_back(std::make_unique<StoreServer>(world_, at, false));
        if (topology_ != Topology::sentinel) return;
        for (int i = 0; i < 3; ++i) servers_.push_back(std::make_unique<StoreServer>(world_, address(11 + i, 26379), true));
    }
    void make_client() {
        constexpr std::array<std::string_view, 3> kSchemes{"redis://", "redis+sentinel://", "redis+cluster://"};
        // A name, or an address, of each server that the URL names.
        std::string hosts;
        const int first = topology_ == Topology::sentinel ? 11 : 1, count = topology_ == Topology::single ? 1 : 3;
        const bool named = chance_.one_in(3);
        for (int i = 0; i < count; ++i) {
            hosts += (i > 0 ? "," : "") + (named ? "host" : std::string("10.0.0.")) + std::to_string(first + i) + (topology_ == Topology::sentinel ? ":26379" : ":6379");
        }
        const bool signs_in = world_.sentinels_want_password || chance_.one_in(2);
        const std::string user = !signs_in ? "" : chance_.one_in(2) ? "name:word@" : ":word@";
        const std::string end = topology_ == Topology::sentinel ? "/mymaster" : topology_ == Topology::single && chance_.one_in(2) ? "/3" : "";
        Options options;
        options.max_in_flight = static_cast<uint32_t>(chance_.between(1, 8));
        options.connect_timeout = milliseconds(chance_.between(5, 60));
        options.heartbeat = milliseconds(chance_.between(1, restless_ ? 3 : 60));
        options.silence = milliseconds(chance_.between(5, 60));
        options.first_backoff = milliseconds(1);
        options.most_backoff = milliseconds(chance_.between(2, 30));
        options.seed = chance_.next();
        options.resolve = [this](std::string host, Time deadline) { return resolve(std::move(host), deadline); };
        if (chance_.one_in(2)) options.transport = [this](Target target, Time deadline) { return connect(target.address, deadline); };
        auto made = Client::make(loop_, *Url::parse(std::string(kSchemes[static_cast<size_t>(topology_)]) + user + hosts + end), std::move(options));
        client_ = std::move(*made);
        client_->connect();
    }
    // As a reload does it: whoever asked the old one is gone before.
    void remake_client() {
        asked_.clear();
        client_.reset();
        make_client();
    }
    // Asks a name server, which may be away or silent.
    io::Task<Result<std::vector<IpAddress>>> resolve(std::string host, Time deadline) {
        const io::Loop::Connected asked = co_await loop_.connect(address(53, 53), deadline);
        if (asked.stream == nullptr && chance_.one_in(2)) co_return fail(Fault::store_unavailable, "no name server");
        co_return std::vector{address(static_cast<int>(*parse_decimal<uint16_t>(std::string_view(host).substr(4))), 1).ip};
    }
    io::Task<Result<std::unique_ptr<io::Stream>>> connect(SocketAddress to, Time deadline) {
        io::Loop::Connected made = co_await loop_.connect(to, deadline);
        if (made.stream == nullptr) co_return fail(made.error == ETIMEDOUT ? Fault::store_timeout : Fault::store_unavailable, "connect", made.error);
        co_return std::move(made.stream);
    }
    void ask() {
        Asked asked;
        asked.own = "own" + std::to_string(++number_);
        const Duration timeout = milliseconds(chance_.between(1, 8));
        if (chance_.one_in(2)) asked.script = std::make_unique<Caller>(*client_, kMarked, Words{"k" + std::to_string(chance_.below(50))}, Words{asked.own}, timeout);
        else asked.lookup = std::make_unique<Looking>(*client_, asked.own, timeout);
        asked_.push_back(std::move(asked));
    }
    void fail_over() {
        if (chance_.one_in(3)) servers_[3 + chance_.below(3)]->restart();
        world_.master = world_.chance.below(world_.masters.size());
        for (const auto& server : servers_) server->announce(chance_.one_in(4) ? "another" : "mymaster");
    }
    void pass(Duration d) {
        const Time end = net_.clock().now() + d;
        std::array<io::Loop*, 1> loops{&loop_};
        while (net_.clock().now() < end || net_.busy()) {
            for (const auto& server : servers_) {
                if (net_.clock().now() >= silent_until_) server->step();
            }
            const Time begun = net_.clock().now();
            net_.turn(loops, std::min<Duration>(std::max(end - begun, Duration::zero()), microseconds(500)));
            // A turn takes its time, also one after which something is put off.
            if (net_.clock().now() == begun) net_.clock().advance(microseconds(1));
            follow_fate();
        }
    }
    void follow_fate() {
        if (!fate_.strikes()) return;
        switch (fate_.ending()) {
            case io::WaitEnding::broken:
                for (const auto& server : servers_) server->restart();
                break;
            case io::WaitEnding::timed_out:
                for (const auto& server : servers_) server->take_no_more();
                silent_until_ = net_.clock().now() + milliseconds(100);
                break;
            case io::WaitEnding::destroyed: remake_client(); break;
            case io::WaitEnding::resumed: break;
        }
        fate_.has_struck();
    }
    void judge() {
        std::erase_if(asked_, [this](const Asked& asked) {
            if (!asked.done()) return false;
            const std::string said = asked.said();
            if (said != asked.own && !said.starts_with("store.")) wrong_ = said + " in place of " + asked.own;
            return true;
        });
    }

    io::Chance chance_;
    io::SimNetwork net_;
    io::Fate fate_;
    io::Loop loop_;
    StoreWorld world_;
    bool restless_ = chance_.one_in(3);  // servers start anew and the configuration is loaded anew all the time
    Topology topology_ = Topology::single;
    std::vector<std::unique_ptr<StoreServer>> servers_;
    std::unique_ptr<Client> client_;
    std::vector<Asked> asked_;
    uint64_t number_ = 0;
    Time silent_until_{};  // the servers do nothing
    std::string wrong_;
};

[[maybe_unused]] io::wait_watch::Coverage covered(uint64_t least) {
    using enum io::wait_watch::Ending;
    constexpr std::array<std::string_view, 1> kFiles{"redis/"};
    static const std::vector<io::wait_watch::Exception> exceptions{
        {"redis/node.cc", "write(out_)", {timed_out}, "Node::lose() ends a node that says nothing for too long"},
        {"redis/node_session.cc", "read(wire_->in())", {timed_out}, "Node::lose() ends a node that says nothing for too long"},
        {"redis/sentinel.cc", "send(std::string(kPing))", {timed_out}, "the read beside it has the same deadline, and ends both"},
    };
    return io::wait_watch::cover(PORTICO_SOURCE_DIR, kFiles, exceptions, least);
}

std::vector<io::wait_watch::Lack> lacks() {
#ifdef PORTICO_WATCH_WAITS
    return covered(1000).lacks;
#else
    return {};
#endif
}

TEST(StoreModel, NobodyGetsAnothersReplyAndNothingIsExecutedTwice) {
    if (const auto named = io::Variant::from_environment()) {
        EXPECT_EQ(Game(*named).play(), "");
        return;
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(number_from("PORTICO_STORES_SECONDS", 1));
    const uint64_t first = number_from("PORTICO_MODEL_FIRST", std::random_device()() % 1'000'000'000 + 1);
    io::Guide guide(first, lacks);
    uint64_t fresh = first, guided = 0;
    while (std::chrono::steady_clock::now() < end && !HasFailure()) {
        auto variant = guide.next();
        if (variant) ++guided;
        else variant = io::Variant{fresh++};
        Game game(*variant);
        EXPECT_EQ(game.play(), "") << variant->text();
        guide.learn(*variant, game.lasted());
    }
    std::printf("stores: seeds %lu to %lu, %lu guided runs\n", first, fresh - 1, guided);
#ifdef PORTICO_WATCH_WAITS
    const auto found = covered(number_from("PORTICO_MODEL_WAITS", 0));
    std::printf("stores: %zu waits, each came to each of its endings at least %lu times\n", found.waits, found.rarest);
    EXPECT_EQ(found.missing, "");
#endif
}

}  // namespace
}  // namespace portico::redis
