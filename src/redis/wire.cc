#include "redis/wire.h"

#include <sys/ioctl.h>

#include <cstring>

namespace portico::redis {
namespace {

io::Task<Result<std::unique_ptr<io::Stream>>> connect_plainly(io::Loop& loop, SocketAddress address, Time deadline) {
    io::Loop::Connected connected = co_await loop.connect(address, deadline);
    if (connected.error == ETIMEDOUT) co_return fail(Fault::store_timeout, "connect to " + address.text(), ETIMEDOUT);
    if (connected.stream == nullptr) {
        co_return fail(Fault::store_unavailable,
                       "connect to " + address.text() + ": " + std::strerror(connected.error), connected.error);
    }
    co_return std::move(connected.stream);
}

io::Task<Result<std::vector<IpAddress>>> look_up(Store& store, const HostPort& where, Time deadline) {
    if (const auto literal = IpAddress::parse(where.host)) co_return std::vector{*literal};
    if (!store.options.resolve) co_return fail(Fault::store_unavailable, "no resolver for " + where.host);
    Result<std::vector<IpAddress>> found = co_await store.options.resolve(where.host, deadline);
    if (!found) co_return fail(Fault::store_unavailable, "resolve " + where.host + ": " + found.error().context);
    co_return found;
}

}  // namespace

io::Task<Result<void>> Wire::send(std::string bytes) {
    for (std::string_view rest = bytes; !rest.empty();) {
        out_.ensure(loop_.buffers(), rest.size() <= io::kSmallBuffer ? io::kSmallBuffer : io::kLargeBuffer);
        rest.remove_prefix(out_.append(rest));
        const io::IoResult sent = co_await stream_->write(out_);
        if (!sent.ok()) co_return fail(stream_error("write", sent));
    }
    out_.release();
    co_return Result<void>();
}

io::Task<Result<Reply>> Wire::receive() {
    for (;;) {
        Reply reply;
        Result<bool> whole = next(reply);
        if (!whole) co_return fail(std::move(whole).error());
        if (*whole) co_return std::move(reply);
        const io::IoResult got = co_await stream_->read(in_);
        if (got.value <= 0) co_return fail(stream_error("read", got));
    }
}

io::Task<Result<Reply>> Wire::ask(std::string command) {
    Result<void> sent = co_await send(std::move(command));
    if (!sent) co_return fail(std::move(sent).error());
    co_return co_await receive();
}

Result<bool> Wire::next(Reply& reply) {
    if (in_.empty()) return false;
    auto progress = reader_.read(in_.view());
    if (!progress) return fail(std::move(progress).error());
    in_.consume(static_cast<uint32_t>(progress->consumed));
    if (in_.empty()) in_.release();
    if (progress->done) reply = reader_.take();
    return progress->done;
}

size_t Wire::unread() const {
    const int fd = stream_->look_fd();
    int bytes = 0;
    return fd >= 0 && ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

std::string command_bytes(std::span<const std::string_view> words) {
    std::string bytes;
    append_command(bytes, words);
    return bytes;
}

Error stream_error(std::string_view doing, const io::IoResult& result) {
    const std::string what(doing);
    if (result.timed_out()) return {Fault::store_timeout, what, ETIMEDOUT};
    if (result.eof()) return {Fault::store_unavailable, what + ": the server closed the connection"};
    return {Fault::store_unavailable, what + ": " + std::strerror(result.error()), result.error()};
}

io::Task<Result<std::unique_ptr<io::Stream>>> dial(Store& store, HostPort where, Time deadline) {
    Result<std::vector<IpAddress>> addresses = co_await look_up(store, where, deadline);
    if (!addresses) co_return fail(std::move(addresses).error());
    Error last(Fault::store_unavailable, "no address for " + where.host);
    for (size_t i = 0; i < addresses->size(); ++i) {
        const SocketAddress address{(*addresses)[i], where.port};
        // One that is silent leaves time for the others.
        const Time now = store.loop.precise_now();
        const Time until = now + (deadline - now) / static_cast<int64_t>(addresses->size() - i);
        Result<std::unique_ptr<io::Stream>> stream = fail(Fault::internal);
        if (store.options.transport) {
            stream = co_await store.options.transport(Target{where.host, address, store.url.tls}, until);
        } else {
            stream = co_await connect_plainly(store.loop, address, until);
        }
        if (stream) co_return stream;
        last = std::move(stream).error();
        if (store.loop.now() >= deadline) break;
    }
    co_return fail(std::move(last));
}

}  // namespace portico::redis
