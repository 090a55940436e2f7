#include "io/epoll_backend.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "io/epoll_backend_impl.h"
#include "io/socket.h"

namespace portico::io {
namespace {

class Connecting final : public EpollHandler {
  public:
    Connecting(EpollBackend& backend, ConnectOp& op, int fd)
        : backend_(backend), op_(&op), fd_(fd), lost_(backend_.control(EPOLL_CTL_ADD, fd_, EPOLLOUT | EPOLLET, this)) {}
    ~Connecting() {
        backend_.forget(this);
        if (fd_ >= 0) ::close(fd_);
    }
    // errno where no events are to be had.
    int lost() const { return lost_; }
    void on_events(uint32_t) override {
        ConnectOp& op = *op_;
        if (const int error = pending_error(fd_)) {
            op.error = error;
        } else {
            op.stream = std::make_unique<EpollStream>(backend_, backend_.buffers(), std::exchange(fd_, -1), op.address, true);
        }
        op.state = nullptr;
        delete this;
        op.waiter.resume();
    }

  private:
    EpollBackend& backend_;
    ConnectOp* op_;
    int fd_;
    int lost_;
};

class EpollAcceptor final : public Acceptor, private EpollHandler {
  public:
    EpollAcceptor(EpollBackend& backend, int fd, Sink& sink) : backend_(backend), fd_(fd), sink_(sink) {
        // Opened at a start or a reload: no load that a client makes takes the last watch before it.
        PORTICO_CHECK(backend_.control(EPOLL_CTL_ADD, fd_, EPOLLIN, this) == 0);
    }
    ~EpollAcceptor() override {
        if (gone_ != nullptr) *gone_ = true;
        backend_.forget(this);
        ::close(fd_);
    }
    void pause() override { backend_.control(EPOLL_CTL_MOD, fd_, 0, this); }
    void resume() override { backend_.control(EPOLL_CTL_MOD, fd_, EPOLLIN, this); }
    void take_all() override { accept(SOMAXCONN); }

  private:
    // Bounded, so that a burst of new connections does not starve those that are here.
    void on_events(uint32_t) override { accept(64); }
    void accept(int most) {
        bool gone = false;
        gone_ = &gone;
        for (int i = 0; i < most && !gone; ++i) {
            sockaddr_storage storage{};
            socklen_t size = sizeof storage;
            auto* address = reinterpret_cast<sockaddr*>(&storage);
            const int fd = ::accept4(fd_, address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) {
                if (errno == EINTR || errno == ECONNABORTED) continue;
                if (errno == EAGAIN) break;
                const int error = errno;
                pause();
                sink_.on_accept_error(error);
                break;
            }
            set_no_delay(fd);
            sink_.on_accept(backend_.adopt(fd, SocketAddress::from(address)));
        }
        if (!gone) gone_ = nullptr;
    }

    EpollBackend& backend_;
    int fd_;
    Sink& sink_;
    bool* gone_ = nullptr;
};

class EpollWatch final : public FdWatch, private EpollHandler {
  public:
    EpollWatch(EpollBackend& backend, int fd, uint32_t events, Sink& sink) : backend_(backend), fd_(fd), sink_(sink) {
        PORTICO_CHECK(backend_.control(EPOLL_CTL_ADD, fd_, events, this) == 0);
    }
    ~EpollWatch() override {
        backend_.forget(this);
        backend_.control(EPOLL_CTL_DEL, fd_, 0, nullptr);
    }

  private:
    void on_events(uint32_t events) override {
        const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
        sink_.on_fd_ready(fd_, broken || (events & EPOLLIN) != 0, broken || (events & EPOLLOUT) != 0);
    }
    EpollBackend& backend_;
    int fd_;
    Sink& sink_;
};

}  // namespace

Result<std::unique_ptr<Backend>> make_epoll_backend() {
    const int epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) return fail(Fault::io, "epoll_create1", errno);
    const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        const int error = errno;
        ::close(epoll_fd);
        return fail(Fault::io, "eventfd", error);
    }
    return std::make_unique<EpollBackend>(epoll_fd, wake_fd);
}

EpollBackend::EpollBackend(int epoll_fd, int wake_fd) : epoll_fd_(epoll_fd), wake_fd_(wake_fd) {
    PORTICO_CHECK(control(EPOLL_CTL_ADD, wake_fd_, EPOLLIN, nullptr) == 0);
}

EpollBackend::~EpollBackend() {
    ::close(wake_fd_);
    ::close(epoll_fd_);
}

int EpollBackend::control(int operation, int fd, uint32_t events, EpollHandler* handler) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = handler;
    // Also ENOENT and EBADF on DEL: a foreign descriptor that its owner closed first.
    return ::epoll_ctl(epoll_fd_, operation, fd, &event) == 0 ? 0 : errno;
}

void EpollBackend::forget(EpollHandler* handler) {
    for (int i = at_; i < count_; ++i) {
        if (events_[static_cast<size_t>(i)].data.ptr == handler) events_[static_cast<size_t>(i)].events = 0;
    }
}

void EpollBackend::wait(Duration wait) {
    int ms = -1;
    ++round_;
    if (!going_on_.empty()) {
        ms = 0;
    } else if (wait != kForever) {
        // Rounded up: waking early would spin until the timer is due.
        const auto whole = std::chrono::ceil<Millis>(wait).count();
        ms = static_cast<int>(std::min<int64_t>(whole, 3'600'000));
    }
    at_ = 0;
    count_ = std::max(0, ::epoll_wait(epoll_fd_, events_.data(), static_cast<int>(events_.size()), ms));
    told_all_ = count_ < static_cast<int>(events_.size());
    for (int i = 0; i < count_; ++i) {
        const epoll_event& event = events_[static_cast<size_t>(i)];
        if (event.data.ptr != nullptr) static_cast<EpollHandler*>(event.data.ptr)->announced = event.events;
    }
}

void EpollBackend::dispatch() {
    while (at_ < count_) {
        const epoll_event& event = events_[static_cast<size_t>(at_++)];
        if (event.events == 0) continue;
        if (event.data.ptr == nullptr) {
            uint64_t n = 0;
            while (::read(wake_fd_, &n, sizeof n) == sizeof n) {
            }
            continue;
        }
        auto* const handler = static_cast<EpollHandler*>(event.data.ptr);
        handler->announced = 0;
        handler->on_events(event.events);
    }
    at_ = count_ = 0;
    go_on();
}

// Those that used up a turn come behind everybody else, in their order, and as many as this one has time for.
void EpollBackend::go_on() {
    IntrusiveList<EpollStream, EpollBackend> waiting;
    waiting.splice_back(going_on_);
    for (uint32_t served = 0; served < kAtLeast || !turn_->over(); ++served) {
        EpollStream* const stream = waiting.pop_front();
        if (stream == nullptr) return;
        stream->go_on();
    }
    waiting.splice_back(going_on_);
    going_on_.splice_back(waiting);
}

void EpollBackend::wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(wake_fd_, &one, sizeof one);
}

bool EpollBackend::start_connect(ConnectOp& op) {
    const int fd = new_socket(op.address, true);
    if (fd < 0) {
        op.error = errno;
        return true;
    }
    sockaddr_storage storage{};
    const uint32_t size = op.address.to(storage);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0) {
        op.stream = adopt(fd, op.address);
        return true;
    }
    if (errno != EINPROGRESS) {
        op.error = errno;
        ::close(fd);
        return true;
    }
    auto connecting = std::make_unique<Connecting>(*this, op, fd);
    if (const int error = connecting->lost()) {
        op.error = error;
        return true;
    }
    op.state = connecting.release();
    return false;
}

void EpollBackend::abandon_connect(ConnectOp& op) {
    delete static_cast<Connecting*>(std::exchange(op.state, nullptr));
}

void EpollBackend::interrupt_connect(ConnectOp& op, int error) {
    if (op.state == nullptr) return;
    abandon_connect(op);
    op.error = error;
    op.waiter.resume();
}

std::unique_ptr<Stream> EpollBackend::adopt(int fd, const SocketAddress& peer) {
    return std::make_unique<EpollStream>(*this, *buffers_, fd, peer, false);
}

std::unique_ptr<Acceptor> EpollBackend::listen(int fd, Acceptor::Sink& sink) {
    return std::make_unique<EpollAcceptor>(*this, fd, sink);
}

std::unique_ptr<FdWatch> EpollBackend::watch(int fd, bool readable, bool writable, FdWatch::Sink& sink) {
    return std::make_unique<EpollWatch>(*this, fd, (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u), sink);
}

}  // namespace portico::io
