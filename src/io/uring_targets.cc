#include "io/uring_targets.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

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

// Several accepts of one connection each, armed anew as they complete. One that goes on accepting by itself (multishot) takes all that wait
// in one turn: two thousand that come together would hold the worker for 20 ms.
struct UringAcceptor::Target final {
    // A turn takes no more than this.
    static constexpr size_t kATurn = 32;

    struct Slot final : UringTarget {
        void on_complete(int result, uint32_t) override {
            armed = false;
            of->on_complete(*this, result);
        }
        Target* of = nullptr;
        bool armed = false;
    };

    Target(UringBackend& b, int descriptor, Sink& s) : backend(b), fd(descriptor), sink(&s) {
        for (Slot& slot : slots) slot.of = this;
    }
    ~Target() { ::close(fd); }

    void arm(Slot& slot) {
        io_uring_sqe* e = backend.entry();
        io_uring_prep_accept(e, fd, nullptr, nullptr, SOCK_CLOEXEC);
        io_uring_sqe_set_data64(e, UringBackend::data_of(&slot));
        slot.armed = true;
        ++in_flight;
        ++backend.in_flight;
    }
    void arm_all() {
        for (Slot& slot : slots) {
            if (!slot.armed) arm(slot);
        }
    }
    void cancel_all() {
        for (Slot& slot : slots) {
            if (slot.armed) backend.cancel(UringBackend::data_of(&slot));
        }
    }

    void take(int connected) {
        if (sink == nullptr) {
            ::close(connected);
            return;
        }
        set_no_delay(connected);
        sink->on_accept(std::make_unique<UringStream>(backend, connected, peer_address(connected)));
    }
    void on_complete(Slot& slot, int result) {
        --in_flight;
        --backend.in_flight;
        inside = true;
        if (result >= 0) {
            take(result);
        } else if (result != -ECANCELED && result != -ECONNABORTED && sink != nullptr && !paused) {
            paused = true;
            cancel_all();
            sink->on_accept_error(-result);
        }
        inside = false;
        if (sink == nullptr) {
            if (in_flight == 0) delete this;
        } else if (!paused && !slot.armed) {
            arm(slot);
        }
    }

    UringBackend& backend;
    int fd;
    Sink* sink;
    std::array<Slot, kATurn> slots;
    size_t in_flight = 0;
    bool paused = false;
    bool inside = false;
};

UringAcceptor::UringAcceptor(UringBackend& backend, int fd, Sink& sink) : target_(new Target(backend, fd, sink)) {
    target_->arm_all();
}

UringAcceptor::~UringAcceptor() {
    target_->sink = nullptr;
    if (target_->in_flight > 0) target_->cancel_all();
    else if (!target_->inside) delete target_;
}

void UringAcceptor::pause() {
    target_->paused = true;
    target_->cancel_all();
}

void UringAcceptor::resume() {
    target_->paused = false;
    target_->arm_all();
}

void UringAcceptor::take_all() {
    // The ring's own accepts may wait; these may not.
    ::fcntl(target_->fd, F_SETFL, ::fcntl(target_->fd, F_GETFL) | O_NONBLOCK);
    for (int i = 0; i < SOMAXCONN; ++i) {
        const int connected = ::accept4(target_->fd, nullptr, nullptr, SOCK_CLOEXEC);
        if (connected < 0 && errno != EINTR && errno != ECONNABORTED) return;
        if (connected >= 0) target_->take(connected);
    }
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
