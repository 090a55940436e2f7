// Real redis-server processes for tests: each on a free port in a folder of its own, ended by its number, and never longer
// there than the test. A machine without redis-server fails these tests: ./dev setup installs it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "io/loop_fixture.h"
#include "redis/redis_fixture.h"

namespace portico::redis {

// A port that was free a moment ago.
inline uint16_t free_port() { return io::PlainListener().address().port; }

class RealServer {
  public:
    // @param options as on the command line: {"--requirepass", "x"}  @param sentinel runs as one, `options` are its file
    explicit RealServer(std::vector<std::string> options = {}, bool sentinel = false)
        : options_(std::move(options)), sentinel_(sentinel), port_(free_port()) {
        char folder[] = "/tmp/portico-redis-XXXXXX";
        folder_ = ::mkdtemp(folder);
        start();
    }
    RealServer(const RealServer&) = delete;
    ~RealServer() {
        kill();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    uint16_t port() const { return port_; }
    std::string port_text() const { return std::to_string(port_); }
    std::string host_port() const { return "127.0.0.1:" + port_text(); }
    void pause() { ::kill(process_, SIGSTOP); }
    void go_on() { ::kill(process_, SIGCONT); }
    void kill() {
        if (process_ < 0) return;
        ::kill(process_, SIGKILL);
        ::waitpid(std::exchange(process_, -1), nullptr, 0);
    }
    // Starts it, on the same port, with nothing in it, and waits until it answers.
    void start() {
        std::vector<std::string> words{"redis-server"};
        if (sentinel_) {
            std::ofstream file(folder_ + "/sentinel.conf");
            file << "port " << port_ << "\nbind 127.0.0.1\ndir " << folder_ << "\n";
            for (const std::string& line : options_) file << line << "\n";
            file.close();
            words.insert(words.end(), {folder_ + "/sentinel.conf", "--sentinel"});
        } else {
            words.insert(words.end(), {"--port", port_text(), "--bind", "127.0.0.1", "--dir", folder_, "--save", ""});
            words.insert(words.end(), options_.begin(), options_.end());
        }
        words.insert(words.end(), {"--logfile", folder_ + "/log"});
        launch(words);
        // Not installed: the process ended at once. Else it opens its port within a moment.
        for (int i = 0; i < 1000; ++i) {
            int status = 0;
            if (::waitpid(process_, &status, WNOHANG) == process_) {
                process_ = -1;
                FAIL() << (WEXITSTATUS(status) == 127 ? "redis-server is not installed: ./dev setup installs it" : log());
            }
            const std::string said = run({"PING"});
            if (said == "PONG" || said.starts_with("NOAUTH")) return;
            ::poll(nullptr, 0, 10);
        }
        FAIL() << "redis-server does not answer: " << log();
    }

    // Asks it, waiting. @returns the reply in words, an error as its text, "" where there is no answer
    std::string run(const Words& words) const {
        io::Peer peer = connect();
        if (peer.fd() < 0) return "";
        const std::string auth = password.empty() ? "" : wire({"AUTH", password});
        const std::string bytes = auth + wire(words);
        if (::send(peer.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return "";
        ReplyReader reader;
        int wanted = password.empty() ? 1 : 2;
        for (std::string rest;;) {
            pollfd ready{peer.fd(), POLLIN, 0};
            if (::poll(&ready, 1, 5000) <= 0) return "";
            rest += peer.take(64 * 1024);
            if (peer.saw_end() || peer.saw_error() != 0) return "";
            for (size_t at = 0; at < rest.size();) {
                auto progress = reader.read(std::string_view(rest).substr(at));
                if (!progress) return "";
                at += progress->consumed;
                if (progress->done && --wanted == 0) return Caller::in_words(reader.take().value());
                if (progress->done) reader.take();
            }
            rest.clear();
        }
    }
    std::string log() const {
        std::ifstream file(folder_ + "/log");
        return {std::istreambuf_iterator<char>(file), {}};
    }
    std::string password;  // for run()

  private:
    io::Peer connect() const {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_storage storage{};
        const uint32_t size = SocketAddress{IpAddress::v4(0x7f000001), port_}.to(storage);
        // The kernel's own IPv4 form: the socket is of that family.
        if (::connect(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0) {
            ::close(fd);
            return io::Peer();
        }
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
        return io::Peer(fd);
    }
    void launch(const std::vector<std::string>& words) {
        std::vector<char*> arguments;
        for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        const pid_t parent = ::getpid();
        process_ = ::fork();
        ASSERT_GE(process_, 0);
        if (process_ > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, 1);
        ::dup2(null, 2);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }

    std::vector<std::string> options_;
    bool sentinel_;
    uint16_t port_;
    std::string folder_;
    pid_t process_ = -1;
};

// A client on a real loop, on either backend.
class OnRealServers : public io::OnEachBackend {
  protected:
    Duration in(Duration d) const { return d; }
    std::unique_ptr<Client> make(const std::string& url, Options options = {}) {
        auto parsed = Url::parse(url);
        EXPECT_TRUE(parsed) << parsed.error();
        options.on_state = [this](State s) { states.push_back(s); };
        auto made = Client::make(loop(), *parsed, std::move(options));
        EXPECT_TRUE(made);
        return std::move(*made);
    }
    // A command's outcome in words, waited for.
    std::string ask(Client& client, Words words, Duration timeout = std::chrono::seconds(2)) {
        Caller caller(client, std::move(words), in(timeout));
        EXPECT_TRUE(turn_until([&] { return caller.done(); }));
        return caller.said();
    }
    std::string eval(Client& client, const Script& script, Words keys, Words arguments, Duration timeout = std::chrono::seconds(2)) {
        Caller caller(client, script, std::move(keys), std::move(arguments), in(timeout));
        EXPECT_TRUE(turn_until([&] { return caller.done(); }));
        return caller.said();
    }
    // Asks again and again until the outcome is `wanted`.
    bool comes_to(Client& client, const Words& words, const std::string& wanted, Duration limit = std::chrono::seconds(15)) {
        return turn_until([&] { return ask(client, words, std::chrono::milliseconds(200)) == wanted; }, limit);
    }
    std::vector<State> states;
};

}  // namespace portico::redis
