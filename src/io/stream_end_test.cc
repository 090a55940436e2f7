// How a stream ends: closing, aborting, and hearing of the peer's end while nobody reads.
#include <gtest/gtest.h>

#include <string>

#include "io/loop_fixture.h"
#include "io/stream.h"

namespace portico::io {
namespace {

struct Told final : StreamWatcher {
    void on_peer_closed(int e) override {
        ++closed;
        error = e;
    }
    void on_unasked_bytes() override { ++unasked; }
    int closed = 0, unasked = 0, error = -1;
};

class StreamEnd : public OnEachBackend {
  protected:
    void SetUp() override {
        OnEachBackend::SetUp();
        if (loop_ != nullptr) pair_ = stream_pair(loop());
    }
    void TearDown() override {
        reader_.cancel();
        writer_.cancel();
        pair_.stream.reset();
        if (loop_ == nullptr) return;
        settle(2);
        EXPECT_EQ(loop().buffers().in_use(), 0u);
    }
    Stream& stream() { return *pair_.stream; }
    Peer& peer() { return pair_.peer; }
    IoResult read(Buffer& into, uint32_t max = UINT32_MAX) {
        reader_.start(read_once(stream(), into, out_, max));
        EXPECT_TRUE(turn_until([&] { return out_.done; }));
        return out_.result;
    }
    void write(std::string_view text) {
        Buffer from = buffer_with(loop(), text);
        writer_.start(write_once(stream(), from, out_));
        EXPECT_TRUE(turn_until([&] { return out_.done; }));
    }
    // Everything the peer gets until the connection is over. It looks after every turn: an end that is seen for a
    // moment counts.
    std::string peer_gets() {
        std::string got;
        EXPECT_TRUE(turn_until([&] {
            got += peer().take();
            return peer().saw_end() || peer().saw_error() != 0;
        }));
        return got;
    }

    void expect_reset() {
        peer_gets();
        EXPECT_FALSE(peer().saw_end());
        EXPECT_EQ(peer().saw_error(), ECONNRESET);
    }

    StreamPair pair_;
    Outcome out_;
    Running reader_, writer_;
};
INSTANTIATE_TEST_SUITE_P(Backends, StreamEnd, kBothBackends, backend_name);

TEST_P(StreamEnd, destroying_a_stream_ends_the_connection_in_order) {
    write("bye");
    pair_.stream.reset();
    EXPECT_EQ(peer_gets(), "bye");
    EXPECT_TRUE(peer().saw_end());
}

TEST_P(StreamEnd, destroying_a_stream_shows_at_once_although_a_receive_is_armed) {
    peer().send("x");
    Buffer in;
    read(in);
    pair_.stream.reset();
    // Without another turn of the loop: it may be busy elsewhere.
    peer().take();
    EXPECT_TRUE(peer().saw_end());
}

// io_uring knows a connection that lasts by a number of its own, and holds its file open.
TEST_P(StreamEnd, a_stream_that_has_lasted_ends_as_soon_as_a_new_one) {
    for (int i = 0; i < 100; ++i) write("x");
    pair_.stream.reset();
    EXPECT_EQ(peer().take(), std::string(100, 'x'));
    EXPECT_TRUE(peer().saw_end());
}

TEST_P(StreamEnd, a_stream_that_has_lasted_is_reset_as_a_new_one_is) {
    for (const bool reads : {false, true}) {
        pair_ = stream_pair(loop());
        for (int i = 0; i < 100; ++i) write("x");
        Buffer in;
        if (reads) {
            peer().send("question");
            read(in);
        }
        stream().abort_on_close();
        pair_.stream.reset();
        expect_reset();
    }
}

TEST_P(StreamEnd, a_stream_that_has_lasted_is_reset_although_a_write_waits) {
    for (int i = 0; i < 100; ++i) write("x");
    const std::string text(64u << 20, 'x');
    Outcome writing;
    writer_.start(write_all(loop(), stream(), kLargeBuffer, text, writing));
    settle(4);
    stream().abort_on_close();
    writer_.cancel();
    pair_.stream.reset();
    expect_reset();
}

// A broken answer must not look whole: not even for the moment between an end and a reset.
TEST_P(StreamEnd, aborting_resets_the_connection) {
    write("half an ans");
    stream().abort_on_close();
    pair_.stream.reset();
    expect_reset();
}

TEST_P(StreamEnd, aborting_resets_the_connection_although_a_receive_is_armed) {
    peer().send("question");
    Buffer in;
    read(in);
    write("half an ans");
    stream().abort_on_close();
    pair_.stream.reset();
    expect_reset();
}

TEST_P(StreamEnd, aborting_resets_the_connection_although_a_read_or_a_write_waits) {
    for (const uint32_t capacity : {kSmallBuffer, kLargeBuffer}) {
        for (const bool writes : {false, true}) {
            pair_ = stream_pair(loop());
            const std::string text(64u << 20, 'x');
            std::string got;
            Outcome reading, writing;
            reader_.start(read_all(loop(), stream(), capacity, got, reading));
            if (writes) writer_.start(write_all(loop(), stream(), capacity, text, writing));
            settle(4);
            stream().abort_on_close();
            reader_.cancel();
            writer_.cancel();
            pair_.stream.reset();
            expect_reset();
        }
    }
}

TEST_P(StreamEnd, a_watcher_is_told_once_when_the_peer_closes) {
    Told told;
    stream().watch(&told);
    settle();
    EXPECT_EQ(told.closed + told.unasked, 0);
    peer().close();
    EXPECT_TRUE(turn_until([&] { return told.closed > 0; }));
    EXPECT_EQ(told.error, 0);
    settle();
    EXPECT_EQ(told.closed, 1);
    EXPECT_EQ(told.unasked, 0);
}

TEST_P(StreamEnd, a_watcher_is_told_of_a_half_close_too) {
    Told told;
    stream().watch(&told);
    peer().shutdown_write();
    EXPECT_TRUE(turn_until([&] { return told.closed > 0; }));
    write("still there");
    settle(2);
    EXPECT_EQ(peer().take(), "still there");
}

TEST_P(StreamEnd, a_watcher_is_told_of_a_reset_and_the_next_read_says_it_again) {
    Told told;
    stream().watch(&told);
    settle(2);
    peer().reset();
    EXPECT_TRUE(turn_until([&] { return told.closed > 0; }));
    EXPECT_EQ(told.error, ECONNRESET);
    Buffer in;
    EXPECT_EQ(read(in).error(), ECONNRESET);
}

TEST_P(StreamEnd, a_watcher_is_told_of_bytes_that_nobody_asked_for_and_they_are_not_lost) {
    Told told;
    stream().watch(&told);
    settle(2);
    peer().send("surprise");
    EXPECT_TRUE(turn_until([&] { return told.unasked > 0; }));
    EXPECT_EQ(told.closed, 0);
    Buffer in;
    EXPECT_EQ(read(in).value, 8);
    EXPECT_EQ(in.view(), "surprise");
}

TEST_P(StreamEnd, what_happened_before_the_watch_is_told) {
    for (const bool after_a_read : {false, true}) {
        for (const bool bytes : {false, true}) {
            pair_ = stream_pair(loop());
            if (after_a_read) {
                Buffer in;
                peer().send("x");
                read(in);
            }
            if (bytes) peer().send("unasked");
            else peer().close();
            settle();
            Told told;
            stream().watch(&told);
            EXPECT_TRUE(turn_until([&] { return (bytes ? told.unasked : told.closed) > 0; })) << after_a_read << bytes;
        }
    }
}

TEST_P(StreamEnd, what_a_read_left_behind_is_told) {
    peer().send("answer and more");
    settle(2);
    Buffer in;
    EXPECT_EQ(read(in, 6).value, 6);
    Told told;
    stream().watch(&told);
    EXPECT_TRUE(turn_until([&] { return told.unasked > 0; }));
}

TEST_P(StreamEnd, what_a_bulk_read_left_behind_is_told) {
    for (const bool bytes : {false, true}) {
        pair_ = stream_pair(loop());
        peer().send(bytes ? "answer and more" : "answer");
        if (!bytes) peer().close();
        settle(2);
        Buffer in;
        in.ensure(loop().buffers(), kLargeBuffer);
        EXPECT_EQ(read(in, 6).value, 6);
        Told told;
        stream().watch(&told);
        EXPECT_TRUE(turn_until([&] { return told.closed + told.unasked > 0; }));
    }
}

TEST_P(StreamEnd, the_end_after_unasked_bytes_is_noticed) {
    Told told;
    stream().watch(&told);
    settle(2);
    peer().send("pipelined");
    peer().close();
    EXPECT_TRUE(turn_until([&] { return told.closed > 0; }));
}

TEST_P(StreamEnd, a_watcher_that_was_taken_back_hears_nothing) {
    Told told;
    stream().watch(&told);
    settle(2);
    stream().watch(nullptr);
    peer().send("x");
    peer().close();
    settle();
    EXPECT_EQ(told.closed + told.unasked, 0);
    // The next one does.
    Told next;
    stream().watch(&next);
    EXPECT_TRUE(turn_until([&] { return next.closed + next.unasked > 0; }));
}

TEST_P(StreamEnd, a_watched_stream_is_read_as_any_other) {
    Told told;
    stream().watch(&told);
    settle(2);
    const std::string text = pattern(1 << 20);
    std::string got;
    reader_.start(read_all(loop(), stream(), kLargeBuffer, got, out_, text.size()));
    settle(2);
    size_t sent = 0;
    EXPECT_TRUE(turn_until([&] {
        sent += peer().send(std::string_view(text).substr(sent, 50'000));
        return out_.done;
    }));
    EXPECT_TRUE(got == text);
    EXPECT_EQ(told.closed, 0);
    // And watched again afterwards.
    stream().watch(&told);
    peer().close();
    EXPECT_TRUE(turn_until([&] { return told.closed > 0; }));
}

}  // namespace
}  // namespace portico::io
