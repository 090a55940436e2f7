// What is known of bytes that nobody has read: whether a stream is quiet, readiness that is asked of the kernel, reads that are
// interrupted, and deadlines that end with their operation.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "io/loop_fixture.h"
#include "io/stream.h"

namespace portico::io {
namespace {

using std::chrono::milliseconds;

class StreamQuiet : public OnEachBackend {
  protected:
    void SetUp() override {
        OnEachBackend::SetUp();
        if (loop_ != nullptr) pair_ = stream_pair(loop());
    }
    void TearDown() override {
        reader_.cancel();
        writer_.cancel();
        pair_.stream.reset();
        if (loop_ != nullptr) settle(2);
    }
    Stream& stream() { return *pair_.stream; }
    Peer& peer() { return pair_.peer; }
    IoResult read(Buffer& into, uint32_t max = UINT32_MAX) {
        reader_.start(read_once(stream(), into, out_, max));
        EXPECT_TRUE(turn_until([&] { return out_.done; }));
        return out_.result;
    }
    Task<void> read_within(Buffer& into, Until until) {
        out_ = {};
        out_.result = co_await stream().read(into, UINT32_MAX, until);
        out_.done = true;
    }
    // Counts the streams that say, in the turn in which this one has got bytes, that they have none.
    Task<void> count_quiet(std::vector<StreamPair>& others, int& quiet) {
        Buffer in;
        out_ = {};
        out_.result = co_await stream().read(in);
        for (StreamPair& other : others) quiet += other.stream->quiet(false) ? 1 : 0;
        out_.done = true;
    }
    Task<void> write_within(Buffer& from, Until until) {
        sent_ = {};
        sent_.result = co_await stream().write(from, until);
        sent_.done = true;
    }
    Task<void> wait_readable(Until until) {
        out_ = {};
        out_.result = co_await stream().readable(until);
        out_.done = true;
    }
    Until until(StreamDeadline& timer, Duration d, StreamDeadline* other = nullptr) { return {&timer, &loop().timers(), in(d), other}; }

    StreamPair pair_;
    Running reader_, writer_;
    Outcome out_, sent_;
};

TEST_P(StreamQuiet, A86_nothing_has_come) {
    EXPECT_TRUE(stream().quiet(false));
    EXPECT_TRUE(stream().quiet(true));
}

TEST_P(StreamQuiet, A86_bytes_that_a_read_left_in_the_kernel_are_known_at_once) {
    for (const uint32_t capacity : {kSmallBuffer, kLargeBuffer}) {
        Buffer into;
        if (capacity == kLargeBuffer) into.ensure(loop().buffers(), capacity);
        peer().send("a response and more");
        settle(2);
        ASSERT_EQ(read(into, 10).value, 10);
        EXPECT_FALSE(stream().quiet(false)) << capacity;
        EXPECT_FALSE(stream().quiet(true)) << capacity;
        into.clear();
        ASSERT_EQ(read(into).value, 9);
        EXPECT_TRUE(stream().quiet(false)) << capacity;
    }
}

// A kernel tells of some twenty receives a call; the rest of a burst waits behind them.
TEST_P(StreamQuiet, A86_no_stream_of_a_burst_takes_itself_for_quiet) {
    std::vector<StreamPair> others;
    for (int i = 0; i < 200; ++i) {
        others.push_back(stream_pair(loop()));
        others.back().peer.send("x");
        Buffer in;
        reader_.start(read_once(*others.back().stream, in, out_));
        ASSERT_TRUE(turn_until([&] { return out_.done; }));
    }
    settle();
    int quiet = 0;
    reader_.start(count_quiet(others, quiet));
    settle();
    peer().send("first");
    for (StreamPair& other : others) other.peer.send("a response that nobody asked for");
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(quiet, 0);
}

TEST_P(StreamQuiet, A86_bytes_that_come_in_the_same_turn_are_known_to_a_look_now) {
    Buffer into;
    peer().send("response");
    ASSERT_EQ(read(into).value, 8);
    peer().send("more");
    EXPECT_FALSE(stream().quiet(true));
}

// The kernel told of them before somebody took them: told of once more, they are no others.
TEST_P(StreamQuiet, A86_bytes_that_were_read_before_their_event_is_heard_leave_a_stream_quiet) {
    struct Take {
        static Task<void> run(Stream& at, Stream& taken, bool& quiet, bool& done) {
            Buffer in, rest;
            (void)co_await at.read(in);
            EXPECT_EQ((co_await taken.read(rest)).value, 4);
            quiet = taken.quiet(false);
            done = true;
        }
    };
    StreamPair other = stream_pair(loop());
    peer().send("response");
    Buffer into;
    ASSERT_EQ(read(into, 8).value, 8);
    bool quiet = false, done = false;
    Running taking(Take::run(*other.stream, stream(), quiet, done));
    settle(3);
    other.peer.send("x");
    peer().send("more");
    EXPECT_TRUE(turn_until([&] { return done; }));
    EXPECT_TRUE(quiet);
    settle(2);
    EXPECT_TRUE(stream().quiet(false));
    taking.cancel();
}

TEST_P(StreamQuiet, A86_bytes_that_came_before_the_turn_are_known_in_it_whoever_is_served_first) {
    struct Told final : StreamWatcher {
        void on_peer_closed(int) override {}
    } told;
    stream().watch(&told);
    settle(3);
    // Another stream's reader looks at this one, in the very turn in which both hear of bytes.
    StreamPair other = stream_pair(loop());
    struct Look {
        static Task<void> run(Stream& at, Stream& look, bool& quiet, bool& done) {
            Buffer in;
            (void)co_await at.read(in);
            quiet = look.quiet(false);
            done = true;
        }
    };
    bool quiet = true, done = false;
    Running looking(Look::run(*other.stream, stream(), quiet, done));
    settle(3);
    EXPECT_TRUE(stream().quiet(false));
    other.peer.send("x");
    peer().send("unasked");
    EXPECT_TRUE(turn_until([&] { return done; }));
    EXPECT_FALSE(quiet);
    looking.cancel();
}

TEST_P(StreamQuiet, A86_an_end_is_not_quiet) {
    peer().shutdown_write();
    EXPECT_TRUE(turn_until([&] { return !stream().quiet(true); }));
}

TEST_P(StreamQuiet, A87_readiness_is_the_kernels_and_not_the_last_edges) {
    peer().send("two parts");
    settle(3);
    reader_.start(wait_readable({}));
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    if (out_.result.error() == EBUSY) GTEST_SKIP() << "an armed receive has the bytes";
    // Somebody moves some of them past the stream.
    char half[4];
    ASSERT_EQ(::recv(stream().splice_fd(), half, sizeof half, MSG_DONTWAIT), 4);
    reader_.start(wait_readable({}));
    ASSERT_TRUE(turn_until([&] { return out_.done; }, milliseconds(500)));
    EXPECT_GT(out_.result.value, 0);
    char rest[16];
    ASSERT_EQ(::recv(stream().splice_fd(), rest, sizeof rest, MSG_DONTWAIT), 5);
    reader_.start(wait_readable({}));
    settle(4);
    EXPECT_FALSE(out_.done);
    peer().send("more");
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
}

TEST_P(StreamQuiet, A6_a_deadline_ends_with_its_operation) {
    StreamDeadline timer(&stream(), Direction::read);
    Buffer into;
    reader_.start(read_within(into, until(timer, milliseconds(20))));
    peer().send("x");
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(out_.result.value, 1);
    EXPECT_FALSE(timer.armed());
    EXPECT_FALSE(timer.pending());
    // The next read has none.
    reader_.start(read_once(stream(), into, out_));
    settle(40);
    EXPECT_FALSE(out_.done);
}

TEST_P(StreamQuiet, A6_a_deadline_ends_with_a_reader_that_is_destroyed) {
    StreamDeadline timer(&stream(), Direction::read);
    Buffer into;
    reader_.start(read_within(into, until(timer, milliseconds(20))));
    settle(2);
    reader_.cancel();
    EXPECT_FALSE(timer.armed());
    EXPECT_FALSE(timer.pending());
}

TEST_P(StreamQuiet, A6_a_deadline_interrupts_its_own_direction_only) {
    StreamDeadline reads(&stream(), Direction::read);
    Buffer into, from = buffer_with(loop(), pattern(8 << 20), 8 << 20);
    writer_.start(write_within(from, {}));
    reader_.start(read_within(into, until(reads, milliseconds(20))));
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_TRUE(out_.result.timed_out());
    EXPECT_FALSE(sent_.done);
    size_t got = 0;
    EXPECT_TRUE(turn_until([&] {
        got += peer().take().size();
        return sent_.done;
    }));
    EXPECT_EQ(sent_.result.value, 8 << 20);
}

TEST_P(StreamQuiet, A6_what_happens_in_one_direction_gives_the_other_its_time_again) {
    StreamDeadline reads(&stream(), Direction::read), writes(&stream(), Direction::write);
    Buffer into;
    reader_.start(read_within(into, until(reads, milliseconds(60))));
    for (int i = 0; i < 6; ++i) {
        Buffer from = buffer_with(loop(), "x");
        writer_.start(write_within(from, until(writes, milliseconds(60), &reads)));
        const Time end = in(milliseconds(20));
        turn_until([&] { return clock_.now() >= end; });
        EXPECT_FALSE(out_.done) << i;
    }
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_TRUE(out_.result.timed_out());
}

TEST_P(StreamQuiet, readiness_of_an_earlier_wait_does_not_overtake_a_receive_that_is_armed) {
    StreamDeadline timer(&stream(), Direction::read);
    reader_.start(wait_readable(until(timer, milliseconds(5))));
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_TRUE(out_.result.timed_out());
    for (int i = 0; i < 20; ++i) {
        // A small read arms a receive, which outlives its reader.
        Buffer into;
        reader_.start(read_once(stream(), into, out_));
        settle(2);
        reader_.cancel();
        peer().send("bytes");
        reader_.start(wait_readable({}));
        ASSERT_TRUE(turn_until([&] { return out_.done; }));
        if (out_.result.value > 0) {
            char there[8];
            EXPECT_EQ(::recv(stream().splice_fd(), there, sizeof there, MSG_PEEK | MSG_DONTWAIT), 5) << "whoever moves bytes now moves them past others";
        }
        ASSERT_EQ(read(into).value, 5);
        reader_.start(wait_readable(until(timer, milliseconds(1))));
        ASSERT_TRUE(turn_until([&] { return out_.done; }));
    }
}

TEST_P(StreamQuiet, A8_an_operation_without_a_deadline_leaves_the_others_alone) {
    StreamDeadline reads(&stream(), Direction::read), writes(&stream(), Direction::write);
    Buffer into;
    reader_.start(read_within(into, until(reads, milliseconds(20))));
    Buffer from = buffer_with(loop(), "x");
    writer_.start(write_within(from, {&writes, &loop().timers(), Timer::kNever, &reads}));
    EXPECT_TRUE(turn_until([&] { return out_.done; }, milliseconds(2000)));
    EXPECT_TRUE(out_.result.timed_out());
}

TEST_P(StreamQuiet, A92_a_reset_that_a_write_has_met_is_no_end_in_order) {
    for (const uint32_t capacity : {kSmallBuffer, kLargeBuffer}) {
        pair_ = stream_pair(loop());
        peer().send("early");
        settle(2);
        peer().reset();
        // The kernel tells a socket's error once, and this write is told.
        for (int i = 0; i < 3; ++i) {
            Buffer from = buffer_with(loop(), "x");
            writer_.start(write_within(from, {}));
            EXPECT_TRUE(turn_until([&] { return sent_.done; }));
        }
        EXPECT_FALSE(sent_.result.ok());
        Buffer into;
        if (capacity == kLargeBuffer) into.ensure(loop().buffers(), capacity);
        while (read(into).value > 0) into.clear();
        EXPECT_FALSE(out_.result.eof()) << capacity;
    }
}

TEST_P(StreamQuiet, A96_a_read_that_was_interrupted_loses_nothing) {
    const std::string text = pattern(1 << 20);
    std::string got;
    Buffer into;
    size_t sent = 0;
    StreamDeadline timer(&stream(), Direction::read);
    for (uint32_t round = 0; got.size() < text.size(); ++round) {
        // Large and small reads by turns, some of which end before anything comes.
        if (into.has_block() && (round % 3 == 0)) into.release();
        if (!into.has_block() && round % 2 == 0) into.ensure(loop().buffers(), kLargeBuffer);
        reader_.start(read_within(into, until(timer, Duration(0))));
        if (round % 4 != 1) sent += peer().send(std::string_view(text).substr(sent, 5000 + round % 7 * 1000));
        ASSERT_TRUE(turn_until([&] { return out_.done; }));
        if (!out_.result.timed_out()) {
            ASSERT_GT(out_.result.value, 0);
        }
        got += into.view();
        into.clear();
    }
    EXPECT_EQ(got, text);
}

TEST_P(StreamQuiet, A96_an_interrupted_read_leaves_what_its_buffer_held) {
    Buffer into = buffer_with(loop(), "half a head", kLargeBuffer);
    StreamDeadline timer(&stream(), Direction::read);
    reader_.start(read_within(into, until(timer, milliseconds(5))));
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_TRUE(out_.result.timed_out());
    EXPECT_EQ(into.view(), "half a head");
    peer().send(", the rest");
    ASSERT_GT(read(into).value, 0);
    EXPECT_EQ(into.view(), "half a head, the rest");
}

TEST_P(StreamQuiet, A94_an_end_that_comes_with_the_last_bytes_is_told) {
    struct Told final : StreamWatcher {
        void on_peer_closed(int) override { ++closed; }
        int closed = 0;
    } told;
    stream().watch(&told);
    Buffer into;
    reader_.start(read_once(stream(), into, out_));
    settle(2);
    peer().send("a request");
    peer().shutdown_write();
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(out_.result.value, 9);
    EXPECT_TRUE(turn_until([&] { return told.closed > 0; }));
}

TEST_P(StreamQuiet, A96_the_end_is_next_only_once_everything_before_it_was_read) {
    struct Told final : StreamWatcher {
        void on_peer_closed(int) override { ++closed; }
        int closed = 0;
    } told;
    stream().watch(&told);
    peer().send("a body");
    peer().shutdown_write();
    ASSERT_TRUE(turn_until([&] { return told.closed > 0; }));
    EXPECT_FALSE(stream().at_end());
    Buffer into;
    ASSERT_EQ(read(into).value, 6);
    settle(3);
    EXPECT_TRUE(stream().at_end());
}

// epoll has no events of a regular file (EPERM), as it has none once its watches are used up (ENOSPC).
TEST(EpollWatches, A13_a_stream_that_no_watch_is_left_for_is_broken_and_the_loop_goes_on) {
    SystemClock clock;
    auto loop = Loop::make(BackendChoice::epoll, clock);
    ASSERT_TRUE(loop);
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    auto stream = (*loop)->backend().adopt(::dup(::fileno(file)), {});
    std::fclose(file);
    Outcome read, written;
    Buffer into, from = buffer_with(**loop, "x");
    Running reader(read_once(*stream, into, read)), writer(write_once(*stream, from, written));
    EXPECT_TRUE(read.done && written.done);
    EXPECT_EQ(read.result.error(), EPERM);
    EXPECT_EQ(written.result.error(), EPERM);
    EXPECT_FALSE(stream->quiet(false));
}

// What the kernel refuses of a descriptor breaks that stream alone, on io_uring too.
TEST_P(StreamQuiet, A13_a_stream_of_what_is_no_socket_is_broken_and_the_loop_goes_on) {
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    auto broken = loop().backend().adopt(::dup(::fileno(file)), {});
    std::fclose(file);
    Outcome first, second;
    Buffer into, from = buffer_with(loop(), "x"), rest;
    {
        Running reader(read_once(*broken, into, first)), writer(write_once(*broken, from, second));
        ASSERT_TRUE(turn_until([&] { return first.done && second.done; }));
    }
    EXPECT_GT(first.result.error(), 0);
    EXPECT_GT(second.result.error(), 0);
    broken.reset();
    peer().send("hello");
    EXPECT_EQ(read(rest).value, 5);
}

INSTANTIATE_TEST_SUITE_P(Backends, StreamQuiet, kBothBackends, backend_name);

}  // namespace
}  // namespace portico::io
