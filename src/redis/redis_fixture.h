// What the tests of redis/ share: a server that a test plays word by word on a network and a clock in memory, and callers that
// note what they were told. For tests only.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "io/sim/network.h"
#include "redis/client.h"

namespace portico::redis {

using Words = std::vector<std::string>;

// A command as bytes.
inline std::string wire(const Words& words) {
    std::string out;
    std::vector<std::string_view> views(words.begin(), words.end());
    append_command(out, views);
    return out;
}

// One caller: asks, waits, and keeps the answer. May be destroyed while it waits.
class Caller {
  public:
    Caller(Client& client, Words words, Duration timeout) : words_(std::move(words)) {
        views_.assign(words_.begin(), words_.end());
        root_.start(ask(client, timeout), nullptr);
    }
    Caller(Client& client, const Script& script, Words keys, Words arguments, Duration timeout)
        : words_(std::move(keys)), more_(std::move(arguments)) {
        views_.assign(words_.begin(), words_.end());
        more_views_.assign(more_.begin(), more_.end());
        root_.start(eval(client, script, timeout), nullptr);
    }
    bool done() const { return result_.has_value(); }
    const Result<Reply>& result() const { return *result_; }
    // The reply in words: a string as it is, a number in digits, "nil", "[a b]", an error's code; "-" while there is none.
    std::string said() const { return !done() ? "-" : *result_ ? in_words((*result_)->value()) : std::string(result_->error().code()); }
    std::string context() const { return done() && !*result_ ? result_->error().context : ""; }

    static std::string in_words(Value value) {
        if (value.kind() == Kind::nil) return "nil";
        if (value.kind() == Kind::integer) return std::to_string(*value.integer());
        if (!value.is_array()) return std::string(value.text());
        std::string out = "[";
        for (uint32_t i = 0; i < value.size(); ++i) out += (i > 0 ? " " : "") + in_words(value[i]);
        return out + "]";
    }

  private:
    io::Task<void> ask(Client& client, Duration timeout) { result_ = co_await client.command(views_, timeout); }
    io::Task<void> eval(Client& client, const Script& script, Duration timeout) {
        result_ = co_await client.eval(script, views_, more_views_, timeout);
    }

    Words words_, more_;
    std::vector<std::string_view> views_, more_views_;
    std::optional<Result<Reply>> result_;
    io::Root root_;
};

// One lookup whose reply is proved to be its own.
class Looking {
  public:
    Looking(Client& client, std::string key, Duration timeout = std::chrono::milliseconds(5)) : words_{"GET", std::move(key)} {
        views_.assign(words_.begin(), words_.end());
        root_.start(ask(client, timeout), nullptr);
    }
    bool done() const { return result_.has_value(); }
    std::string said() const {
        if (!done()) return "-";
        return *result_ ? Caller::in_words((*result_)->value()) : std::string(result_->error().code());
    }

  private:
    io::Task<void> ask(Client& client, Duration timeout) { result_ = co_await client.look_up(views_, timeout); }

    Words words_;
    std::vector<std::string_view> views_;
    std::optional<Result<Reply>> result_;
    io::Root root_;
};

// One connection as the server sees it.
class Served {
  public:
    Served(io::Loop& loop, std::unique_ptr<io::Stream> stream) : loop_(loop), stream_(std::move(stream)) {
        root_.start(hear(), nullptr);
    }
    ~Served() { root_.cancel(); }

    void say(std::string_view bytes) {
        if (stream_ == nullptr) return;
        out_.ensure(loop_.buffers(), io::kLargeBuffer);
        ASSERT_EQ(out_.append(bytes), bytes.size());
        if (!writing_.running()) writing_.start(write(), nullptr);
    }
    // Ends the connection.
    void hang_up() {
        root_.cancel();
        writing_.cancel();
        stream_.reset();
    }
    // Commands that came, oldest first, each as its words.
    std::deque<Words> commands;
    std::vector<std::string> reads;  // as they came in one piece
    bool closed = false;             // by the client

  private:
    io::Task<void> hear() {
        io::Buffer in;
        ReplyReader reader;
        for (;;) {
            const io::IoResult got = co_await stream_->read(in);
            if (got.value <= 0) break;
            reads.emplace_back(in.view());
            while (!in.empty()) {
                auto progress = reader.read(in.view());
                if (!progress) break;
                in.consume(static_cast<uint32_t>(progress->consumed));
                if (progress->done) note(reader.take());
            }
            in.clear();
        }
        closed = true;
    }
    void note(const Reply& reply) {
        Words words;
        for (uint32_t i = 0; i < reply.value().size(); ++i) words.emplace_back(reply.value()[i].text());
        commands.push_back(std::move(words));
    }
    io::Task<void> write() {
        while (!out_.empty()) {
            const io::IoResult sent = co_await stream_->write(out_);
            if (!sent.ok()) co_return;
        }
    }

    io::Loop& loop_;
    std::unique_ptr<io::Stream> stream_;
    io::Buffer out_;
    io::Root root_, writing_;
};

// A listener that keeps what came.
class FakeServer final : private io::Acceptor::Sink {
  public:
    FakeServer(io::SimNetwork& net, io::Loop& loop, const char* address) : loop_(loop), address_(*SocketAddress::parse(address)) {
        acceptor_ = loop.backend().listen(net.listener(address_), *this);
    }
    const SocketAddress& address() const { return address_; }
    size_t connections() const { return served_.size(); }
    Served& at(size_t i) { return *served_.at(i); }
    Served& last() { return *served_.back(); }

  private:
    void on_accept(std::unique_ptr<io::Stream> stream) override { served_.push_back(std::make_unique<Served>(loop_, std::move(stream))); }
    void on_accept_error(int) override {}
    io::Loop& loop_;
    SocketAddress address_;
    std::unique_ptr<io::Acceptor> acceptor_;
    std::vector<std::unique_ptr<Served>> served_;
};

class OnSim : public testing::Test {
  protected:
    // Everything that happens without time passing.
    void settle() {
        do loop.turn(Duration::zero());
        while (net.busy());
    }
    void pass(Duration d) {
        const Time end = net.clock().now() + d;
        while (net.clock().now() < end) loop.turn(end - net.clock().now());
        settle();
    }
    Duration in(Duration d) const { return d; }
    std::unique_ptr<Client> make(std::string_view url, Options options = {}) {
        options.on_state = [this](State s) { states.push_back(s); };
        auto made = Client::make(loop, *Url::parse(url), std::move(options));
        EXPECT_TRUE(made);
        return std::move(*made);
    }
    std::vector<State> states;
    io::SimNetwork net;
    io::Loop loop{net.backend(), net.clock()};
};

constexpr Duration kSoon = std::chrono::milliseconds(5);

// A single server that the test plays.
class SingleServer : public OnSim {
  protected:
    // A client that is connected and greeted.
    void start(std::string_view url = "redis://10.0.0.2:6379", Options options = {}) {
        client = make(url, std::move(options));
        client->connect();
        greet();
    }
    void greet() {
        settle();
        server->last().commands.clear();
        server->last().reads.clear();
        server->last().say("+OK\r\n");
        settle();
    }
    std::unique_ptr<Caller> get(const char* key, Duration timeout = kSoon) {
        return std::make_unique<Caller>(*client, Words{"GET", key}, in(timeout));
    }
    std::unique_ptr<FakeServer> server = std::make_unique<FakeServer>(net, loop, "10.0.0.2:6379");
    std::unique_ptr<Client> client;
};

}  // namespace portico::redis
