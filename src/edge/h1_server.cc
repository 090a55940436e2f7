#include "edge/h1_server.h"

#include <algorithm>
#include <utility>

#include "edge/h1_exchange.h"
#include "io/socket.h"

namespace portico::edge {
namespace {

constexpr Duration kLinger = std::chrono::seconds(30);
constexpr Duration kLingerPause = std::chrono::seconds(2);  // between two reads, and in all of a drain
constexpr uint64_t kLingerBytes = 16ull << 20;

// kForever is never.
Time later(Time from, Duration d) { return d == kForever ? io::Timer::kNever : from + d; }

// An exchange from the pool, completed and given back however its coroutine ends.
class ExchangeLease {
  public:
    ExchangeLease(gateway::Context& context, gateway::Handler& handler)
        : context_(context), handler_(handler), exchange_(context.take_exchange()) {}
    ExchangeLease(const ExchangeLease&) = delete;
    ExchangeLease& operator=(const ExchangeLease&) = delete;
    ~ExchangeLease() {
        // Still counted: it was broken off in the middle, by the client's leaving or by the end of the drain.
        if (counted_) exchange_->note(Error(context_.draining ? Fault::draining : Fault::client_gone, "broken off"));
        complete();
        context_.give_exchange(exchange_);
    }
    // The last word on the exchange, while what its request's views point to is still there.
    void complete() {
        exchange_->client = nullptr;
        exchange_->times.end = context_.loop.now();
        if (std::exchange(counted_, false)) handler_.complete(*exchange_);
    }
    gateway::Exchange& operator*() { return *exchange_; }
    // From here on it is a request, to be logged.
    void count() { counted_ = true; }

  private:
    gateway::Context& context_;
    gateway::Handler& handler_;
    gateway::Exchange* exchange_;
    bool counted_ = false;
};

}  // namespace

io::Task<void> H1Server::serve() {
    for (;;) {
        settings_ = entrance_->settings;
        if (in_.empty()) {
            if (entrance_->closed) break;
            in_.release();
            owner_.on_phase(Owner::Phase::idle);
            const Time until = later(context().loop.now(), settings_->idle_timeout);
            const io::IoResult got = co_await stream_->read(in_, UINT32_MAX, read_until(until));
            // Ended by time or by a drain, with some of the last response on its way, or with something come that nobody will read.
            if (got.timed_out() && (io::has_unsent(stream_->look_fd()) || io::is_readable(stream_->look_fd()))) break;
            if (got.value <= 0) co_return;
            settings_ = entrance_->settings;
        }
        const bool again = co_await serve_one();
        if (!again) break;
    }
    owner_.on_phase(Owner::Phase::closing);
    if (!broken_) co_await linger();
}

io::Task<bool> H1Server::serve_one() {
    ExchangeLease lease(context(), behind_.handler);
    gateway::Exchange& x = *lease;
    x.epoch = context().epoch;
    x.times.begin = context().loop.now();
    x.scheme = settings_->scheme;
    x.peer = stream_->peer();
    x.peer_text = peer_text();
    x.parser.set_limits(settings_->head);
    owner_.on_phase(Owner::Phase::head);

    // Nearly always the head is here whole.
    auto progress = x.parser.parse_request(in_.view(), x.request);
    Result<void> head;
    if (!progress) head = fail(std::move(progress).error());
    else if (*progress == http::h1::Progress::more) head = co_await read_rest_of_head(x);
    x.times.head = context().loop.now();
    // Its client may ask again: of a request that nobody has begun, nothing has happened.
    if (owner_.ends()) {
        broken_ = true;
        co_return false;
    }
    H1Exchange side(*this, x);
    x.client = &side;
    if (!head) {
        if (broken_) co_return false;  // nobody is there to be told
        lease.count();
        owner_.on_phase(Owner::Phase::response);
        co_await behind_.handler.refuse(x, std::move(head).error());
        x.client = nullptr;
        co_return false;
    }
    lease.count();
    side.begin_body(static_cast<uint32_t>(x.parser.consumed()));
    owner_.on_phase(side.body_finished() ? Owner::Phase::response : Owner::Phase::body);
    co_await behind_.handler.handle(x);
    const bool again = side.settle();
    lease.complete();
    if (again) side.pass_on_rest();
    co_return again;
}

std::string_view H1Server::peer_text() {
    if (peer_text_size_ == 0) {
        const std::string text = stream_->peer().ip.text();
        peer_text_size_ = static_cast<uint8_t>(text.copy(peer_text_, sizeof peer_text_));
    }
    return {peer_text_, peer_text_size_};
}

io::Task<Result<void>> H1Server::read_rest_of_head(gateway::Exchange& x) {
    const Time until = later(x.times.begin, settings_->head_timeout);
    for (;;) {
        in_.compact();
        if (in_.room() == 0) {
            // Heads this long are rare: only then is a block of the limit's size taken.
            io::Buffer larger;
            larger.ensure(context().loop.buffers(), std::max(settings_->head.head + 1024, in_.capacity() * 2));
            larger.append(in_.view());
            in_ = std::move(larger);
        }
        const io::IoResult got = co_await stream_->read(in_, UINT32_MAX, read_until(until));
        if (got.timed_out()) co_return fail(Fault::head_timeout);
        if (got.value <= 0) {
            broken_ = true;
            co_return fail(Fault::client_gone);
        }
        auto progress = x.parser.parse_request(in_.view(), x.request);
        if (!progress) co_return fail(std::move(progress).error());
        if (*progress == http::h1::Progress::done) co_return Result<void>{};
    }
}

io::Task<void> H1Server::linger() {
    // RFC 9112 §9.6: a connection that is closed while the client may still send is reset by the kernel, and what it has not
    // read of the response is lost. So the sending side ends first, and what comes is dropped until the client's ends too.
    // Many clients read nothing before all is sent, and some send slowly.
    stream_->shutdown_write();
    Time end = context().loop.now() + kLinger;
    bool in_drain = false;
    for (uint64_t dropped = 0; dropped < kLingerBytes;) {
        if (context().draining && !std::exchange(in_drain, true)) end = std::min(end, context().loop.now() + kLingerPause);
        in_.clear();
        const io::IoResult got = co_await stream_->read(in_, UINT32_MAX, read_until(std::min(end, context().loop.now() + kLingerPause)));
        if (got.value <= 0) co_return;
        dropped += static_cast<uint64_t>(got.value);
    }
}

}  // namespace portico::edge
