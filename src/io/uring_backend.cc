#include "io/uring_backend.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/check.h"
#include "io/socket.h"
#include "io/uring_alarm.h"
#include "io/uring_backend_impl.h"
#include "io/uring_targets.h"

namespace portico::io {

Result<std::unique_ptr<Backend>> make_uring_backend() { return UringBackend::make(); }

Result<std::unique_ptr<Backend>> UringBackend::make() {
    auto backend = std::make_unique<UringBackend>();
    if (auto started = backend->start(); !started) return fail(std::move(started).error());
    if (auto probed = backend->probe(); !probed) return fail(std::move(probed).error());
    backend->alarm_ = std::make_unique<UringAlarm>(*backend);
    backend->wake_watch_ = std::make_unique<UringWake>(*backend, backend->wake_fd_);
    return backend;
}

Result<void> UringBackend::start() {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
                   IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = 16384;
    if (const int r = io_uring_queue_init_params(2048, &ring_, &params); r < 0) {
        return fail(Fault::io, std::string("io_uring cannot be set up: ") + std::strerror(-r), -r);
    }
    ring_ready_ = true;
    io_uring_register_ring_fd(&ring_);

    if (auto provided = provided_.start(ring_); !provided) return provided;

    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0) return fail(Fault::io, "eventfd", errno);
    return {};
}

void UringBackend::prepare_receive(io_uring_sqe* e, int fd) const {
    // `optlen` of newer headers: how much the receive may bring before it ends (Linux 6.17).
    static_assert(offsetof(io_uring_sqe, splice_fd_in) == 44);
    io_uring_prep_recv_multishot(e, fd, nullptr, 0, 0);
    e->flags |= IOSQE_BUFFER_SELECT;
    e->buf_group = ProvidedBuffers::kGroup;
    if (receive_capped_) e->splice_fd_in = kReceiveCap;
}

// Old kernels accept a multishot receive and then fail it: one real byte is received before the backend is believed.
Result<void> UringBackend::probe() {
    receive_capped_ = true;
    auto received = probe_receive();
    if (!received) return fail(std::move(received).error());
    if (*received) {
        // Kernels of that age let go of a registered file when its place is cleared. Older ones may keep it open for as long as any
        // other operation lasts, and its peer would wait for the end of the connection.
        files_.start(ring_);
        return {};
    }
    receive_capped_ = false;
    received = probe_receive();
    if (!received) return fail(std::move(received).error());
    if (!*received) return fail(Fault::io, "io_uring lacks multishot receive (Linux 6.0)");
    return {};
}

Result<bool> UringBackend::probe_receive() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return fail(Fault::io, "socketpair", errno);
    io_uring_sqe* e = entry();
    prepare_receive(e, pair[0]);
    io_uring_sqe_set_data64(e, 0);
    const bool sent = ::send(pair[1], "x", 1, MSG_NOSIGNAL) == 1;
    ::close(pair[1]);
    bool received = false;
    bool more = sent;
    while (more) {
        io_uring_cqe* cqe = nullptr;
        __kernel_timespec limit{1, 0};
        if (io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &limit, nullptr) < 0 || cqe == nullptr) break;
        if (cqe->res == 1 && (cqe->flags & IORING_CQE_F_MORE) != 0) received = true;
        if (cqe->res > 0) {
            const auto id = static_cast<uint16_t>(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
            provided_.taken(id, static_cast<uint32_t>(cqe->res));
            provided_.give_back(id);
        }
        more = (cqe->flags & IORING_CQE_F_MORE) != 0;
        io_uring_cqe_seen(&ring_, cqe);
    }
    ::close(pair[0]);
    return received;
}

UringBackend::UringBackend() = default;

UringBackend::~UringBackend() {
    wake_watch_.reset();
    // Whatever the kernel still works on must come back before its memory goes.
    for (int turns = 0; in_flight > 0 && turns < 1000; ++turns) {
        wait(std::chrono::milliseconds(10));
        dispatch();
    }
    if (ring_ready_) io_uring_queue_exit(&ring_);
    if (wake_fd_ >= 0) ::close(wake_fd_);
}

io_uring_sqe* UringBackend::entry() {
    io_uring_sqe* e = io_uring_get_sqe(&ring_);
    while (e == nullptr) {
        io_uring_submit(&ring_);
        e = io_uring_get_sqe(&ring_);
    }
    return e;
}

void UringBackend::cancel(uint64_t data) {
    io_uring_sqe* e = entry();
    io_uring_prep_cancel64(e, data, 0);
    io_uring_sqe_set_data64(e, 0);
}

void UringBackend::cancel_all_of(int fd) {
    io_uring_sqe* e = entry();
    io_uring_prep_cancel_fd(e, fd, IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(e, 0);
}

bool UringBackend::holds_back() const {
    return (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

void UringBackend::wait(Duration wait) {
    if (io_uring_cq_ready(&ring_) > 0 || wait == Duration::zero()) {
        io_uring_submit_and_get_events(&ring_);
    } else {
        if (wait != kForever) alarm_->wake_by(SystemClock().now() + wait);
        io_uring_submit_and_wait(&ring_, 1);
    }
    // A call into the kernel runs some twenty receives. To ask once for more costs a call a turn; not to know of them costs a look at
    // each connection that is used again (UringStream::quiet). No oftener: they would find no provided buffer.
    if (holds_back()) io_uring_get_events(&ring_);
}

void UringBackend::announce(unsigned count) {
    unsigned head = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
        if (count-- == 0) return;
        const auto tag = static_cast<UringTag>(cqe->user_data & 15);
        if (tag != UringTag::receive_many && tag != UringTag::receive_one) continue;
        ++reinterpret_cast<UringSocket*>(cqe->user_data & ~uint64_t{15})->undelivered;
    }
}

void UringBackend::dispatch() {
    // Only what is there now: what handlers cause comes in the next turn, after timers and everybody else.
    unsigned left = io_uring_cq_ready(&ring_);
    ++round_;
    told_all_ = !holds_back();
    announce(left);
    while (left > 0) {
        struct Seen {
            uint64_t data;
            int result;
            uint32_t flags;
        };
        std::array<Seen, 64> seen;
        unsigned n = 0;
        unsigned head = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            if (n == seen.size() || n == left) break;
            seen[n++] = {cqe->user_data, cqe->res, cqe->flags};
        }
        if (n == 0) return;
        io_uring_cq_advance(&ring_, n);
        left -= n;
        for (unsigned i = 0; i < n; ++i) {
            const auto tag = static_cast<UringTag>(seen[i].data & 15);
            const uint64_t pointer = seen[i].data & ~uint64_t{15};
            if (tag == UringTag::none) continue;
            if (tag == UringTag::target) {
                reinterpret_cast<UringTarget*>(pointer)->on_complete(seen[i].result, seen[i].flags);
            } else {
                UringStream::complete(*reinterpret_cast<UringSocket*>(pointer), tag, seen[i].result, seen[i].flags);
            }
        }
    }
}

void UringBackend::wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(wake_fd_, &one, sizeof one);
}

bool UringBackend::start_connect(ConnectOp& op) {
    const int fd = new_socket(op.address, false);
    if (fd < 0) {
        op.error = errno;
        return true;
    }
    op.state = new UringConnecting(*this, op, fd);
    return false;
}

void UringBackend::abandon_connect(ConnectOp& op) {
    if (op.state != nullptr) static_cast<UringConnecting*>(std::exchange(op.state, nullptr))->detach();
}

void UringBackend::interrupt_connect(ConnectOp& op, int error) {
    if (op.state == nullptr) return;
    abandon_connect(op);
    op.error = error;
    op.waiter.resume();
}

std::unique_ptr<Stream> UringBackend::adopt(int fd, const SocketAddress& peer) {
    clear_non_blocking(fd);
    return std::make_unique<UringStream>(*this, fd, peer);
}

std::unique_ptr<Acceptor> UringBackend::listen(int fd, Acceptor::Sink& sink) {
    clear_non_blocking(fd);
    return std::make_unique<UringAcceptor>(*this, fd, sink);
}

std::unique_ptr<FdWatch> UringBackend::watch(int fd, bool readable, bool writable, FdWatch::Sink& sink) {
    return std::make_unique<UringWatch>(*this, fd, (readable ? POLLIN : 0u) | (writable ? POLLOUT : 0u), sink);
}

}  // namespace portico::io
