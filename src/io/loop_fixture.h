// What the tests of io/ and upstream/ share: a real loop on either backend, and the far end of a loopback connection, which
// the test itself plays. For tests only.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "io/loop.h"
#include "io/socket.h"

namespace portico::io {

// A test of this class runs on both backends; io_uring is left out where the machine does not allow it.
class OnEachBackend : public testing::TestWithParam<BackendChoice> {
  protected:
    void SetUp() override {
        auto made = Loop::make(GetParam(), clock_);
        if (!made) GTEST_SKIP() << made.error().context;
        loop_ = std::move(*made);
    }
    Loop& loop() { return *loop_; }

    // Turns the loop until `holds()`. @returns false when it still does not after `limit`
    template <class F>
    bool turn_until(F holds, Duration limit = std::chrono::seconds(10)) {
        const Time end = clock_.now() + limit;
        while (!holds()) {
            if (clock_.now() >= end) return false;
            loop_->turn(std::chrono::milliseconds(2));
        }
        return true;
    }
    // Lets what is under way on this machine's own sockets come to rest.
    void settle(int turns = 8) {
        for (int i = 0; i < turns; ++i) loop_->turn(std::chrono::milliseconds(1));
    }
    Time in(Duration d) const { return clock_.now() + d; }

    SystemClock clock_;
    std::unique_ptr<Loop> loop_;
};

inline const auto kBothBackends = testing::Values(BackendChoice::uring, BackendChoice::epoll);
inline std::string backend_name(const testing::TestParamInfo<BackendChoice>& info) {
    return info.param == BackendChoice::uring ? "uring" : "epoll";
}

// One end of a TCP connection as a plain, non-blocking descriptor.
class Peer {
  public:
    explicit Peer(int fd = -1) : fd_(fd) {}
    Peer(Peer&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), end_(other.end_), error_(other.error_) {}
    Peer& operator=(Peer&& other) noexcept {
        if (this == &other) return *this;
        close();
        fd_ = std::exchange(other.fd_, -1);
        end_ = other.end_;
        error_ = other.error_;
        return *this;
    }
    ~Peer() { close(); }

    // A connection to `address`, perhaps still being made.
    static Peer to(const SocketAddress& address) {
        Peer peer(new_socket(address, true));
        sockaddr_storage storage{};
        const uint32_t size = address.to(storage);
        const int r = ::connect(peer.fd_, reinterpret_cast<sockaddr*>(&storage), size);
        EXPECT_TRUE(r == 0 || errno == EINPROGRESS);
        return peer;
    }
    int fd() const { return fd_; }
    // @returns how much the socket took
    size_t send(std::string_view bytes) {
        size_t sent = 0;
        while (sent < bytes.size()) {
            const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) break;
            sent += static_cast<size_t>(n);
        }
        return sent;
    }
    // What is there now, at most `max` bytes of it. Notes the end, or the error, where that is what is there.
    std::string take(size_t max = 1 << 20) {
        std::string out(max, 0);
        size_t got = 0;
        while (got < max) {
            const ssize_t n = ::recv(fd_, out.data() + got, max - got, 0);
            if (n > 0) {
                got += static_cast<size_t>(n);
                continue;
            }
            if (n == 0) end_ = true;
            else if (errno != EAGAIN) error_ = errno;
            break;
        }
        out.resize(got);
        return out;
    }
    bool saw_end() const { return end_; }
    int saw_error() const { return error_; }
    void shutdown_write() { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    // Closes with RST.
    void reset() {
        reset_on_close(fd_);
        close();
    }

  private:
    int fd_;
    bool end_ = false;
    int error_ = 0;
};

// A listening socket on a free port, from which only the test accepts.
class PlainListener {
  public:
    explicit PlainListener(int backlog = 256) {
        auto fd = new_listener(*SocketAddress::parse("127.0.0.1:0"), false, backlog);
        EXPECT_TRUE(fd);
        fd_ = fd.value_or(-1);
        address_ = local_address(fd_);
    }
    PlainListener(const PlainListener&) = delete;
    PlainListener& operator=(const PlainListener&) = delete;
    ~PlainListener() {
        if (fd_ >= 0) ::close(fd_);
    }
    const SocketAddress& address() const { return address_; }
    int fd() const { return fd_; }
    // The listening descriptor, no longer this object's.
    int release() { return std::exchange(fd_, -1); }
    // The next connection of the queue, non-blocking. @returns -1 when there is none
    int accept() { return ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }

  private:
    int fd_ = -1;
    SocketAddress address_;
};

// A stream of the loop, with its far end in the test's hand.
struct StreamPair {
    std::unique_ptr<Stream> stream;
    Peer peer;
};
inline StreamPair stream_pair(Loop& loop) {
    PlainListener listener;
    Peer peer = Peer::to(listener.address());
    const int fd = listener.accept();
    EXPECT_GE(fd, 0);
    set_no_delay(fd);
    return {loop.backend().adopt(fd, peer_address(fd)), std::move(peer)};
}

// Bytes without a period that a buffer's size could hide.
inline std::string pattern(size_t size) {
    std::string s(size, 0);
    uint32_t x = 1;
    for (char& c : s) {
        x = x * 1664525 + 1013904223;
        c = static_cast<char>(x >> 24);
    }
    return s;
}

inline Buffer buffer_with(Loop& loop, std::string_view text, uint32_t capacity = kSmallBuffer) {
    Buffer b;
    b.ensure(loop.buffers(), capacity);
    EXPECT_EQ(b.append(text), text.size());
    return b;
}

// What a coroutine left behind.
struct Outcome {
    IoResult result{INT_MIN};
    bool done = false;
};
inline Task<void> read_once(Stream& stream, Buffer& into, Outcome& out, uint32_t max = UINT32_MAX) {
    out = {};
    out.result = co_await stream.read(into, max);
    out.done = true;
}
inline Task<void> write_once(Stream& stream, Buffer& from, Outcome& out) {
    out = {};
    out.result = co_await stream.write(from);
    out.done = true;
}
// Reads to the end of the stream, an error, or `size` bytes. @param capacity of the buffer: kSmallBuffer or kLargeBuffer
inline Task<void> read_all(Loop& loop, Stream& stream, uint32_t capacity, std::string& into, Outcome& out, size_t size = SIZE_MAX) {
    out = {};
    Buffer buffer;
    while (into.size() < size) {
        // A small buffer is left empty, so that its block is taken when bytes are there.
        if (capacity != kSmallBuffer) buffer.ensure(loop.buffers(), capacity);
        out.result = co_await stream.read(buffer);
        if (out.result.value <= 0) break;
        EXPECT_EQ(static_cast<size_t>(out.result.value), buffer.size());
        into += buffer.view();
        if (capacity == kSmallBuffer) buffer.release();
        else buffer.clear();
    }
    out.done = true;
}
inline Task<void> write_all(Loop& loop, Stream& stream, uint32_t capacity, std::string_view text, Outcome& out) {
    out = {};
    Buffer buffer;
    while (!text.empty()) {
        buffer.ensure(loop.buffers(), capacity);
        const uint32_t n = buffer.append(text);
        text.remove_prefix(n);
        out.result = co_await stream.write(buffer);
        if (!out.result.ok()) break;
        EXPECT_EQ(static_cast<uint32_t>(out.result.value), n);
        EXPECT_TRUE(buffer.empty());
    }
    out.done = true;
}

// A Root with one of the above.
class Running {
  public:
    Running() = default;
    explicit Running(Task<void> task) { start(std::move(task)); }
    void start(Task<void> task) {
        root_.cancel();
        root_.start(std::move(task), nullptr);
    }
    void cancel() { root_.cancel(); }

  private:
    Root root_;
};

}  // namespace portico::io
