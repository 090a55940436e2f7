#include "upstream/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/sim/network.h"
#include "upstream/service_fixture.h"

namespace portico::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kFirst = *SocketAddress::parse("10.0.0.1:80");
const SocketAddress kSecond = *SocketAddress::parse("10.0.0.2:80");

// One service of one endpoint.
class Asking : public ::testing::Test, private io::Root::Owner {
  protected:
    void SetUp() override {
        acceptor = loop.backend().listen(net.listener(kFirst), server);
        service.update({{"a.test", {kFirst}}}, {});
    }
    Result<void> ask(CallRequest request = {}) {
        answer.clear();
        done.reset();
        root.cancel();
        root.start(run(request), this);
        for (int i = 0; i < 100'000 && !done; ++i) {
            if (net.busy()) loop.turn(Duration::zero());
            else loop.turn(seconds(1));
        }
        EXPECT_TRUE(done);
        return *done;
    }
    // Once more in pieces of `size` bytes.
    static std::vector<std::string> cut(const std::string& text, size_t size) {
        std::vector<std::string> pieces;
        for (size_t at = 0; at < text.size(); at += size) pieces.push_back(text.substr(at, size));
        return pieces;
    }

    io::SimNetwork net;
    io::Loop loop{net.backend(), net.clock()};
    SimServer server{loop};
    Service service{loop, "users"};
    std::unique_ptr<io::Acceptor> acceptor;
    CallAnswer answer;

  private:
    io::Task<void> run(CallRequest request) { done = co_await call(loop, service, request, answer); }
    void on_root_done() override {}
    std::optional<Result<void>> done;
    io::Root root;
};

const std::string kPlain = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-A: b\r\n\r\n{\"a\":1}";
const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\nX-T: 1\r\n\r\n";
const std::string kInterim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + kPlain;

TEST_F(Asking, AnAnswerIsTheSameWhereverItIsSplit) {
    for (const std::string& whole : {kPlain, kChunked, kInterim}) {
        for (size_t at = 0; at <= whole.size(); ++at) {
            server.answers.push_back({whole.substr(0, at), whole.substr(at)});
            std::erase_if(server.answers.back(), [](const std::string& s) { return s.empty(); });
            server.pause = milliseconds(1);
            ASSERT_TRUE(ask()) << at;
            EXPECT_EQ(answer.head.status, 200);
            EXPECT_EQ(answer.body, "{\"a\":1}") << at;
            ASSERT_NE(answer.head.fields.find("X-A"), nullptr);
            EXPECT_EQ(answer.head.fields.find("X-A")->value, "b");
        }
    }
    EXPECT_EQ(server.connections, 1u) << "a whole answer leaves its connection for the next call";
}

TEST_F(Asking, ALongAnswerIsTheSameByLengthByChunksAndByClose) {
    std::string body;
    for (int i = 0; body.size() < 300'000; ++i) body += std::to_string(i) + ",";
    std::string chunks;
    for (const std::string& piece : cut(body, 5'000)) {
        char size[16];
        std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
        chunks += size + piece + "\r\n";
    }
    const std::string head = "HTTP/1.1 200 OK\r\nX-A: b\r\n";
    server.answers = {cut(head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body, 10'000),
                      cut(head + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n", 10'000), cut(head + "\r\n" + body, 10'000)};
    for (int i = 0; i < 3; ++i) {
        server.closes = i == 2;
        ASSERT_TRUE(ask()) << i;
        EXPECT_TRUE(answer.body == body) << i;
        EXPECT_EQ(answer.head.fields.find("X-A")->value, "b");
    }
    EXPECT_EQ(server.connections, 1u);
}

TEST_F(Asking, MoreThanMaxBodyIsRefusedAsSoonAsItShows) {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    CallRequest request;
    request.max_body = 10;
    server.answers = {{head + "Content-Length: 11\r\n\r\n"}, {head + "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890"}, {head + "\r\n01234567890"},
                      {head + "Transfer-Encoding: chunked\r\n\r\n", "6\r\n012345\r\n", "6\r\n012345\r\n"}, {head + "Content-Length: 10\r\n\r\n0123456789"}};
    for (int i = 0; i < 4; ++i) {
        const auto done = ask(request);
        ASSERT_FALSE(done) << i;
        EXPECT_EQ(done.error().fault, Fault::answer_too_large) << i;
    }
    EXPECT_TRUE(ask(request));
    EXPECT_EQ(answer.body, "0123456789");
}

TEST_F(Asking, HalfAnAnswerIsNone) {
    server.closes = true;
    server.answers = {{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012"}, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n012\r\n"},
                      {"HTTP/1.1 200 OK\r\nContent-Le"}, {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n012"}};
    for (int i = 0; i < 4; ++i) {
        const auto done = ask();
        ASSERT_FALSE(done) << i;
        EXPECT_EQ(done.error().fault, Fault::upstream_closed) << i;
    }
}

TEST_F(Asking, WhatStandsBehindAnAnswerEndsItsConnection) {
    server.answers = {{kPlain + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"}, {kPlain}, {kChunked + "x"}, {kPlain}};
    for (size_t i = 0; i < 4; ++i) {
        ASSERT_TRUE(ask());
        EXPECT_EQ(answer.body, "{\"a\":1}");
    }
    EXPECT_EQ(server.connections, 3u);
}

TEST_F(Asking, AnAnswerWithoutABodyLeavesItsConnection) {
    server.answers = {{"HTTP/1.1 204 No Content\r\n\r\n"}, {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, {kPlain}};
    ASSERT_TRUE(ask());
    EXPECT_EQ(answer.head.status, 204);
    EXPECT_TRUE(answer.body.empty());
    ASSERT_TRUE(ask());
    EXPECT_TRUE(answer.body.empty());
    ASSERT_TRUE(ask());
    EXPECT_EQ(answer.body, "{\"a\":1}");
    EXPECT_EQ(server.connections, 1u);
    EXPECT_EQ(answer.reuses, 1u);
}

TEST_F(Asking, ItsTimesAreTheCallsOwn) {
    CallRequest request;
    request.timeouts.first_byte = milliseconds(50);
    request.timeouts.idle = milliseconds(70);
    request.timeouts.total = seconds(1);
    server.pause = milliseconds(60);
    server.answers = {{kPlain}, {}, cut(kPlain, 1)};
    EXPECT_EQ(ask(request).error().fault, Fault::upstream_first_byte_timeout);
    request.timeouts.first_byte = seconds(10);
    request.timeouts.total = milliseconds(40);
    EXPECT_EQ(ask(request).error().fault, Fault::upstream_total_timeout);
    request.timeouts.total = seconds(1);
    EXPECT_EQ(ask(request).error().fault, Fault::upstream_total_timeout) << "a byte every 60 ms is never idle";
}

TEST_F(Asking, AnEndpointThatRefusesGivesWayToAnother) {
    service.update({{"b.test", {kSecond}}, {"a.test", {kFirst}}}, {});
    server.answers = {{kPlain}, {kPlain}};
    CallRequest request;
    request.method = http::Method::post;
    request.method_text = "POST";
    ASSERT_TRUE(ask(request));
    ASSERT_TRUE(ask(request));
    EXPECT_EQ(answer.endpoint, "10.0.0.1:80");
}

TEST_F(Asking, AKeptConnectionThatWasClosedIsReplacedOnceWhereTheMethodMayBeRepeated) {
    server.answers = {{kPlain}, {}, {kPlain}};
    ASSERT_TRUE(ask());
    server.closes = true;  // the second request is read, and nothing is said
    ASSERT_TRUE(ask());
    EXPECT_EQ(answer.body, "{\"a\":1}");
    EXPECT_EQ(answer.stale, 1u);
    EXPECT_EQ(answer.connects, 1u);
    EXPECT_EQ(answer.reuses, 1u);
    EXPECT_EQ(server.requests.size(), 3u);
}

TEST_F(Asking, APostIsNotRepeatedOnceItWasSent) {
    server.answers = {{kPlain}, {}, {kPlain}};
    ASSERT_TRUE(ask());
    server.closes = true;
    CallRequest request;
    request.method = http::Method::post;
    request.method_text = "POST";
    EXPECT_EQ(ask(request).error().fault, Fault::upstream_closed);
    EXPECT_EQ(server.requests.size(), 2u);
}

TEST_F(Asking, FieldsOfTheCallAndSharedOnesAreSentOnceEach) {
    server.answers = {{kPlain}};
    http::FieldList own, shared;
    own.add("Accept", "application/json");
    shared.add("X-Request-ID", "r-1");
    CallRequest request;
    request.method = http::Method::post;
    request.method_text = "POST";
    request.target = "/a?b=c";
    request.fields = &own;
    request.more_fields = &shared;
    request.body = "{}";
    request.has_body = true;
    ASSERT_TRUE(ask(request));
    EXPECT_EQ(server.requests[0], "POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nAccept: application/json\r\nX-Request-ID: r-1\r\nContent-Length: 2\r\n\r\n{}");
}

}  // namespace
}  // namespace portico::upstream
