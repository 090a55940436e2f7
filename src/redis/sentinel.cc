#include "redis/sentinel.h"

#include "base/text.h"

namespace portico::redis {
namespace {

constexpr std::string_view kChannel = "+switch-master";
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

}  // namespace

SentinelWatch::SentinelWatch(Store& store, std::function<void()> moved)
    : store_(store),
      moved_(std::move(moved)),
      backoff_(store.options.first_backoff, store.options.most_backoff, store.options.seed ^ 0x5e47) {}

io::Task<Result<std::unique_ptr<io::Stream>>> SentinelWatch::dial_master(Time deadline) {
    if (!listening_.running()) listening_.start(listen(), nullptr);
    Error last(Fault::store_unavailable, "no sentinel");
    const size_t count = store_.url.hosts.size(), first = good_;
    for (size_t i = 0; i < count; ++i) {
        const size_t at = (first + i) % count;
        // One that is silent leaves time for the others.
        const Time now = store_.loop.precise_now();
        const Time until = now + (deadline - now) / static_cast<int64_t>(count - i + 1);
        Result<HostPort> master = co_await ask(store_.url.hosts[at], until);
        if (!master) {
            last = std::move(master).error();
            continue;
        }
        good_ = at;
        master_ = *master;
        co_return co_await dial(store_, std::move(*master), deadline);
    }
    co_return fail(std::move(last));
}

io::Task<Result<std::unique_ptr<Wire>>> SentinelWatch::open(HostPort sentinel, Time deadline) {
    Result<std::unique_ptr<io::Stream>> stream = co_await dial(store_, std::move(sentinel), deadline);
    if (!stream) co_return fail(std::move(stream).error());
    auto wire = std::make_unique<Wire>(store_.loop, std::move(*stream));
    wire->until(deadline);
    Result<Reply> pong = co_await wire->ask(std::string(kPing));
    if (!pong) co_return fail(std::move(pong).error());
    if (pong->is_error() && pong->value().text().starts_with("NOAUTH") && !store_.url.password.empty()) {
        const std::array<std::string_view, 3> words{"AUTH", store_.url.user, store_.url.password};
        const std::array<std::string_view, 2> plain{"AUTH", store_.url.password};
        std::string command = store_.url.user.empty() ? command_bytes(plain) : command_bytes(words);
        Result<Reply> reply = co_await wire->ask(std::move(command));
        if (!reply) co_return fail(std::move(reply).error());
        if (reply->is_error()) co_return fail(Fault::store_unavailable, "a sentinel refused the password");
    }
    co_return wire;
}

io::Task<Result<HostPort>> SentinelWatch::ask(HostPort sentinel, Time deadline) {
    const std::string who = sentinel.text();
    Result<std::unique_ptr<Wire>> wire = co_await open(std::move(sentinel), deadline);
    if (!wire) co_return fail(std::move(wire).error());
    const std::array<std::string_view, 3> words{"SENTINEL", "get-master-addr-by-name", store_.url.master};
    Result<Reply> reply = co_await (*wire)->ask(command_bytes(words));
    if (!reply) co_return fail(std::move(reply).error());
    const Value value = reply->value();
    if (value.is_nil()) co_return fail(Fault::store_unavailable, "sentinel " + who + " knows no master " + store_.url.master);
    const auto port = parse_decimal<uint16_t>(value[1].text());
    if (value.size() != 2 || value[0].text().empty() || !port) {
        co_return fail(Fault::store_unavailable, "sentinel " + who + " did not name the master: " + std::string(value.text()));
    }
    co_return HostPort{std::string(value[0].text()), *port};
}

io::Task<void> SentinelWatch::listen() {
    for (size_t i = 0;; ++i) {
        Result<void> ended = co_await listen_to(store_.url.hosts[(good_ + i) % store_.url.hosts.size()]);
        if (ended) backoff_.reset();
        co_await store_.loop.sleep(backoff_.next());
    }
}

// @returns nothing after a connection that worked for a while has ended
io::Task<Result<void>> SentinelWatch::listen_to(HostPort sentinel) {
    const Time deadline = store_.loop.precise_now() + store_.options.connect_timeout;
    Result<std::unique_ptr<Wire>> wire = co_await open(sentinel, deadline);
    if (!wire) co_return fail(std::move(wire).error());
    const std::array<std::string_view, 2> words{"SUBSCRIBE", kChannel};
    Result<Reply> reply = co_await (*wire)->ask(command_bytes(words));
    if (!reply) co_return fail(std::move(reply).error());
    if (reply->is_error()) co_return fail(Fault::store_unavailable, reply->value().text());
    (*wire)->until(deadline + store_.options.heartbeat);
    const io::Fork beating(beat(**wire)), catching(catch_up(std::move(sentinel)));
    co_return co_await hear(**wire);
}

// Until the sentinel says nothing for longer than a heartbeat and its answer may take.
io::Task<Result<void>> SentinelWatch::hear(Wire& wire) {
    for (;;) {
        Result<Reply> told = co_await wire.receive();
        if (!told || told->is_error()) co_return Result<void>();
        wire.until(store_.loop.precise_now() + store_.options.heartbeat + store_.options.connect_timeout);
        // "mymaster 10.0.0.1 6379 10.0.0.2 6379"
        const Value value = told->value();
        const std::string_view text = value[2].text();
        if (value[1].text() == kChannel && text.substr(0, text.find(' ')) == store_.url.master) moved_();
    }
}

io::Task<void> SentinelWatch::beat(Wire& wire) {
    for (;;) {
        co_await store_.loop.sleep(store_.options.heartbeat);
        if (Result<void> sent = co_await wire.send(std::string(kPing)); !sent) co_return;
    }
}

io::Task<void> SentinelWatch::catch_up(HostPort sentinel) {
    if (master_.host.empty()) co_return;
    Result<HostPort> master = co_await ask(std::move(sentinel), store_.loop.precise_now() + store_.options.connect_timeout);
    if (master && *master != master_) moved_();
}

}  // namespace portico::redis
