// For tests only: the memory table and a real Redis behind one interface, both with a clock that the test moves. Redis
// is started by the test, on a socket in a folder of its own, and ended by its pid. Single-threaded, but for what says
// otherwise.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "policy/rate_limit/memory_table.h"
#include "policy/rate_limit/redis_question.h"
#include "policy/rate_limit/redis_script.h"

namespace portico::policy::rate_limit {

class RedisServer {
  public:
    // One for the whole test binary, ended with it.
    static RedisServer& shared() {
        static RedisServer server;
        return server;
    }
    const std::string& path() const { return path_; }

    explicit RedisServer(std::vector<std::string> options = {}) {
        char folder[] = "/tmp/portico-redis-XXXXXX";
        if (::mkdtemp(folder) == nullptr) std::abort();
        folder_ = folder;
        path_ = folder_ + "/s";
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const std::string log = folder_ + "/log";
            std::vector<std::string> words{"redis-server", "--port", "0",     "--unixsocket", path_,       "--save", "",
                                           "--appendonly", "no",     "--dir", folder_,        "--logfile", log};
            words.insert(words.end(), options.begin(), options.end());
            std::vector<char*> argv;
            for (std::string& w : words) argv.push_back(w.data());
            argv.push_back(nullptr);
            ::execvp(argv[0], argv.data());
            ::_exit(127);
        }
    }
    ~RedisServer() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

  private:
    std::string folder_;
    std::string path_;
    pid_t pid_ = -1;
};

// As much of a client as these tests need: a command out, integers, a text or an error back.
class RedisConnection {
  public:
    struct Reply {
        std::vector<int64_t> numbers;
        std::vector<std::string> texts;
        std::string error;
    };

    // Waits for the server to listen. Adds a failure if it does not.
    explicit RedisConnection(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        for (int i = 0; i < 2000; ++i) {
            socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return;
            ::close(socket_);
            socket_ = -1;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        ADD_FAILURE() << "no redis-server (./dev setup installs it)";
    }
    ~RedisConnection() {
        if (socket_ >= 0) ::close(socket_);
    }
    RedisConnection(const RedisConnection&) = delete;

    Reply command(const std::vector<std::string>& words) {
        std::string out = "*" + std::to_string(words.size()) + "\r\n";
        for (const std::string& w : words) out += "$" + std::to_string(w.size()) + "\r\n" + w + "\r\n";
        if (::send(socket_, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size()))
            return {{}, {}, "send failed"};
        Reply reply;
        read_into(reply);
        return reply;
    }

  private:
    void fill() {
        char buffer[4096];
        const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
        if (n > 0)
            in_.append(buffer, static_cast<size_t>(n));
        else
            closed_ = true;
    }
    std::string line() {
        size_t end;
        while ((end = in_.find("\r\n")) == std::string::npos && !closed_) fill();
        std::string text = in_.substr(0, end);
        in_.erase(0, closed_ ? in_.size() : end + 2);
        return text;
    }
    void read_into(Reply& reply) {
        const std::string head = line();
        if (head.empty()) {
            reply.error = "connection closed";
            return;
        }
        const std::string rest = head.substr(1);
        int64_t n = 0;
        std::from_chars(rest.data(), rest.data() + rest.size(), n);
        if (head[0] == ':') reply.numbers.push_back(n);
        if (head[0] == '+') reply.texts.push_back(rest);
        if (head[0] == '-') reply.error = rest;
        if (head[0] == '*') {
            for (int64_t i = 0; i < n; ++i) read_into(reply);
        }
        if (head[0] == '$' && n >= 0) {
            while (in_.size() < static_cast<size_t>(n) + 2 && !closed_) fill();
            reply.texts.push_back(in_.substr(0, static_cast<size_t>(n)));
            in_.erase(0, static_cast<size_t>(n) + 2);
        }
    }

    int socket_ = -1;
    std::string in_;
    bool closed_ = false;
};

// Where limits are counted, with the test's clock.
class Store {
  public:
    virtual ~Store() = default;
    virtual Decision charge(const Limit& limit, std::string_view client, uint64_t cost = 1) = 0;
    void advance(Micros by) { now_ += by; }
    Micros now() const { return now_; }

  protected:
    // Like the real one: microseconds since 1970, on a whole minute.
    Micros now_{1'700'000'040'000'000};
};

class MemoryStore final : public Store {
  public:
    explicit MemoryStore(MemoryBounds bounds = {}) : table_(bounds, {1, 2}) {}
    Decision charge(const Limit& limit, std::string_view client, uint64_t cost = 1) override {
        return table_.charge(limit, client, cost, now_);
    }
    MemoryTable& table() { return table_; }

  private:
    MemoryTable table_;
};

// The script with Redis's clock, as it is in use.
class RedisCaller {
  public:
    explicit RedisCaller(RedisServer& server = RedisServer::shared()) : connection_(server.path()) {}
    Decision charge(const Limit& limit, std::string_view client, uint64_t cost = 1) {
        return charge_with(redis_script(), limit, client, cost);
    }
    Decision charge_with(std::string_view script, const Limit& limit, std::string_view client, uint64_t cost) {
        const uint64_t costs[] = {cost};
        return charge_all(script, limit, client, costs).front();
    }
    // Several requests in one command.
    std::vector<Decision> charge_all(std::string_view script, const Limit& limit, std::string_view client, std::span<const uint64_t> costs) {
        const RedisForm form(limit);
        const RedisQuestion question(form, client, costs, 4711);
        std::vector<std::string> words{"EVAL", std::string(script), std::to_string(limit.windows.size())};
        for (const auto part : {question.keys(), question.arguments()}) words.insert(words.end(), part.begin(), part.end());
        const RedisConnection::Reply reply = connection_.command(words);
        EXPECT_EQ(reply.error, "");
        const size_t size = decision_size(limit.windows.size());
        std::vector<Decision> decisions(costs.size());
        if (reply.numbers.size() != costs.size() * size || reply.texts != std::vector<std::string>{"4711"}) {
            ADD_FAILURE() << "not this question's reply";
            return decisions;
        }
        for (size_t i = 0; i < costs.size(); ++i) {
            const auto numbers = std::span(reply.numbers).subspan(i * size, size);
            const Result<Decision> decision = decode_redis_reply(limit, costs[i], numbers);
            if (decision) decisions[i] = *decision;
            else ADD_FAILURE() << decision.error().context;
        }
        return decisions;
    }
    RedisConnection& connection() { return connection_; }

  private:
    RedisConnection connection_;
};

// The same script, but it reads the time from a key that the test writes.
class RedisStore final : public Store {
  public:
    explicit RedisStore(bool expiring = false) : script_(redis_script()) {
        caller_.connection().command({"FLUSHALL"});
        replace(script_, "call('TIME')", "call('HMGET', 'clock', 's', 'us')");
        // Redis's own time runs faster than the test's.
        if (!expiring) replace(script_, "max(ceil(us / 1000), 1) + 1", "3600000");
    }
    Decision charge(const Limit& limit, std::string_view client, uint64_t cost = 1) override {
        tell_time();
        return caller_.charge_with(script_, limit, client, cost);
    }
    std::vector<Decision> charge_all(const Limit& limit, std::string_view client, std::span<const uint64_t> costs) {
        tell_time();
        return caller_.charge_all(script_, limit, client, costs);
    }
    // Without the script's short way for common cases.
    Decision charge_at_length(const Limit& limit, std::string_view client, uint64_t cost = 1) {
        tell_time();
        std::string script = script_;
        replace(script, "and not KEYS[2]", "and false");
        return caller_.charge_with(script, limit, client, cost);
    }
    RedisConnection& connection() { return caller_.connection(); }

  private:
    void tell_time() {
        if (now_ != told_) {
            const int64_t us = now_.count();
            caller_.connection().command(
                {"HSET", "clock", "s", std::to_string(us / 1'000'000), "us", std::to_string(us % 1'000'000)});
            told_ = now_;
        }
    }
    static void replace(std::string& script, std::string_view text, std::string_view by) {
        const size_t at = script.find(text);
        if (at == std::string::npos) std::abort();
        script.replace(at, text.size(), by);
    }

    RedisCaller caller_;
    std::string script_;
    Micros told_{};
};

inline Limit limit_of(std::string name, Algorithm algorithm, std::vector<Window> windows, bool charge_refused = false) {
    Limit limit{.name = std::move(name),
                .algorithm = algorithm,
                .windows = std::move(windows),
                .charge_refused = charge_refused};
    EXPECT_EQ(flaw_in(limit).value_or(""), "");
    return limit;
}

}  // namespace portico::policy::rate_limit
