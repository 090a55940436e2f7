#include "io/uring_targets.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket.h"

namespace portico::io {

UringConnecting::UringConnecting(UringBackend& backend, ConnectOp& op, int fd)
    : backend_(backend), op_(&op), fd_(fd), address_(new sockaddr_storage) {
    const uint32_t size = op.address.to(*address_);
    io_uring_sqe* e = backend_.entry();
    io_uring_prep_connect(e, fd_, reinterpret_cast<sockaddr*>(address_), size);
    io_uring_sqe_set_data64(e, UringBackend::data_of(this));
    ++backend_.in_flight;
}

UringConnecting::~UringConnecting() {
    if (fd_ >= 0) ::close(fd_);
    delete address_;
}

void UringConnecting::detach() {
    op_ = nullptr;
    backend_.cancel(UringBackend::data_of(this));
}

void UringConnecting::on_complete(int result, uint32_t) {
    --backend_.in_flight;
    ConnectOp* op = op_;
    if (op != nullptr) {
        op->state = nullptr;
        if (result < 0) op->error = -result;
        else op->stream = std::make_unique<UringStream>(backend_, std::exchange(fd_, -1), op->address);
    }
    delete this;
    if (op != nullptr) op->waiter.resume();
}

struct UringAcceptor::Target final : UringTarget {
    Target(UringBackend& b, int descriptor, Sink& s) : backend(b), fd(descriptor), sink(&s) {}
    ~Target() override { ::close(fd); }

    void arm() {
        io_uring_sqe* e = backend.entry();
        io_uring_prep_multishot_accept(e, fd, nullptr, nullptr, SOCK_CLOEXEC);
        io_uring_sqe_set_data64(e, UringBackend::data_of(this));
        armed = true;
        ++backend.in_flight;
    }
    void on_complete(int result, uint32_t flags) override {
        if ((flags & IORING_CQE_F_MORE) == 0) {
            armed = false;
            --backend.in_flight;
        }
        inside = true;
        if (result >= 0) {
            if (sink == nullptr) {
                ::close(result);
            } else {
                set_no_delay(result);
                sink->on_accept(std::make_unique<UringStream>(backend, result, peer_address(result)));
            }
        } else if (result != -ECANCELED && result != -ECONNABORTED && sink != nullptr) {
            paused = true;
            sink->on_accept_error(-result);
        }
        inside = false;
        if (armed) return;
        if (sink == nullptr) delete this;
        else if (!paused) arm();
    }

    UringBackend& backend;
    int fd;
    Sink* sink;
    bool armed = false;
    bool paused = false;
    bool inside = false;
};

UringAcceptor::UringAcceptor(UringBackend& backend, int fd, Sink& sink) : target_(new Target(backend, fd, sink)) {
    target_->arm();
}

UringAcceptor::~UringAcceptor() {
    target_->sink = nullptr;
    if (target_->armed) target_->backend.cancel(UringBackend::data_of(target_));
    else if (!target_->inside) delete target_;
}

void UringAcceptor::pause() {
    target_->paused = true;
    if (target_->armed) target_->backend.cancel(UringBackend::data_of(target_));
}

void UringAcceptor::resume() {
    target_->paused = false;
    if (!target_->armed && !target_->inside) target_->arm();
}

struct UringWatch::Target final : UringTarget {
    Target(UringBackend& b, int descriptor, unsigned wanted, Sink& s)
        : backend(b), fd(descriptor), events(wanted), sink(&s) {}

    // One shot, armed anew after each event: level-triggered.
    void arm() {
        io_uring_sqe* e = backend.entry();
        io_uring_prep_poll_add(e, fd, events);
        io_uring_sqe_set_data64(e, UringBackend::data_of(this));
        armed = true;
        ++backend.in_flight;
    }
    void on_complete(int result, uint32_t) override {
        armed = false;
        --backend.in_flight;
        if (sink != nullptr && result >= 0) {
            const auto got = static_cast<unsigned>(result);
            const bool broken = (got & (POLLERR | POLLHUP)) != 0;
            inside = true;
            sink->on_fd_ready(fd, broken || (got & POLLIN) != 0, broken || (got & POLLOUT) != 0);
            inside = false;
        }
        if (sink == nullptr) delete this;
        else arm();
    }

    UringBackend& backend;
    int fd;
    unsigned events;
    Sink* sink;
    bool armed = false;
    bool inside = false;
};

UringWatch::UringWatch(UringBackend& backend, int fd, unsigned events, Sink& sink)
    : target_(new Target(backend, fd, events, sink)) {
    target_->arm();
}

UringWatch::~UringWatch() {
    target_->sink = nullptr;
    if (target_->armed) target_->backend.cancel(UringBackend::data_of(target_));
    else if (!target_->inside) delete target_;
}

UringWake::UringWake(UringBackend& backend, int fd) : watch_(backend, fd, POLLIN, *this) {}

void UringWake::on_fd_ready(int fd, bool, bool) {
    uint64_t n = 0;
    [[maybe_unused]] const auto r = ::read(fd, &n, sizeof n);
}

}  // namespace portico::io
