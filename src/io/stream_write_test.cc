// Writing to a stream.
#include <gtest/gtest.h>

#include <string>

#include "io/loop_fixture.h"
#include "io/stream.h"

namespace portico::io {
namespace {

class StreamWrite : public OnEachBackend {
  protected:
    void SetUp() override {
        OnEachBackend::SetUp();
        if (loop_ != nullptr) pair_ = stream_pair(loop());
    }
    void TearDown() override {
        writer_.cancel();
        reader_.cancel();
        pair_.stream.reset();
        if (loop_ == nullptr) return;
        settle(2);
        EXPECT_EQ(loop().buffers().in_use(), 0u);
    }
    Stream& stream() { return *pair_.stream; }
    Peer& peer() { return pair_.peer; }

    StreamPair pair_;
    Outcome out_, read_out_;
    Running writer_, reader_;
};
INSTANTIATE_TEST_SUITE_P(Backends, StreamWrite, kBothBackends, backend_name);

TEST_P(StreamWrite, sends_all_of_the_buffer_and_leaves_it_empty) {
    Buffer from = buffer_with(loop(), "hello");
    writer_.start(write_once(stream(), from, out_));
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(out_.result.value, 5);
    EXPECT_TRUE(from.empty());
    EXPECT_EQ(peer().take(), "hello");
}

TEST_P(StreamWrite, writes_in_a_row_arrive_in_order) {
    const std::string text = pattern(300'000);
    writer_.start(write_all(loop(), stream(), 1000, text, out_));
    std::string got;
    EXPECT_TRUE(turn_until([&] {
        got += peer().take();
        return got.size() == text.size();
    }));
    EXPECT_TRUE(got == text);
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
}

TEST_P(StreamWrite, sixty_four_mib_reach_a_slow_reader_byte_for_byte) {
    std::string text;
    for (const std::string part = pattern(65537); text.size() < 64u << 20;) text += part;
    writer_.start(write_all(loop(), stream(), kLargeBuffer, text, out_));
    std::string got;
    got.reserve(text.size());
    int turns = 0;
    EXPECT_TRUE(turn_until(
        [&] {
            // Now nothing, now a little, now much.
            switch (++turns % 4) {
                case 0: break;
                case 1: got += peer().take(100); break;
                default: got += peer().take(700'000);
            }
            return got.size() == text.size();
        },
        std::chrono::seconds(60)));
    EXPECT_TRUE(got == text);
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_TRUE(out_.result.ok());
}

TEST_P(StreamWrite, a_peer_that_does_not_read_holds_the_writer_back) {
    const std::string text(64u << 20, 'x');
    writer_.start(write_all(loop(), stream(), kLargeBuffer, text, out_));
    settle(20);
    EXPECT_FALSE(out_.done);
    EXPECT_LE(loop().buffers().in_use(), 1u);
    writer_.cancel();
    pair_.stream.reset();
    settle(2);
    EXPECT_LT(peer().take(64u << 20).size(), 32u << 20);
}

TEST_P(StreamWrite, reading_and_writing_go_on_at_once) {
    const std::string out_text = pattern(3 << 20), in_text = pattern(2 << 20);
    std::string received, returned;
    writer_.start(write_all(loop(), stream(), kLargeBuffer, out_text, out_));
    reader_.start(read_all(loop(), stream(), kLargeBuffer, received, read_out_, in_text.size()));
    size_t sent = 0;
    EXPECT_TRUE(turn_until([&] {
        sent += peer().send(std::string_view(in_text).substr(sent, 100'000));
        returned += peer().take(100'000);
        return out_.done && read_out_.done && returned.size() == out_text.size();
    }));
    EXPECT_TRUE(received == in_text);
    EXPECT_TRUE(returned == out_text);
}

TEST_P(StreamWrite, to_a_peer_that_has_gone_fails) {
    peer().reset();
    settle(2);
    const std::string text = pattern(1 << 20);
    writer_.start(write_all(loop(), stream(), kSmallBuffer, text, out_));
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_TRUE(out_.result.error() == EPIPE || out_.result.error() == ECONNRESET) << out_.result.value;
}

TEST_P(StreamWrite, one_that_waits_fails_when_the_peer_goes) {
    const std::string text(64u << 20, 'x');
    writer_.start(write_all(loop(), stream(), kLargeBuffer, text, out_));
    settle(10);
    ASSERT_FALSE(out_.done);
    peer().reset();
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_TRUE(out_.result.error() == EPIPE || out_.result.error() == ECONNRESET) << out_.result.value;
}

TEST_P(StreamWrite, half_closing_shows_the_peer_the_end_after_what_was_written) {
    Buffer from = buffer_with(loop(), "all there is");
    writer_.start(write_once(stream(), from, out_));
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    stream().shutdown_write();
    std::string got;
    EXPECT_TRUE(turn_until([&] {
        got += peer().take();
        return peer().saw_end();
    }));
    EXPECT_EQ(got, "all there is");
    // The other direction still works.
    peer().send("thanks");
    Buffer in;
    reader_.start(read_once(stream(), in, read_out_));
    EXPECT_TRUE(turn_until([&] { return read_out_.done; }));
    EXPECT_EQ(in.view(), "thanks");
}

TEST_P(StreamWrite, after_half_closing_fails) {
    stream().shutdown_write();
    Buffer from = buffer_with(loop(), "too late");
    writer_.start(write_once(stream(), from, out_));
    EXPECT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(out_.result.error(), EPIPE);
}

// The kernel still sends from the block of a write that was taken back: nobody else may get it before that is over.
TEST_P(StreamWrite, an_abandoned_write_sends_nothing_but_its_own_bytes) {
    const std::string text = pattern(64u << 20);
    writer_.start(write_all(loop(), stream(), kLargeBuffer, text, out_));
    settle(10);
    ASSERT_FALSE(out_.done);
    writer_.cancel();
    std::vector<Buffer> others;
    for (int i = 0; i < 20; ++i) others.push_back(buffer_with(loop(), std::string(kLargeBuffer, '!'), kLargeBuffer));
    std::string got;
    for (int i = 0; i < 10; ++i) {
        got += peer().take(16u << 20);
        loop().turn(std::chrono::milliseconds(1));
    }
    EXPECT_GT(got.size(), 0u);
    EXPECT_TRUE(got == std::string_view(text).substr(0, got.size()));
}

TEST_P(StreamWrite, a_stream_may_be_written_to_after_a_waiting_read_was_destroyed) {
    Buffer in;
    reader_.start(read_once(stream(), in, read_out_));
    settle(2);
    reader_.cancel();
    Buffer from = buffer_with(loop(), "answer");
    writer_.start(write_once(stream(), from, out_));
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(peer().take(), "answer");
    // What comes now is for the next read, not for the one that has gone.
    peer().send("question");
    settle();
    EXPECT_TRUE(in.empty());
    EXPECT_FALSE(read_out_.done);
    reader_.start(read_once(stream(), in, read_out_));
    EXPECT_TRUE(turn_until([&] { return read_out_.done; }));
    EXPECT_EQ(in.view(), "question");
}

}  // namespace
}  // namespace portico::io
