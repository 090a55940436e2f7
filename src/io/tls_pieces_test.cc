// A message of TLS's own that comes in several records, and each of them in pieces, in the middle of everything.
#include <gtest/gtest.h>

#include "io/tls_fixture.h"

namespace portico::io {
namespace {

using std::chrono::seconds;

// Both ends of a TLS connection, with the test between them: it passes on what it wants of the server's bytes.
class TlsPieces : public OnEachBackend {
  protected:
    void SetUp() override {
        OnEachBackend::SetUp();
        if (loop_ == nullptr) return;
        const Credential own = make_certificate({.names = "DNS:x.test", .now = loop().wall()});
        server_ = std::make_unique<TlsServer>(own);
        SSL_CTX_set_num_tickets(server_->context(), 0);
        SSL_CTX_set_max_send_fragment(server_->context(), 512);
        SSL_CTX_set_session_ticket_cb(server_->context(), fill_ticket, nullptr, nullptr);
        client_ = *TlsClient::make({.ca = own.certificate});
        StreamPair near = stream_pair(loop());
        StreamPair far = stream_pair(loop());
        near_peer_ = std::move(near.peer);
        far_peer_ = std::move(far.peer);
        far_ = server_->over(loop(), std::move(far.stream));
        ClientEnd end = fail(Fault::internal);
        TlsStream::HandshakeEnd far_end;
        bool near_done = false, far_done = false;
        Running a(run_client(*client_, loop(), std::move(near.stream), "x.test", in(seconds(20)), nullptr, end, near_done));
        Running b(run_server(*far_, in(seconds(20)), far_end, far_done));
        ASSERT_TRUE(turn_until([&] {
            pass(SIZE_MAX);
            return near_done && far_done;
        }));
        ASSERT_TRUE(end) << end.error().context;
        near_ = std::move(*end);
    }
    void TearDown() override {
        reading_.cancel();
        writing_.cancel();
        near_.reset();
        far_.reset();
    }
    // More than one record holds.
    static int fill_ticket(SSL* ssl, void*) {
        const std::string data(3000, 'd');
        return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data.data(), data.size());
    }
    void send_ticket() {
        SSL_new_session_ticket(far_->ssl());
        SSL_do_handshake(far_->ssl());
        Buffer nothing = buffer_with(loop(), "");
        Outcome sent;
        Running flush(write_once(*far_, nothing, sent));
        ASSERT_TRUE(turn_until([&] {
            held_ += far_peer_.take();
            return sent.done && held_.size() > 3000;
        }));
    }
    // Everything of the client's, and so many bytes of the server's.
    void pass(size_t most) {
        held_ += far_peer_.take();
        far_peer_.send(near_peer_.take());
        const size_t n = std::min(most, held_.size());
        near_peer_.send(std::string_view(held_).substr(0, n));
        held_.erase(0, n);
    }
    // Of the first record that is held.
    size_t record_size() const { return 5 + static_cast<unsigned char>(held_[3]) * 256u + static_cast<unsigned char>(held_[4]); }

    std::unique_ptr<TlsServer> server_;
    std::shared_ptr<const TlsClient> client_;
    std::unique_ptr<Stream> near_;
    std::unique_ptr<TlsStream> far_;
    Peer near_peer_, far_peer_;
    std::string held_;
    Running reading_, writing_;
};
INSTANTIATE_TEST_SUITE_P(Backends, TlsPieces, kBothBackends, backend_name);

struct Heard final : StreamWatcher {
    void on_peer_closed(int) override {}
};

// Whoever writes in the middle of it waits for its rest, and nobody else does.
TEST_P(TlsPieces, a_ticket_in_pieces_holds_up_a_write_and_not_the_loop) {
    for (const bool reads : {true, false}) {
        Heard watcher;
        Buffer in_buffer, far_in;
        Outcome got, sent, far_got;
        if (reads) reading_.start(read_once(*near_, in_buffer, got));
        else near_->watch(&watcher);
        send_ticket();
        pass(record_size());
        settle();
        Buffer request = buffer_with(loop(), "request");
        writing_.start(write_once(*near_, request, sent));
        settle();
        EXPECT_FALSE(sent.done);
        pass(3);  // the beginning of the next record
        settle();
        EXPECT_FALSE(sent.done);
        Running far_reading(read_once(*far_, far_in, far_got));
        EXPECT_TRUE(turn_until([&] {
            pass(100);
            return sent.done && far_got.done;
        }));
        EXPECT_EQ(far_in.view(), "request");
        near_->watch(nullptr);
        if (!reads) continue;
        Buffer answer = buffer_with(loop(), "answer");
        writing_.start(write_once(*far_, answer, sent));
        EXPECT_TRUE(turn_until([&] {
            pass(SIZE_MAX);
            return got.done;
        }));
        EXPECT_EQ(in_buffer.view(), "answer");
    }
}

}  // namespace
}  // namespace portico::io
