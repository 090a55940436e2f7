// What passes once the handshake is done: whole, in order, with back-pressure, and never cut without a word.
#include "io/tls_stream.h"

#include <gtest/gtest.h>

#include <random>

#include "io/tls_fixture.h"

namespace portico::io {
namespace {

using std::chrono::seconds;

struct Told final : StreamWatcher {
    void on_peer_closed(int e) override {
        ++closed;
        error = e;
    }
    void on_unasked_bytes() override { ++unasked; }
    int closed = 0, unasked = 0, error = -1;
};

class OverTls : public testing::TestWithParam<Under> {
  protected:
    void SetUp() override {
        if (!ground.usable()) GTEST_SKIP() << "no io_uring here";
        const Credential own = make_certificate({.names = "DNS:x.test", .now = ground.wall()});
        server = std::make_unique<TlsServer>(own);
        client = *TlsClient::make({.ca = own.certificate});
        open();
    }
    void TearDown() override {
        for (Running* r : {&reading, &writing, &far_reading, &far_writing}) r->cancel();
        near.reset();
        far.reset();
        if (!ground.usable()) return;
        ground.settle();
        EXPECT_EQ(ground.loop().buffers().in_use(), 0u);
    }
    // A fresh pair of ends. @param most bytes that a read below brings at once
    void open(uint32_t most = UINT32_MAX) {
        for (Running* r : {&reading, &writing, &far_reading, &far_writing}) r->cancel();
        near.reset();
        far.reset();
        std::unique_ptr<Stream> plain, far_plain;
        ground.connect(plain, far_plain);
        if (most != UINT32_MAX) {
            plain = std::make_unique<Trickle>(std::move(plain), most);
            far_plain = std::make_unique<Trickle>(std::move(far_plain), most);
        }
        below = far_plain.get();
        far = server->over(ground.loop(), std::move(far_plain));
        ClientEnd end = fail(Fault::internal);
        TlsStream::HandshakeEnd far_end;
        bool near_done = false, far_done = false;
        Running a(run_client(*client, ground.loop(), std::move(plain), "x.test", ground.in(seconds(20)), nullptr, end, near_done));
        Running b(run_server(*far, ground.in(seconds(20)), far_end, far_done));
        ASSERT_TRUE(ground.turn_until([&] { return near_done && far_done; }));
        ASSERT_TRUE(end) << end.error().context;
        near = std::move(*end);
    }
    Loop& loop() { return ground.loop(); }
    size_t blocks() { return loop().buffers().in_use(); }
    template <class F>
    void until(F holds) {
        ASSERT_TRUE(ground.turn_until(holds));
    }
    IoResult read(Stream& s, Buffer& into, uint32_t max = UINT32_MAX) {
        reading.start(read_once(s, into, got, max));
        EXPECT_TRUE(ground.turn_until([&] { return got.done; }));
        return got.result;
    }
    IoResult write(Stream& s, std::string_view text) {
        Buffer from = buffer_with(loop(), text);
        Outcome sent;
        Running w(write_once(s, from, sent));
        EXPECT_TRUE(ground.turn_until([&] { return sent.done; }));
        return sent.result;
    }
    // Both ways at once, each side in buffers of its own size.
    void exchange(size_t size, uint32_t near_capacity, uint32_t far_capacity) {
        const std::string text = pattern(size);
        std::string near_got, far_got;
        Outcome a, b, c, d;
        far_reading.start(read_all(loop(), *far, far_capacity, far_got, a, size));
        reading.start(read_all(loop(), *near, near_capacity, near_got, b, size));
        writing.start(write_all(loop(), *near, near_capacity, text, c));
        far_writing.start(write_all(loop(), *far, far_capacity, text, d));
        until([&] { return a.done && b.done && c.done && d.done; });
        EXPECT_TRUE(near_got == text);
        EXPECT_TRUE(far_got == text);
    }

    Ground ground{GetParam()};
    std::unique_ptr<TlsServer> server;
    std::shared_ptr<const TlsClient> client;
    std::unique_ptr<Stream> near;
    std::unique_ptr<TlsStream> far;
    Stream* below = nullptr;  // the plain stream of the far end
    Outcome got;
    Running reading, writing, far_reading, far_writing;
};
INSTANTIATE_TEST_SUITE_P(Grounds, OverTls, kEverywhere, under_name);

TEST_P(OverTls, passes_what_is_written_whole_and_in_order_both_ways) {
    for (const uint32_t a : {kSmallBuffer, kLargeBuffer}) {
        for (const uint32_t b : {kSmallBuffer, kLargeBuffer}) exchange(3'000'001, a, b);
    }
}

TEST_P(OverTls, passes_the_same_although_every_byte_comes_alone) {
    open(1);
    exchange(20'000, kSmallBuffer, kLargeBuffer);
    for (const uint32_t most : {2u, 5u, 6u, 4095u}) {
        open(most);
        exchange(40'000, kSmallBuffer, kSmallBuffer);
    }
}

TEST_P(OverTls, reads_no_more_than_was_asked_for) {
    write(*far, "answer and more");
    Buffer in;
    EXPECT_EQ(read(*near, in, 6).value, 6);
    EXPECT_EQ(in.view(), "answer");
    in.clear();
    EXPECT_EQ(read(*near, in).value, 9);
    EXPECT_EQ(in.view(), " and more");
}

TEST_P(OverTls, holds_no_block_while_it_rests_or_waits_to_read) {
    write(*far, "hello");
    Buffer in;
    read(*near, in);
    in.release();
    ground.settle();
    Told told;
    near->watch(&told);
    ground.settle();
    EXPECT_EQ(blocks(), 0u);
    EXPECT_EQ(told.closed + told.unasked, 0);
    reading.start(read_once(*near, in, got));
    ground.settle();
    EXPECT_FALSE(got.done);
    EXPECT_EQ(blocks(), 0u);
}

TEST_P(OverTls, a_reader_who_takes_nothing_stops_the_writer) {
    const std::string text = pattern(64u << 20);
    Outcome sent;
    far_writing.start(write_all(loop(), *far, kLargeBuffer, text, sent));
    ground.settle(200);
    EXPECT_FALSE(sent.done);
    EXPECT_LE(blocks(), 4u);
    std::string all;
    reading.start(read_all(loop(), *near, kLargeBuffer, all, got, text.size()));
    until([&] { return got.done && sent.done; });
    EXPECT_TRUE(all == text);
}

TEST_P(OverTls, the_peers_end_in_order_is_an_end) {
    write(*far, "last words");
    far->shutdown_write();
    Buffer in;
    EXPECT_EQ(read(*near, in).value, 10);
    EXPECT_EQ(read(*near, in).value, 0);
    EXPECT_EQ(read(*near, in).value, 0);
    // The other way is open still.
    EXPECT_EQ(write(*near, "answer").value, 6);
    Buffer far_in;
    EXPECT_EQ(read(*far, far_in).value, 6);
}

TEST_P(OverTls, nothing_is_written_after_the_end) {
    near->shutdown_write();
    EXPECT_EQ(write(*near, "x").error(), EPIPE);
    Buffer in;
    EXPECT_EQ(read(*far, in).value, 0);
}

TEST_P(OverTls, the_end_comes_after_what_is_still_being_written) {
    const std::string text = pattern(1 << 20);
    Outcome sent;
    far_writing.start(write_all(loop(), *far, kLargeBuffer, text, sent));
    std::string all;
    reading.start(read_all(loop(), *near, kSmallBuffer, all, got));
    until([&] { return sent.done; });
    far->shutdown_write();
    until([&] { return got.done; });
    EXPECT_EQ(got.result.value, 0);
    EXPECT_TRUE(all == text);
}

// A body that ends with the connection must not be cut by anybody on the way.
TEST_P(OverTls, an_end_of_the_connection_alone_is_an_error) {
    write(*far, "half a bo");
    below->shutdown_write();
    Buffer in;
    EXPECT_EQ(read(*near, in).value, 9);
    EXPECT_EQ(read(*near, in).error(), ECONNRESET);
    EXPECT_EQ(near->failure(), "the connection was cut: it ended without TLS's own end");
}

TEST_P(OverTls, a_reset_of_the_connection_is_an_error) {
    write(*far, "half a bo");
    far->abort_on_close();
    far.reset();
    Buffer in;
    IoResult last{1};
    while (last.value > 0) last = read(*near, in);
    EXPECT_EQ(last.error(), ECONNRESET);
}

TEST_P(OverTls, closing_in_order_says_so_and_after_an_abandoned_write_it_does_not) {
    if (ground.simulated()) return;  // has no descriptor to say it on
    Buffer in;
    far.reset();
    EXPECT_EQ(read(*near, in).value, 0);
    open();
    const std::string text = pattern(64u << 20);
    Outcome sent;
    far_writing.start(write_all(loop(), *far, kLargeBuffer, text, sent));
    ground.settle(50);
    far_writing.cancel();
    far.reset();
    std::string all;
    reading.start(read_all(loop(), *near, kSmallBuffer, all, got));
    until([&] { return got.done; });
    EXPECT_EQ(got.result.error(), ECONNRESET);
}

TEST_P(OverTls, bytes_that_are_no_record_break_the_stream_and_say_so) {
    write(*below, "this is no record of TLS at all");
    Buffer in;
    EXPECT_EQ(read(*near, in).error(), EPROTO);
    EXPECT_FALSE(near->failure().empty());
    EXPECT_EQ(write(*near, "x").error(), EPROTO);
}

TEST_P(OverTls, a_watcher_is_told_of_bytes_and_they_are_not_lost) {
    Told told;
    near->watch(&told);
    ground.settle();
    EXPECT_EQ(told.unasked + told.closed, 0);
    write(*far, "surprise");
    until([&] { return told.unasked > 0; });
    EXPECT_EQ(told.closed, 0);
    far->shutdown_write();
    // The simulated network tells of bytes first and of the end once they were read.
    if (!ground.simulated()) until([&] { return told.closed > 0; });
    Buffer in;
    EXPECT_EQ(read(*near, in).value, 8);
    EXPECT_EQ(in.view(), "surprise");
}

TEST_P(OverTls, a_watcher_is_told_once_of_an_end_and_of_a_cut) {
    for (const bool cut : {false, true}) {
        open();
        Told told;
        near->watch(&told);
        ground.settle();
        if (cut) below->shutdown_write();
        else far->shutdown_write();
        until([&] { return told.closed > 0; });
        ground.settle();
        EXPECT_EQ(told.closed, 1);
        EXPECT_EQ(told.error, cut ? ECONNRESET : 0);
        EXPECT_EQ(told.unasked, 0);
    }
}

TEST_P(OverTls, what_happened_before_the_watch_is_told) {
    for (const bool bytes : {false, true}) {
        open();
        if (bytes) write(*far, "more than asked");
        else far->shutdown_write();
        Buffer in;
        if (bytes) read(*near, in, 4);
        ground.settle();
        Told told;
        near->watch(&told);
        until([&] { return (bytes ? told.unasked : told.closed) > 0; });
    }
}

TEST_P(OverTls, an_interrupted_read_can_be_asked_again) {
    Buffer in;
    reading.start(read_once(*near, in, got));
    ground.settle();
    near->interrupt(ETIMEDOUT);
    ASSERT_TRUE(got.done);
    EXPECT_TRUE(got.result.timed_out());
    write(*far, "late");
    EXPECT_EQ(read(*near, in).value, 4);
}

TEST_P(OverTls, an_interrupt_ends_a_write_that_waits_for_room) {
    const std::string text = pattern(64u << 20);
    Outcome sent;
    writing.start(write_all(loop(), *near, kLargeBuffer, text, sent));
    ground.settle(50);
    ASSERT_FALSE(sent.done);
    near->interrupt(ETIMEDOUT);
    EXPECT_TRUE(sent.done);
    EXPECT_TRUE(sent.result.timed_out());
}

// What an interrupt resumes may destroy everything else.
struct Destroyer {
    std::unique_ptr<Stream>& stream;
    Running& other;
    Task<void> run(Buffer& into) {
        co_await stream->read(into);
        other.cancel();
        stream.reset();
    }
};

TEST_P(OverTls, a_reader_may_destroy_the_writer_and_the_stream_when_it_is_told) {
    for (const bool interrupted : {false, true}) {
        open();
        const std::string text = pattern(64u << 20);
        Outcome sent;
        Buffer in;
        writing.start(write_all(loop(), *near, kLargeBuffer, text, sent));
        Destroyer destroyer{near, writing};
        reading.start(destroyer.run(in));
        ground.settle(20);
        if (interrupted) near->interrupt(ETIMEDOUT);
        else write(*far, "now");
        until([&] { return near == nullptr; });
    }
}

TEST_P(OverTls, operations_abandoned_at_any_moment_leave_nothing_behind) {
    const std::string text = pattern(1 << 20);
    for (int turns = 0; turns < 16; ++turns) {
        open();
        std::string near_got, far_got;
        Outcome a, b, c;
        reading.start(read_all(loop(), *near, kLargeBuffer, near_got, a));
        far_reading.start(read_all(loop(), *far, kSmallBuffer, far_got, b));
        writing.start(write_all(loop(), *near, kLargeBuffer, text, c));
        ground.settle(turns);
        (turns % 3 == 0 ? reading : writing).cancel();
        ground.settle(turns % 4);
        if (turns % 2 == 0) {
            reading.cancel();
            writing.cancel();
            near.reset();
        }
    }
}

Task<void> write_with_updates(Loop& loop, TlsStream& stream, std::string_view text, size_t part, Outcome& out) {
    for (; !text.empty(); text.remove_prefix(std::min(part, text.size()))) {
        SSL_key_update(stream.ssl(), SSL_KEY_UPDATE_REQUESTED);
        Buffer from = buffer_with(loop, text.substr(0, part));
        out.result = co_await stream.write(from);
    }
    out.done = true;
}

TEST_P(OverTls, a_key_update_passes_unseen_in_the_middle_of_everything) {
    for (const uint32_t most : {UINT32_MAX, 1u}) {
        open(most);
        const size_t size = most == 1 ? 20'000 : 300'000;
        const std::string text = pattern(size);
        std::string near_got, far_got;
        Outcome a, b, c, d;
        reading.start(read_all(loop(), *near, kSmallBuffer, near_got, a, size));
        far_reading.start(read_all(loop(), *far, kSmallBuffer, far_got, b, size));
        writing.start(write_all(loop(), *near, kSmallBuffer, text, c));
        far_writing.start(write_with_updates(loop(), *far, text, 5000, d));
        until([&] { return a.done && b.done && c.done && d.done; });
        EXPECT_TRUE(near_got == text);
        EXPECT_TRUE(far_got == text);
    }
}

TEST_P(OverTls, a_key_update_is_answered_while_the_connection_rests) {
    Told told;
    near->watch(&told);
    Buffer in;
    far_reading.start(read_once(*far, in, got));
    SSL_key_update(far->ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(far->ssl());
    write(*far, "");
    ground.settle();
    EXPECT_EQ(told.closed + told.unasked, 0);
    EXPECT_EQ(blocks(), 0u);
    write(*near, "with the new key");
    until([&] { return got.done; });
    EXPECT_EQ(in.view(), "with the new key");
}

TEST_P(OverTls, a_peer_that_sends_tickets_without_end_is_left) {
    Told told;
    near->watch(&told);
    for (int i = 0; i < 3000 && told.closed == 0; ++i) {
        SSL_new_session_ticket(far->ssl());
        SSL_do_handshake(far->ssl());
        write(*far, "");
        if (i % 64 == 0) ground.settle(2);
    }
    EXPECT_EQ(told.error, EPROTO);
    EXPECT_EQ(near->failure(), "it sends much of TLS's own and nothing else");
}

// Whatever happens in whatever order: what arrives is a beginning of what was sent, and nothing is left behind.
TEST_P(OverTls, any_order_of_events_keeps_the_bytes) {
    std::minstd_rand random(7);
    const std::string text = pattern(400'000);
    for (int round = 0; round < 40; ++round) {
        open(random() % 3 == 0 ? 1 + random() % 3000 : UINT32_MAX);
        std::string near_got, far_got;
        Outcome a, b, c, d;
        const auto capacity = [&] { return random() % 2 == 0 ? kSmallBuffer : kLargeBuffer; };
        for (int step = 0; step < 30; ++step) {
            switch (random() % 12) {
                case 0: if (near_got.empty()) reading.start(read_all(loop(), *near, capacity(), near_got, a, text.size())); break;
                case 1: if (far_got.empty()) far_reading.start(read_all(loop(), *far, capacity(), far_got, b, text.size())); break;
                case 2: if (step < 8) writing.start(write_all(loop(), *near, capacity(), text, c)); step = std::max(step, 8); break;
                case 3: far_writing.start(write_all(loop(), *far, capacity(), text, d)); break;
                case 4: SSL_key_update(far->ssl(), SSL_KEY_UPDATE_REQUESTED); break;
                case 5: if (random() % 8 == 0) near->interrupt(ETIMEDOUT); break;
                case 6: if (random() % 8 == 0) far->shutdown_write(); break;
                case 7: if (random() % 16 == 0) writing.cancel(); break;
                default: ground.settle(static_cast<int>(random() % 4));
            }
        }
        EXPECT_TRUE(text.starts_with(far_got));
    }
}

TEST_P(OverTls, a_wish_to_renegotiate_is_declined) {
    SSL_CTX_set_max_proto_version(server->context(), TLS1_2_VERSION);
    open();
    SSL_renegotiate(far->ssl());
    SSL_do_handshake(far->ssl());
    write(*far, "");
    Buffer in, far_in;
    Outcome far_got;
    far_reading.start(read_once(*far, far_in, far_got));
    reading.start(read_once(*near, in, got));
    // The peer takes the refusal for the end: nobody waits for anything.
    until([&] { return got.done && far_got.done; });
    EXPECT_LE(got.result.value, 0);
    EXPECT_EQ(far_got.result.error(), EPROTO);
}

}  // namespace
}  // namespace portico::io
