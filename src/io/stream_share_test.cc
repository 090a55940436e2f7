// What a stream that always has bytes leaves to the others of its loop, and what urgent bytes and full rooms leave to be read.
#include <gtest/gtest.h>

#include <fcntl.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "io/loop_fixture.h"
#include "io/turn.h"
#include "io/uring_backend_impl.h"

namespace portico::io {
namespace {

class StreamShare : public OnEachBackend {
  protected:
    void SetUp() override {
        OnEachBackend::SetUp();
        if (loop_ != nullptr) pair_ = stream_pair(loop());
    }
    void TearDown() override {
        reader_.cancel();
        pair_.stream.reset();
        if (loop_ != nullptr) settle(2);
    }
    Stream& stream() { return *pair_.stream; }

    StreamPair pair_;
    Outcome out_;
    Running reader_;
};
INSTANTIATE_TEST_SUITE_P(Backends, StreamShare, kBothBackends, backend_name);

Task<void> count_all(Loop& loop, Stream& stream, size_t& total, Outcome& out) {
    Buffer buffer;
    do {
        buffer.ensure(loop.buffers(), kLargeBuffer);
        buffer.clear();
        out.result = co_await stream.read(buffer);
        total += buffer.size();
    } while (out.result.value > 0);
    out.done = true;
}

// A peer that sends as fast as it is read would keep all other streams, the timers and the ends of exchanges waiting.
TEST_P(StreamShare, one_that_always_has_bytes_takes_its_share_of_a_turn_and_no_more) {
    constexpr size_t kSize = 96 << 20;
    std::thread sender([&] {
        const std::string part(1 << 20, 'x');
        ::fcntl(pair_.peer.fd(), F_SETFL, 0);
        for (size_t sent = 0; sent < kSize;) sent += pair_.peer.send(part);
        pair_.peer.shutdown_write();
    });
    size_t total = 0;
    size_t most = 0;
    reader_.start(count_all(loop(), stream(), total, out_));
    for (size_t before = total; !out_.done; before = total) {
        loop().turn(std::chrono::milliseconds(100));
        most = std::max(most, total - before);
    }
    sender.join();
    EXPECT_EQ(out_.result.value, 0);
    EXPECT_EQ(total, kSize);
    // What a machine copies in half a millisecond, and one part more: 1.5 MiB here, with room for a faster one.
    EXPECT_LT(most, 16u << 20);
}

// One that has had its share is still interrupted, abandoned and destroyed as any other.
TEST_P(StreamShare, one_that_waits_for_its_next_share_may_be_given_up) {
    std::thread sender([&] {
        const std::string part(1 << 20, 'x');
        ::fcntl(pair_.peer.fd(), F_SETFL, 0);
        for (int i = 0; i < 64 && pair_.peer.send(part) == part.size(); ++i) {}
    });
    size_t total = 0;
    reader_.start(count_all(loop(), stream(), total, out_));
    while (total < 2 << 20) loop().turn(std::chrono::milliseconds(100));
    stream().interrupt(ETIMEDOUT, Direction::read);
    EXPECT_TRUE(out_.done && out_.result.timed_out());
    size_t more = 0;
    reader_.start(count_all(loop(), stream(), more, out_));
    while (more < 2 << 20) loop().turn(std::chrono::milliseconds(100));
    reader_.cancel();
    pair_.stream.reset();
    settle(2);
    sender.join();
}

// A read stops before an urgent byte: its being short says nothing of what stands behind.
TEST_P(StreamShare, what_stands_behind_an_urgent_byte_is_read) {
    std::string got;
    for (const uint32_t capacity : {kSmallBuffer, kLargeBuffer}) {
        for (int i = 0; i < 2; ++i) {  // the second finds the stream as the first has left it
            got.clear();
            pair_.peer.send("before");
            ASSERT_EQ(::send(pair_.peer.fd(), "!", 1, MSG_OOB), 1);
            pair_.peer.send("behind");
            ::usleep(1000);
            reader_.start(read_all(loop(), stream(), capacity, got, out_, 12));
            EXPECT_TRUE(turn_until([&] { return out_.done; }, std::chrono::seconds(2))) << got;
            EXPECT_EQ(got, "beforebehind");
        }
    }
}

struct Told final : StreamWatcher {
    void on_peer_closed(int) override { closed = true; }
    bool closed = false;
};

// Provided buffers of io_uring ran out behind bytes that had one: once those are read, the watch goes on without.
TEST_P(StreamShare, who_leaves_behind_bytes_that_were_the_last_to_find_a_buffer_is_heard) {
    if (GetParam() != BackendChoice::uring) GTEST_SKIP() << "knows no such buffers";
    ProvidedBuffers& provided = static_cast<UringBackend&>(loop().backend()).provided();
    Told told;
    stream().watch(&told);
    settle();
    pair_.peer.send("next");
    settle();
    std::vector<StreamPair> hogs;
    Told nobody;
    while (hogs.size() < ProvidedBuffers::kCount) {
        hogs.push_back(stream_pair(loop()));
        hogs.back().stream->watch(&nobody);
    }
    settle();
    for (auto& hog : hogs) hog.peer.send("x");
    ASSERT_TRUE(turn_until([&] { return provided.on_offer() == 0; }));
    settle();
    pair_.peer.close();
    settle();
    Buffer in;
    reader_.start(read_once(stream(), in, out_));
    ASSERT_TRUE(turn_until([&] { return out_.done; }));
    EXPECT_EQ(in.view(), "next");
    EXPECT_TRUE(turn_until([&] { return told.closed; }, std::chrono::seconds(2)));
    stream().watch(nullptr);
    hogs.clear();
}

}  // namespace
}  // namespace portico::io
