// What every stream promises, on both backends, over real loopback sockets.
#include "io/stream.h"

#include <gtest/gtest.h>

#include "io/loop.h"
#include "io/socket.h"

namespace portico::io {
namespace {

class Streams : public ::testing::TestWithParam<BackendChoice>, private Acceptor::Sink, private Root::Owner {
  public:
    void SetUp() override {
        auto made = Loop::make(GetParam(), clock);
        if (!made) GTEST_SKIP() << made.error().context;
        loop = std::move(*made);
        auto fd = new_listener(*SocketAddress::parse("127.0.0.1:0"), false, 16);
        ASSERT_TRUE(fd);
        const SocketAddress address = local_address(*fd);
        acceptor = loop->backend().listen(*fd, *this);
        run(connect(address));
        ASSERT_NE(near, nullptr);
        while (far == nullptr) loop->turn(std::chrono::milliseconds(10));
    }
    void TearDown() override {
        main.cancel();
        side.cancel();
        near.reset();
        far.reset();
        acceptor.reset();
    }
    Task<void> connect(SocketAddress address) {
        auto connected = co_await loop->connect(address, loop->now() + std::chrono::seconds(5));
        near = std::move(connected.stream);
    }
    void start(Root& root, Task<void> task) {
        root.cancel();
        root.start(std::move(task), nullptr);
    }
    void run(Task<void> task) {
        start(main, std::move(task));
        for (int i = 0; i < 20'000 && main.running(); ++i) loop->turn(std::chrono::milliseconds(10));
        EXPECT_FALSE(main.running());
    }
    Task<void> send(Stream& to, std::string text) {
        for (size_t at = 0; at < text.size();) {
            Buffer out;
            out.ensure(loop->buffers(), kSmallBuffer);
            at += out.append(std::string_view(text).substr(at));
            const IoResult sent = co_await to.write(out);
            EXPECT_TRUE(sent.ok());
            EXPECT_TRUE(out.empty());
            if (!sent.ok()) co_return;
        }
    }
    Task<void> receive(Stream& from, size_t size, uint32_t capacity, std::string& into) {
        Buffer in;
        while (into.size() < size) {
            in.ensure(loop->buffers(), capacity);
            const IoResult got = co_await from.read(in);
            if (got.value <= 0) co_return;
            into += in.view();
            in.clear();
        }
    }
    static std::string pattern(size_t n) {
        std::string s(n, 0);
        for (size_t i = 0; i < n; ++i) s[i] = static_cast<char>(i * 131 + i / 257);
        return s;
    }

    SystemClock clock;
    std::unique_ptr<Loop> loop;
    std::unique_ptr<Acceptor> acceptor;
    std::unique_ptr<Stream> near, far;
    Root main, side;

  private:
    void on_accept(std::unique_ptr<Stream> stream) override { far = std::move(stream); }
    void on_accept_error(int) override {}
    void on_root_done() override {}
};

INSTANTIATE_TEST_SUITE_P(Backends, Streams, ::testing::Values(BackendChoice::uring, BackendChoice::epoll),
                         [](const auto& info) { return info.param == BackendChoice::uring ? "uring" : "epoll"; });

TEST_P(Streams, CarryBytesWholeInSmallAndLargeReads) {
    for (const uint32_t capacity : {kSmallBuffer, kLargeBuffer}) {
        const std::string text = pattern(4 << 20);
        std::string got;
        start(side, send(*near, text));
        run(receive(*far, text.size(), capacity, got));
        EXPECT_EQ(got == text, true);
    }
}

TEST_P(Streams, ReadNoMoreThanAsked) {
    start(side, send(*near, "hello world"));
    std::string first, rest;
    const auto read = [](Streams& t, std::string& a, std::string& b) -> Task<void> {
        Buffer in;
        in.ensure(t.loop->buffers(), kSmallBuffer);
        while (a.size() < 5) {
            const IoResult got = co_await t.far->read(in, static_cast<uint32_t>(5 - a.size()));
            if (got.value <= 0) co_return;
            a += in.view();
            in.clear();
        }
        co_await t.receive(*t.far, 6, kSmallBuffer, b);
    };
    run(read(*this, first, rest));
    EXPECT_EQ(first, "hello");
    EXPECT_EQ(rest, " world");
}

TEST_P(Streams, AnInterruptedReadLeavesTheWriteThatFollowsItAlone) {
    // What a server does at its deadline: the read fails, and an answer is written from within.
    StreamDeadline deadline(far.get());
    deadline.set_at(loop->timers(), loop->now() + std::chrono::milliseconds(20));
    IoResult read, written;
    const auto serve = [](Streams& t, IoResult& r, IoResult& w) -> Task<void> {
        Buffer in, out;
        r = co_await t.far->read(in);
        out.ensure(t.loop->buffers(), kSmallBuffer);
        out.append("408");
        w = co_await t.far->write(out);
    };
    run(serve(*this, read, written));
    EXPECT_TRUE(read.timed_out());
    EXPECT_EQ(written.value, 3);
    std::string got;
    run(receive(*near, 3, kSmallBuffer, got));
    EXPECT_EQ(got, "408");
}

TEST_P(Streams, AWaitingReadMayBeTakenBack) {
    std::string got;
    start(side, receive(*far, 5, kSmallBuffer, got));
    loop->turn(std::chrono::milliseconds(5));
    side.cancel();
    run(send(*near, "later"));
    for (int i = 0; i < 5; ++i) loop->turn(std::chrono::milliseconds(2));
    EXPECT_EQ(got, "");
}

TEST_P(Streams, AnUnreadStreamHoldsItsWriterBack) {
    Buffer out;
    size_t sent = 0;
    const auto flood = [](Streams& t, size_t& n) -> Task<void> {
        for (int i = 0; i < 100'000; ++i) {
            Buffer b;
            b.ensure(t.loop->buffers(), kLargeBuffer);
            b.append(std::string(kLargeBuffer, 'x'));
            const IoResult r = co_await t.near->write(b);
            if (!r.ok()) co_return;
            n += static_cast<size_t>(r.value);
        }
    };
    start(side, flood(*this, sent));
    for (int i = 0; i < 50; ++i) loop->turn(std::chrono::milliseconds(2));
    EXPECT_TRUE(side.running());
    EXPECT_LT(sent, 64u << 20);
    side.cancel();
}

struct Told final : StreamWatcher {
    void on_peer_closed(int e) override { closed = true, error = e; }
    void on_unasked_bytes() override { unasked = true; }
    bool closed = false, unasked = false;
    int error = 0;
};

TEST_P(Streams, AWatcherHearsOfTheEndAndOfBytesThatNobodyAskedFor) {
    Told told;
    far->watch(&told);
    run(send(*near, "x"));
    for (int i = 0; i < 200 && !told.unasked; ++i) loop->turn(std::chrono::milliseconds(5));
    EXPECT_TRUE(told.unasked);
    Told other;
    near->watch(&other);
    far->abort_on_close();
    far.reset();
    for (int i = 0; i < 200 && !other.closed; ++i) loop->turn(std::chrono::milliseconds(5));
    EXPECT_TRUE(other.closed);
}

TEST_P(Streams, BytesThatAreThereBeforeTheWatchCountToo) {
    run(send(*near, "two"));
    std::string got;
    // One of three bytes is asked for; the others lie there.
    const auto one = [](Streams& t) -> Task<void> {
        Buffer in;
        in.ensure(t.loop->buffers(), kSmallBuffer);
        co_await t.far->read(in, 1);
    };
    run(one(*this));
    Told told;
    far->watch(&told);
    for (int i = 0; i < 200 && !told.unasked; ++i) loop->turn(std::chrono::milliseconds(5));
    EXPECT_TRUE(told.unasked);
}

}  // namespace
}  // namespace portico::io
