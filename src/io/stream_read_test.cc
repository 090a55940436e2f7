// Reading from a stream, and how much is taken from the socket for it.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "io/loop_fixture.h"
#include "io/stream.h"
#include "io/uring_backend_impl.h"

namespace portico::io {
namespace {

class StreamRead : public OnEachBackend {
  protected:
    void SetUp() override {
        OnEachBackend::SetUp();
        if (loop_ != nullptr) pair_ = stream_pair(loop());
    }
    void TearDown() override {
        reader_.cancel();
        pair_.stream.reset();
        if (loop_ == nullptr) return;
        settle(2);
        EXPECT_EQ(loop().buffers().in_use(), 0u);
    }
    Stream& stream() { return *pair_.stream; }
    Peer& peer() { return pair_.peer; }
    // One read, waited for.
    IoResult read(Buffer& into, uint32_t max = UINT32_MAX) {
        reader_.start(read_once(stream(), into, out_, max));
        EXPECT_TRUE(turn_until([&] { return out_.done; }));
        return out_.result;
    }

    // Streams with 64 KiB of pattern() each that nobody reads: they hold all provided buffers of io_uring, two at least each.
    std::vector<StreamPair> take_all_buffers() {
        std::vector<StreamPair> idle;
        for (int i = 0; i < 300; ++i) {
            idle.push_back(stream_pair(loop()));
            idle.back().peer.send("x");
            Buffer in;
            reader_.start(read_once(*idle.back().stream, in, out_));
            EXPECT_TRUE(turn_until([&] { return out_.done; }));
        }
        const std::string text = pattern(64 * 1024);
        for (auto& i : idle) EXPECT_EQ(i.peer.send(text), text.size());
        if (GetParam() == BackendChoice::uring) {
            auto& backend = static_cast<UringBackend&>(loop().backend());
            EXPECT_TRUE(turn_until([&] { return backend.provided().on_offer() == 0; }));
        }
        settle();
        return idle;
    }

    StreamPair pair_;
    Outcome out_;
    Running reader_;
};
INSTANTIATE_TEST_SUITE_P(Backends, StreamRead, kBothBackends, backend_name);

TEST_P(StreamRead, brings_what_the_peer_sent) {
    peer().send("hello");
    Buffer in;
    EXPECT_EQ(read(in).value, 5);
    EXPECT_EQ(in.view(), "hello");
}

TEST_P(StreamRead, waits_for_the_peer_and_holds_no_memory_meanwhile) {
    Buffer in;
    reader_.start(read_once(stream(), in, out_));
    settle();
    EXPECT_FALSE(out_.done);
    EXPECT_EQ(loop().buffers().in_use(), 0u);
    peer().send("late");
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(in.view(), "late");
}

TEST_P(StreamRead, appends_to_what_the_buffer_holds) {
    Buffer in;
    peer().send("one ");
    read(in);
    peer().send("two");
    EXPECT_EQ(read(in).value, 3);
    EXPECT_EQ(in.view(), "one two");
}

TEST_P(StreamRead, takes_no_more_than_its_max_and_what_follows_stays) {
    peer().send("abcdefgh");
    Buffer in;
    EXPECT_EQ(read(in, 1).value, 1);
    EXPECT_EQ(read(in, 3).value, 3);
    EXPECT_EQ(in.view(), "abcd");
    in.clear();
    EXPECT_EQ(read(in).value, 4);
    EXPECT_EQ(in.view(), "efgh");
}

TEST_P(StreamRead, takes_no_more_than_the_buffer_has_room_for) {
    const std::string text = pattern(kSmallBuffer + 100);
    peer().send(text);
    settle();
    Buffer in = buffer_with(loop(), std::string(kSmallBuffer - 10, 'x'));
    EXPECT_EQ(read(in).value, 10);
    EXPECT_TRUE(in.view().ends_with(text.substr(0, 10)));
    std::string rest;
    reader_.start(read_all(loop(), stream(), kSmallBuffer, rest, out_, text.size() - 10));
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(rest, text.substr(10));
}

TEST_P(StreamRead, a_max_holds_for_bulk_reads_too) {
    peer().send(pattern(5000));
    settle();
    Buffer in;
    in.ensure(loop().buffers(), kLargeBuffer);
    EXPECT_EQ(read(in, 1000).value, 1000);
    EXPECT_EQ(read(in, 1000).value, 1000);
    EXPECT_EQ(in.view(), pattern(5000).substr(0, 2000));
}

TEST_P(StreamRead, a_bulk_read_takes_all_that_has_gathered) {
    const std::string text = pattern(100 * 1024);
    ASSERT_EQ(peer().send(text), text.size());
    settle();
    Buffer in;
    in.ensure(loop().buffers(), kLargeBuffer);
    EXPECT_EQ(read(in).value, 100 * 1024);
    EXPECT_EQ(in.view(), text);
}

TEST_P(StreamRead, a_bulk_read_waits_where_nothing_has_come) {
    Buffer in;
    in.ensure(loop().buffers(), kLargeBuffer);
    reader_.start(read_once(stream(), in, out_));
    settle();
    EXPECT_FALSE(out_.done);
    peer().send("late");
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(in.view(), "late");
}

TEST_P(StreamRead, a_bulk_read_goes_on_where_small_reads_stopped) {
    peer().send("head|body one ");
    Buffer head;
    EXPECT_EQ(read(head, 5).value, 5);
    Buffer body;
    body.ensure(loop().buffers(), kLargeBuffer);
    read(body);
    peer().send("body two");
    while (body.size() < 17) ASSERT_GT(read(body).value, 0);
    EXPECT_EQ(body.view(), "body one body two");
    peer().send("|next");
    head.clear();
    EXPECT_EQ(read(head).value, 5);
    EXPECT_EQ(head.view(), "|next");
}

TEST_P(StreamRead, the_end_is_zero_as_often_as_it_is_read) {
    peer().send("last");
    peer().close();
    Buffer in;
    EXPECT_EQ(read(in).value, 4);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read(in).value, 0);
    EXPECT_EQ(in.view(), "last");
    Buffer bulk;
    bulk.ensure(loop().buffers(), kLargeBuffer);
    EXPECT_EQ(read(bulk).value, 0);
}

TEST_P(StreamRead, the_end_wakes_whoever_waits) {
    for (const uint32_t capacity : {kSmallBuffer, kLargeBuffer}) {
        pair_ = stream_pair(loop());
        std::string got;
        reader_.start(read_all(loop(), stream(), capacity, got, out_));
        settle(2);
        peer().close();
        EXPECT_TRUE(turn_until([&] { return out_.done; }));
        EXPECT_EQ(out_.result.value, 0);
        EXPECT_EQ(got, "");
        reader_.cancel();
    }
}

TEST_P(StreamRead, a_reset_is_an_error_and_not_an_end) {
    for (const uint32_t capacity : {kSmallBuffer, kLargeBuffer}) {
        for (const bool waiting : {false, true}) {
            pair_ = stream_pair(loop());
            std::string got;
            if (!waiting) {
                peer().reset();
                settle(2);
            }
            reader_.start(read_all(loop(), stream(), capacity, got, out_));
            settle(2);
            if (waiting) peer().reset();
            EXPECT_TRUE(turn_until([&] { return out_.done; }));
            EXPECT_EQ(out_.result.error(), ECONNRESET);
            reader_.cancel();
        }
    }
}

TEST_P(StreamRead, bytes_before_the_end_are_read_first) {
    const std::string text = pattern(100'000);
    ASSERT_EQ(peer().send(text), text.size());
    peer().close();
    settle();
    std::string got;
    reader_.start(read_all(loop(), stream(), kSmallBuffer, got, out_));
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(out_.result.value, 0);
    EXPECT_TRUE(got == text);
}

TEST_P(StreamRead, sixty_four_mib_arrive_byte_for_byte) {
    std::string text;
    for (const std::string part = pattern(65537); text.size() < 64u << 20;) text += part;
    for (const uint32_t capacity : {kSmallBuffer, kLargeBuffer}) {
        pair_ = stream_pair(loop());
        std::string got;
        got.reserve(text.size());
        reader_.start(read_all(loop(), stream(), capacity, got, out_));
        size_t sent = 0;
        EXPECT_TRUE(turn_until(
            [&] {
                sent += peer().send(std::string_view(text).substr(sent, 1 << 20));
                if (sent == text.size()) peer().close();
                return out_.done;
            },
            std::chrono::seconds(60)));
        EXPECT_EQ(out_.result.value, 0);
        EXPECT_TRUE(got == text);
    }
}

Task<void> read_in_many_ways(Loop& loop, Stream& stream, unsigned seed, std::string& into, Outcome& out) {
    std::mt19937 random(seed);
    for (;;) {
        Buffer buffer;
        switch (random() % 4) {
            case 0: break;  // empty: the block comes with the bytes
            case 1: buffer.ensure(loop.buffers(), kSmallBuffer); break;
            default: buffer.ensure(loop.buffers(), kLargeBuffer);
        }
        const uint32_t max = random() % 2 == 0 ? UINT32_MAX : 1 + random() % 30'000;
        out.result = co_await stream.read(buffer, max);
        if (out.result.value <= 0) break;
        EXPECT_LE(static_cast<uint32_t>(out.result.value), max);
        into += buffer.view();
        if (random() % 8 == 0) co_await loop.yield();
    }
    out.done = true;
}

TEST_P(StreamRead, however_reads_are_mixed_nothing_is_lost_or_turned_round) {
    const std::string text = pattern(2 << 20);
    for (unsigned seed = 1; seed <= 10; ++seed) {
        pair_ = stream_pair(loop());
        out_ = {};
        std::string got;
        std::mt19937 random(seed);
        reader_.start(read_in_many_ways(loop(), stream(), seed, got, out_));
        size_t sent = 0;
        EXPECT_TRUE(turn_until([&] {
            if (random() % 3 != 0) sent += peer().send(std::string_view(text).substr(sent, 1 + random() % 60'000));
            if (sent == text.size()) peer().close();
            return out_.done;
        }));
        EXPECT_EQ(out_.result.value, 0) << seed;
        EXPECT_TRUE(got == text) << seed;
    }
}

// Lets the peer send as much as it can while nobody reads. @returns how much that was
size_t flood(Peer& peer, Loop* loop) {
    const std::string chunk(64 * 1024, 'x');
    size_t total = 0;
    for (int idle = 0; idle < 8;) {
        const size_t n = peer.send(chunk);
        total += n;
        idle = n == 0 ? idle + 1 : 0;
        if (loop != nullptr) loop->turn(std::chrono::milliseconds(1));
        else ::usleep(1000);
    }
    return total;
}

TEST_P(StreamRead, what_nobody_reads_stays_with_the_peer) {
    PlainListener listener;
    Peer plain = Peer::to(listener.address());
    const Peer unread(listener.accept());
    const size_t kernel = flood(plain, nullptr);

    const size_t fresh = flood(peer(), &loop());
    EXPECT_LT(fresh, kernel + 512 * 1024);
    // With a receive armed by an earlier read, a few buffers more.
    pair_ = stream_pair(loop());
    peer().send("x");
    Buffer in;
    read(in);
    const size_t armed = flood(peer(), &loop());
    EXPECT_LT(armed, kernel + 512 * 1024);
    // And none of it is lost.
    std::string got;
    peer().shutdown_write();
    reader_.start(read_all(loop(), stream(), kSmallBuffer, got, out_));
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(out_.result.value, 0);
    EXPECT_EQ(got.size(), armed);
}

TEST_P(StreamRead, many_streams_with_unread_bytes_leave_the_others_working) {
    const std::vector<StreamPair> idle = take_all_buffers();
    const std::string text = pattern(64 * 1024);

    peer().send("hello");
    Buffer in;
    EXPECT_EQ(read(in).value, 5);
    EXPECT_EQ(in.view(), "hello");
    in.clear();
    peer().send("again");
    EXPECT_EQ(read(in).value, 5);

    struct Told final : StreamWatcher {
        void on_peer_closed(int) override { closed = true; }
        void on_unasked_bytes() override { unasked = true; }
        bool closed = false, unasked = false;
    };
    Told end, bytes;
    stream().watch(&end);
    StreamPair other = stream_pair(loop());
    other.stream->watch(&bytes);
    settle();
    EXPECT_FALSE(end.closed || end.unasked || bytes.closed || bytes.unasked);
    peer().close();
    EXPECT_TRUE(turn_until([&] { return end.closed; }, std::chrono::seconds(2)));
    other.peer.send("unasked");
    EXPECT_TRUE(turn_until([&] { return bytes.unasked; }, std::chrono::seconds(2)));

    for (auto& i : idle) {
        std::string got;
        reader_.start(read_all(loop(), *i.stream, kSmallBuffer, got, out_, text.size()));
        ASSERT_TRUE(turn_until([&] { return out_.done; }));
        ASSERT_TRUE(got == text);
    }
}

// Its head found no provided buffer, and now nobody reads: the gateway waits for the service.
TEST_P(StreamRead, who_leaves_after_a_head_that_found_no_buffer_is_heard) {
    struct Told final : StreamWatcher {
        void on_peer_closed(int) override { closed = true; }
        void on_unasked_bytes() override {}
        bool closed = false;
    };
    const auto hog = take_all_buffers();
    for (const bool resets : {false, true}) {
        StreamPair pair = stream_pair(loop());
        Told told;
        pair.stream->watch(&told);
        settle();
        Buffer in;
        reader_.start(read_once(*pair.stream, in, out_));
        settle();
        pair.peer.send("hello");
        ASSERT_TRUE(turn_until([&] { return out_.done; }));
        ASSERT_EQ(in.view(), "hello");
        settle();
        EXPECT_FALSE(told.closed);
        if (resets) pair.peer.reset();
        else pair.peer.close();
        EXPECT_TRUE(turn_until([&] { return told.closed; }, std::chrono::seconds(2))) << resets;
        pair.stream->watch(nullptr);
    }
}

// What io_uring had under way when a bulk read was taken back must not be written into anybody else's memory.
TEST_P(StreamRead, an_abandoned_bulk_read_writes_into_nobodys_buffer) {
    Buffer in;
    in.ensure(loop().buffers(), kLargeBuffer);
    reader_.start(read_once(stream(), in, out_));
    settle(2);
    reader_.cancel();
    in.release();
    std::vector<Buffer> others;
    const std::string mine(kLargeBuffer, 'm');
    for (int i = 0; i < 4; ++i) others.push_back(buffer_with(loop(), mine, kLargeBuffer));
    peer().send(pattern(50'000));
    settle();
    for (const Buffer& b : others) EXPECT_TRUE(b.view() == mine);
    EXPECT_FALSE(out_.done);
    pair_.stream.reset();
}

Task<void> read_and_destroy(std::unique_ptr<Stream> stream, Outcome& out) {
    Buffer in;
    out.result = co_await stream->read(in);
    stream.reset();
    out.done = true;
}

TEST_P(StreamRead, whoever_was_resumed_may_destroy_the_stream) {
    reader_.start(read_and_destroy(std::move(pair_.stream), out_));
    settle(2);
    peer().send("bye");
    peer().shutdown_write();
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_TRUE(turn_until([&] {
        peer().take();
        return peer().saw_end() || peer().saw_error() != 0;
    }));
}

TEST_P(StreamRead, knows_the_addresses_of_both_ends) {
    EXPECT_EQ(stream().peer(), local_address(peer().fd()));
    EXPECT_EQ(stream().local(), peer_address(peer().fd()));
}

}  // namespace
}  // namespace portico::io
