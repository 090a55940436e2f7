#include "gateway/aggregate/aggregation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "gateway/request_setup.h"
#include "gateway/snapshot.h"
#include "io/sim/network.h"
#include "upstream/service_fixture.h"

namespace portico::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

const SocketAddress kAddress = *SocketAddress::parse("10.0.0.1:80");

// A client that only takes the answer.
class Taker final : public ClientSide {
  public:
    int status = 0;
    std::string body;

    io::Task<io::IoResult> read_body(io::Buffer&) override { co_return io::IoResult{0}; }
    Fault body_fault() const override { return Fault::internal; }
    const http::FieldList& request_trailers() const override { return none_; }
    bool body_finished() const override { return true; }
    void limit_body(uint64_t) override {}
    BodyPace& body_pace() override { return pace_; }
    io::Task<bool> send_interim(int, const http::FieldList&) override { co_return true; }
    io::Task<bool> send_head(const ResponseOut& head, io::Buffer& part, bool) override {
        status = head.status;
        body = part.view();
        part.clear();
        co_return true;
    }
    io::Task<bool> send_body(io::Buffer& part, bool) override {
        body += part.view();
        part.clear();
        co_return true;
    }
    io::Task<bool> send_end(const http::FieldList&) override { co_return true; }
    void abort_response() override {}
    void set_times(Duration, Time) override {}
    io::Stream* body_source(uint64_t&, io::Until&) override { return nullptr; }
    void source_spliced(uint64_t) override {}
    io::Stream* body_sink(io::Until&) override { return nullptr; }
    void sink_spliced(uint64_t) override {}
    void end_spliced() override {}
    uint64_t bytes_in() const override { return 0; }
    uint64_t bytes_out() const override { return 0; }

  private:
    http::FieldList none_;

  private:
    BodyPace pace_;
};

// One aggregate at /page whose calls go to one service, over a network and a clock in memory.
class Serving : public ::testing::Test, private io::Root::Owner {
  protected:
    void SetUp() override { acceptor = loop.backend().listen(net.listener(kAddress), server); }
    void TearDown() override { drop(); }

    void load(const std::string& calls, const std::string& rest) {
        const std::string text = "listeners: [{ address: \"127.0.0.1:0\" }]\nservices: { up: \"http://10.0.0.1\", own: { respond: { body: { a: 7 } } } }\nlog: { access: false }\n"
                                 "routes:\n  - match: /page\n    aggregate:\n      calls: " + calls + "\n      " + rest + "\n";
        config::FaultList faults;
        config::LoadOptions options;
        auto config = config::load(text, "test.yaml", options, faults);
        if (config) snapshot = Snapshot::build(std::move(*config), {}, 1, resources, faults);
        ASSERT_NE(snapshot, nullptr) << config::render(faults, "test.yaml", text);
        auto service = std::make_shared<upstream::Service>(loop, "up");
        service->update({{"10.0.0.1", {kAddress}}}, {});
        epoch = context.make_epoch(snapshot, {service, nullptr});
    }
    void begin() {
        drop();
        x = context.take_exchange();
        x->epoch = epoch;
        x->client = &client;
        x->scheme = "http";
        x->peer = kAddress;
        x->peer_text = "10.9.9.9";
        ASSERT_TRUE(x->parser.parse_request(kRequest, x->request));
        ASSERT_TRUE(set_up_request(*x));
        ASSERT_TRUE(find_route(*x));
        client.status = 0;
        done = false;
        begun = loop.now();
        root.start(aggregate(*x, *std::get<AggregateHandle>(x->rules->action)), this);
    }
    // The client leaves, or has its answer.
    void drop() {
        root.cancel();
        if (x != nullptr) context.give_exchange(x);
        x = nullptr;
    }
    // @returns false once the answer is there
    bool step() {
        if (done) return false;
        loop.turn(net.busy() ? Duration::zero() : Duration(seconds(100)));
        return !done;
    }
    void serve() {
        begin();
        while (step()) {
        }
    }
    void settle() {
        do loop.turn(Duration::zero());
        while (net.busy());
    }
    Duration took() const { return ended - begun; }

    io::SimNetwork net;
    io::Loop loop{net.backend(), net.clock()};
    observe::Registry registry;
    Context context{loop, registry, 1};
    Resources resources;
    upstream::SimServer server{loop};
    std::unique_ptr<io::Acceptor> acceptor;
    std::shared_ptr<const Snapshot> snapshot;
    std::shared_ptr<Epoch> epoch;
    Taker client;
    Exchange* x = nullptr;
    bool done = false;

  private:
    void on_root_done() override {
        done = true;
        ended = loop.now();
    }
    static constexpr std::string_view kRequest = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
    Time begun{}, ended{};
    io::Root root;
};

// Their computing waits for a later turn: whoever asked the same as another goes on once that one has its answer.
TEST_F(Serving, CallsThatAskTheSameEndWhereTheirComputingWaits) {
    load("{ a: { service: own, path: /x, query: { q: \"{query.q}\" } }, b: { service: own, path: /x, query: { q: \"{query.q}\" } } }", "body: { a: $a.a, b: $b.a }");
    context.jobs.look_after(1);
    const auto spend_the_turn = [](io::TurnBudget& budget) -> io::Task<void> { co_await budget.wait(IpAddress()); };
    io::Root somebody;
    somebody.start(spend_the_turn(context.computing), nullptr);
    serve();
    EXPECT_EQ(client.status, 200);
    EXPECT_EQ(client.body, R"({"a":7,"b":7})");
}

TEST_F(Serving, TwoCallsOf100MsTake100Ms) {
    load("{ a: { service: up, path: /a }, b: { service: up, path: /b } }", "body: [$a, $b]");
    server.pages = {{"/a", "1"}, {"/b", "2"}};
    server.delays = {{"/a", milliseconds(100)}, {"/b", milliseconds(100)}};
    serve();
    EXPECT_EQ(client.body, "[1,2]");
    EXPECT_EQ(took(), milliseconds(100));
}

TEST_F(Serving, ACallBeginsWhenWhatItNamesHasEndedAndNotWhenAllOthersHave) {
    load("{ a: { service: up, path: /a }, b: { service: up, path: /b }, c: { service: up, path: \"/c/{$a}\" }, d: { service: up, path: \"/d/{$b}\" } }", "body: [$a, $b, $c, $d]");
    server.pages = {{"/a", "1"}, {"/b", "2"}, {"/c/1", "3"}, {"/d/2", "4"}};
    server.delays = {{"/a", milliseconds(10)}, {"/b", milliseconds(70)}, {"/c/1", milliseconds(80)}, {"/d/2", milliseconds(20)}};
    serve();
    EXPECT_EQ(client.body, "[1,2,3,4]");
    EXPECT_EQ(took(), milliseconds(90));
}

TEST_F(Serving, AFanOutKeepsJustAsManyCallsInFlightAsItMay) {
    load("{ list: { service: up, path: /list }, each: { service: up, path: \"/each/{$n}\", for_each: \"$list[*]\", as: n, concurrency: 8 } }", "body: $each");
    std::string list, want;
    for (int i = 0; i < 50; ++i) {
        const std::string n = std::to_string(i);
        list += (i > 0 ? "," : "") + n;
        want += (i > 0 ? "," : "") + ("{\"v\":" + n + "}");
        server.pages["/each/" + n] = "{\"v\":" + n + "}";
        server.delays["/each/" + n] = milliseconds(20);
    }
    server.pages["/list"] = "[" + list + "]";
    serve();
    EXPECT_EQ(client.body, "[" + want + "]");
    EXPECT_EQ(took(), milliseconds(140));  // seven rounds of at most eight
    EXPECT_EQ(server.most_at_once, 8u);
}

// Many questions, which have a long text in common.
class LongQuestions : public Serving {
  protected:
    void ask(size_t count, const std::string& headers = "{}") {
        load("{ list: { service: up, path: /list }, each: { service: own, path: /x, for_each: \"$list.v[*]\", as: n, headers: " + headers +
                 ", query: { t: \"{$list.t}\", n: \"{$n}\" } } }", "body: $each");
        std::string list;
        for (size_t i = 0; i < count; ++i) list += (i > 0 ? "," : "") + std::to_string(i);
        server.pages["/list"] = "{\"t\":\"" + std::string(kText, 't') + "\",\"v\":[" + list + "]}";
        serve();
    }
    uint64_t spent() const { return Exchange::kMostSteps - x->allowance; }

    static constexpr size_t kText = 16'000;
};

TEST_F(LongQuestions, ArePaidForOnceEach) {
    ask(20);
    EXPECT_EQ(client.status, 200);
    const uint64_t few = spent();
    EXPECT_GE(few, 20 * kText / 16);
    ask(60);
    EXPECT_EQ(client.status, 200);
    EXPECT_LE(spent(), 4 * few);
}

TEST_F(LongQuestions, CountAsMemoryThatIsHeld) {
    HeldMemory::here().limit(20 * kText);
    ask(60);
    HeldMemory::here().limit(UINT64_MAX);
    EXPECT_EQ(client.status, 503);
    drop();
    EXPECT_EQ(HeldMemory::total(Holding::made), 0u);
}

TEST_F(Serving, QuestionsAreTheSameWhereTargetAndFieldsAre) {
    load("{ list: { service: up, path: /list }, each: { service: up, path: /x, for_each: \"$list[*]\", as: n, concurrency: 1, headers: { X-A: \"{$n.h}\" },"
         " query: { q: \"{$n.q}\" } }, again: { service: up, path: \"/x?q=1\", headers: { x-a: \"{$list[0].h}\" } },"
         " other: { service: up, path: \"/x?q=1\", headers: { X-B: \"{$list[0].h}\" } } }", "body: $each");
    server.pages = {{"/list", R"([{"h":1,"q":1},{"h":1,"q":1,"o":2},{"h":2,"q":1},{"h":1,"q":2}])"}, {"/x?q=1", "1"}, {"/x?q=2", "2"}};
    serve();
    EXPECT_EQ(client.body, "[1,1,1,2]");
    EXPECT_EQ(server.requests.size(), 1u + 3u + 1u);
}

TEST_F(Serving, TheDeadlineCountsForAllCallsTogether) {
    load("{ a: { service: up, path: /a }, b: { service: up, path: \"/b/{$a}\" } }", "body: [$a, $b]\n      timeout: 150ms");
    server.pages = {{"/a", "1"}, {"/b/1", "2"}};
    server.delays = {{"/a", milliseconds(100)}, {"/b/1", milliseconds(100)}};
    serve();
    EXPECT_EQ(client.status, 504);
    EXPECT_GE(took(), milliseconds(150));
    EXPECT_LT(took(), milliseconds(160));
    EXPECT_THAT(x->record.detail, HasSubstr("b: deadline"));
}

TEST_F(Serving, AFailureThatCountsEndsTheRestAtOnce) {
    load("{ a: { service: up, path: /a }, b: { service: up, path: /b } }", "body: [$a, $b]");
    server.pages = {{"/a", "1"}, {"/b", ""}};
    server.delays = {{"/a", seconds(10)}, {"/b", milliseconds(30)}};
    serve();
    EXPECT_EQ(client.status, 502);
    EXPECT_EQ(took(), milliseconds(30));
    EXPECT_EQ(server.requests.size(), 2u);
}

TEST_F(Serving, AnOptionalFailureEndsNothing) {
    load("{ a: { service: up, path: /a }, b: { service: up, path: /b, optional: true, default: none } }", "body: [$a, $b]");
    server.pages = {{"/a", "1"}, {"/b", ""}};
    server.delays = {{"/a", milliseconds(100)}, {"/b", milliseconds(30)}};
    serve();
    EXPECT_EQ(client.body, "[1,\"none\"]");
    EXPECT_EQ(took(), milliseconds(100));
}

// What is destroyed while it waits takes its operations back; the network completes them late, and spoils their memory.
TEST_F(Serving, AClientMayLeaveAtEveryMoment) {
    load("{ list: { service: up, path: /list }, same: { service: up, path: /list }, slow: { service: up, path: /slow, optional: true, timeout: 40ms },"
         " each: { service: up, path: \"/each/{$item}\", for_each: \"$list[*]\", concurrency: 2, optional: true } }",
         "body: { a: $same, b: $slow, c: $each }");
    server.pages = {{"/list", "[1,2,3,4]"}, {"/slow", "1"}, {"/each/1", "1"}, {"/each/2", ""}, {"/each/3", "3"}};
    server.delays = {{"/list", milliseconds(10)}, {"/slow", milliseconds(50)}, {"/each/1", milliseconds(10)}, {"/each/3", milliseconds(20)}};
    size_t moments = 0;
    for (bool left = true; left; ++moments) {
        begin();
        size_t steps = 0;
        while (steps < moments && step()) ++steps;
        left = !done;
        drop();
        for (const Time end = net.clock().now() + milliseconds(200); net.clock().now() < end;) loop.turn(end - net.clock().now());
        settle();
        ASSERT_EQ(server.at_once, 0u) << moments;
    }
    EXPECT_GT(moments, 20u);
    EXPECT_EQ(client.status, 200);
    EXPECT_EQ(client.body, "{\"a\":[1,2,3,4],\"c\":[1,null,3,null]}");
}

}  // namespace
}  // namespace portico::gateway
