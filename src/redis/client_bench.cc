// CPU of this process for one script at a real redis-server on this machine, by how many are asked for in a loop turn. The
// server's own CPU is not counted.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/check.h"
#include "io/socket.h"
#include "redis/client.h"

namespace portico::redis {
namespace {

class Server {
  public:
    Server() {
        const int probe = *io::new_listener(*SocketAddress::parse("127.0.0.1:0"), false, 1);
        port_ = io::local_address(probe).port;
        ::close(probe);
        const std::string port = std::to_string(port_);
        process_ = ::fork();
        if (process_ > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execlp("redis-server", "redis-server", "--port", port.c_str(), "--bind", "127.0.0.1", "--save", "", "--logfile",
                 "/dev/null", "--dir", "/tmp", static_cast<char*>(nullptr));
        ::_exit(127);
    }
    ~Server() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

  private:
    pid_t process_;
    uint16_t port_;
};

// As much as a limit does, without its arithmetic: what is measured is the client.
const Script kScript("return {1, 99, 60000}");

io::Task<void> ask(Client& client, io::Loop& loop, int times, int& running) {
    const std::array<std::string_view, 1> keys{"rl:fair-use:192.0.2.1"};
    const std::array<std::string_view, 3> arguments{"100", "60000", "1"};
    for (int i = 0; i < times; ++i) {
        Result<Reply> reply = co_await client.eval(kScript, keys, arguments, std::chrono::seconds(5));
        PORTICO_CHECK(reply && reply->value()[1].integer() == 99);
    }
    --running;
}

void eval(benchmark::State& state) {
    Server server;
    SystemClock clock;
    auto loop = *io::Loop::make(io::BackendChoice::automatic, clock);
    auto client = *Client::make(*loop, *Url::parse(server.url()), {});
    client->connect();
    while (client->state() != State::connected) loop->turn(std::chrono::milliseconds(1));
    const int callers = static_cast<int>(state.range(0)), times = 1000;
    int64_t asked = 0;
    for (auto _ : state) {
        int running = callers;
        std::vector<io::Root> roots(static_cast<size_t>(callers));
        for (io::Root& root : roots) root.start(ask(*client, *loop, times, running), nullptr);
        while (running > 0) loop->turn(std::chrono::milliseconds(1));
        asked += callers * times;
    }
    state.SetItemsProcessed(asked);
    state.counters["cpu_per_eval"] =
        benchmark::Counter(static_cast<double>(asked), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
    state.counters["evals_per_write"] = static_cast<double>(client->counters().commands) / static_cast<double>(client->counters().writes);
}
BENCHMARK(eval)->Arg(1)->Arg(4)->Arg(16)->Arg(64)->Arg(256)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace portico::redis
