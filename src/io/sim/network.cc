#include "io/sim/network.h"

#include <cstring>


namespace portico::io {
namespace {

// One end of a connection; what its stream has not read yet lies here.
struct End {
    std::string inbox;
    bool eof = false;    // the other end sends no more
    bool reset = false;  // the other end broke it off
    bool gone = false;   // the stream of this end is destroyed
    std::weak_ptr<End> peer;
    StreamOp* reader = nullptr;
    StreamOp* writer = nullptr;
    uint32_t written = 0;
    bool waits_read = false;
    StreamWatcher* watcher = nullptr;
    bool told = false;
    SocketAddress local, remote;
};

}  // namespace

class SimStream final : public Stream {
  public:
    SimStream(SimNetwork& net, std::shared_ptr<End> end) : net_(net), end_(std::move(end)) {}
    ~SimStream() override {
        end_->gone = true;
        end_->reader = end_->writer = nullptr;
        end_->watcher = nullptr;
        if (auto peer = end_->peer.lock()) {
            // Bytes that nobody read, as on a real socket, break the connection off.
            peer->reset |= abort_ || !end_->inbox.empty();
            peer->eof = true;
            wake(net_, peer);
        }
    }

    void interrupt(int error, Direction which) override {
        StreamOp* reader = which != Direction::write ? std::exchange(end_->reader, nullptr) : nullptr;
        interrupted_write_ = which != Direction::read ? std::exchange(end_->writer, nullptr) : nullptr;
        const std::weak_ptr<End> alive = end_;
        const auto keep = end_;
        if (reader != nullptr) reader->finish(-error);
        if (keep->gone) return;
        if (StreamOp* op = std::exchange(interrupted_write_, nullptr)) op->finish(-error);
    }
    bool at_end() override { return end_->inbox.empty() && (end_->eof || end_->reset); }
    bool quiet(bool) override { return end_->inbox.empty() && !end_->eof && !end_->reset; }
    void watch(StreamWatcher* watcher) override {
        end_->watcher = watcher;
        wake(net_, end_);
    }
    void shutdown_write() override {
        if (auto peer = end_->peer.lock()) {
            peer->eof = true;
            wake(net_, peer);
        }
    }
    void abort_on_close() override { abort_ = true; }
    SocketAddress peer() const override { return end_->remote; }
    SocketAddress local() const override { return end_->local; }

  protected:
    bool start_read(StreamOp& op) override {
        end_->reader = &op;
        wake(net_, end_);
        return false;
    }
    bool start_write(StreamOp& op) override {
        end_->writer = &op;
        end_->written = 0;
        net_.schedule([&net = net_, end = end_] { complete_write(net, end); });
        return false;
    }
    void abandon_read() override { end_->reader = nullptr; }
    void abandon_write() override {
        interrupted_write_ = nullptr;
        if (StreamOp* op = std::exchange(end_->writer, nullptr); op != nullptr && op->buffer->has_block()) {
            // A kernel may still be reading it: nobody else may count on what it holds.
            std::memset(op->buffer->data(), 0xdd, op->buffer->size());
        }
    }

  private:
    static void wake(SimNetwork& net, const std::shared_ptr<End>& end) {
        net.schedule([&net, end] { complete_read(net, end); });
    }
    static void complete_read(SimNetwork& net, const std::shared_ptr<End>& end) {
        if (end->gone) return;
        if (end->reader == nullptr) return tell(*end);
        StreamOp& op = *end->reader;
        int32_t value = 0;
        if (!end->inbox.empty()) {
            op.buffer->ensure(*pool(net), kSmallBuffer);
            value = static_cast<int32_t>(op.buffer->append(std::string_view(end->inbox).substr(0, op.room())));
            end->inbox.erase(0, static_cast<size_t>(value));
            if (auto peer = end->peer.lock()) net.schedule([&net, peer] { complete_write(net, peer); });
        } else if (end->reset) {
            value = -ECONNRESET;
        } else if (!end->eof) {
            return;
        }
        end->reader = nullptr;
        op.finish(value);
    }
    static void tell(End& end) {
        if (end.watcher == nullptr) return;
        if (!end.inbox.empty()) return end.watcher->on_unasked_bytes();
        if ((!end.eof && !end.reset) || end.told) return;
        end.told = true;
        end.watcher->on_peer_closed(end.reset ? ECONNRESET : 0);
    }
    static void complete_write(SimNetwork& net, const std::shared_ptr<End>& end) {
        if (end->gone || end->writer == nullptr) return;
        StreamOp& op = *end->writer;
        const auto peer = end->peer.lock();
        int32_t value = -EPIPE;
        if (peer != nullptr && !peer->gone) {
            const size_t room = SimNetwork::kCapacity - std::min(SimNetwork::kCapacity, peer->inbox.size());
            const auto n = static_cast<uint32_t>(std::min<size_t>(room, op.buffer->size()));
            peer->inbox.append(op.buffer->data(), n);
            op.buffer->consume(n);
            end->written += n;
            if (n > 0) wake(net, peer);
            if (!op.buffer->empty()) return;
            value = static_cast<int32_t>(end->written);
        }
        end->writer = nullptr;
        op.finish(value);
    }
    static BufferPool* pool(SimNetwork& net);

    SimNetwork& net_;
    std::shared_ptr<End> end_;
    StreamOp* interrupted_write_ = nullptr;
    bool abort_ = false;
};

class SimAcceptor final : public Acceptor {
  public:
    SimAcceptor(SimNetwork& net, SocketAddress address) : net_(net), address_(address) {}
    ~SimAcceptor() override { net_.accepting_.erase(address_); }
    void pause() override {}
    void resume() override {}

  private:
    SimNetwork& net_;
    SocketAddress address_;
};

namespace {
thread_local BufferPool* current_pool = nullptr;  // of the one loop of this thread's network
}

class SimBackend final : public Backend {
  public:
    explicit SimBackend(SimNetwork& net) : net_(net) {}
    const char* name() const override { return "sim"; }
    void wait(Duration wait) override {
        current_pool = buffers_;
        if (net_.ready_.empty() && wait != kForever && wait > Duration::zero()) net_.clock_.advance(wait);
    }
    void dispatch() override {
        for (size_t n = net_.ready_.size(); n > 0; --n) {
            auto f = std::move(net_.ready_.front());
            net_.ready_.pop_front();
            f();
        }
    }
    void wake() override {}
    bool start_connect(ConnectOp& op) override {
        if (net_.swallowed_.contains(op.address)) return false;
        op.stream = net_.connect(op.address, {*IpAddress::parse("10.255.0.1"), net_.next_port_++});
        if (op.stream == nullptr) op.error = ECONNREFUSED;
        return true;
    }
    void abandon_connect(ConnectOp&) override {}
    void interrupt_connect(ConnectOp& op, int error) override {
        op.error = error;
        op.waiter.resume();
    }
    std::unique_ptr<Stream> adopt(int, const SocketAddress&) override { return nullptr; }
    std::unique_ptr<Acceptor> listen(int fd, Acceptor::Sink& sink) override {
        const SocketAddress address = net_.listeners_.at(fd);
        net_.accepting_[address] = &sink;
        return std::make_unique<SimAcceptor>(net_, address);
    }
    std::unique_ptr<FdWatch> watch(int, bool, bool, FdWatch::Sink&) override { return nullptr; }

  private:
    SimNetwork& net_;
};

BufferPool* SimStream::pool(SimNetwork&) { return current_pool; }

SimNetwork::SimNetwork() = default;
SimNetwork::~SimNetwork() = default;

std::unique_ptr<Backend> SimNetwork::backend() { return std::make_unique<SimBackend>(*this); }

int SimNetwork::listener(const SocketAddress& address) {
    listeners_.emplace(next_listener_, address);
    return next_listener_++;
}

std::unique_ptr<Stream> SimNetwork::connect(const SocketAddress& to, const SocketAddress& from) {
    const auto found = accepting_.find(to);
    if (found == accepting_.end()) return nullptr;
    const auto near = std::make_shared<End>(), far = std::make_shared<End>();
    near->peer = far;
    far->peer = near;
    near->local = far->remote = from;
    near->remote = far->local = to;
    schedule([this, to, far] {
        const auto sink = accepting_.find(to);
        auto stream = std::make_unique<SimStream>(*this, far);
        if (sink != accepting_.end()) sink->second->on_accept(std::move(stream));
    });
    return std::make_unique<SimStream>(*this, near);
}

}  // namespace portico::io
