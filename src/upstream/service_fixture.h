// A service in the simulated network, for tests: it answers each request with the pieces that the test names, after the time
// that it names.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/loop.h"

namespace portico::upstream {

class SimServer final : public io::Acceptor::Sink, private io::Root::Owner {
  public:
    explicit SimServer(io::Loop& loop) : loop_(loop) {}

    std::vector<std::vector<std::string>> answers;  // by request, over all connections; or:
    std::map<std::string, std::string> pages;       // by target: JSON, answered with 200; "" closes in place of an answer
    std::map<std::string, Duration> delays;         // before a page
    Duration pause{};                               // before each piece
    bool closes = false;                            // behind each answer
    std::vector<std::string> requests;
    size_t connections = 0;
    size_t at_once = 0, most_at_once = 0;           // requests in work
    // Connections on which nobody speaks any more.
    size_t ended() const { return ended_; }

  private:
    void on_accept(std::unique_ptr<io::Stream> stream) override {
        ++connections;
        streams_.push_back(std::move(stream));
        roots_.emplace_back(std::make_unique<io::Root>())->start(serve(streams_.back()), this);
    }
    void on_accept_error(int) override {}
    void on_root_done() override {}

    // @returns none where it closes without one
    std::optional<std::vector<std::string>> answer_to(const std::string& request, Duration& delay) {
        if (!answers.empty()) return requests.size() > answers.size() ? std::nullopt : std::optional(answers[requests.size() - 1]);
        const size_t begin = request.find(' ') + 1;
        const std::string target = request.substr(begin, request.find(' ', begin) - begin);
        if (const auto found = delays.find(target); found != delays.end()) delay = found->second;
        const auto page = pages.find(target);
        if (page == pages.end()) return {{"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"}};
        if (page->second.empty()) return std::nullopt;
        return {{"HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(page->second.size()) + "\r\n\r\n" + page->second}};
    }

    io::Task<void> serve(std::unique_ptr<io::Stream>& stream) {
        std::string seen;
        for (bool open = true; open;) {
            while (open && seen.find("\r\n\r\n") == std::string::npos) {
                io::Buffer in;
                const io::IoResult got = co_await stream->read(in);
                open = got.value > 0;
                seen += in.view();
            }
            if (!open) break;
            requests.push_back(std::exchange(seen, {}));
            Duration delay{};
            const auto pieces = answer_to(requests.back(), delay);
            most_at_once = std::max(most_at_once, ++at_once);
            if (delay > Duration::zero()) co_await loop_.sleep(delay);
            for (const std::string& piece : pieces.value_or(std::vector<std::string>{})) {
                if (pause > Duration::zero()) co_await loop_.sleep(pause);
                io::Buffer out;
                out.ensure(loop_.buffers(), static_cast<uint32_t>(std::max<size_t>(piece.size(), 1)));
                out.append(piece);
                open = open && (co_await stream->write(out)).ok();
            }
            --at_once;
            open = open && !closes && pieces.has_value();
        }
        ++ended_;
        stream.reset();
    }

    io::Loop& loop_;
    size_t ended_ = 0;
    std::deque<std::unique_ptr<io::Stream>> streams_;
    std::deque<std::unique_ptr<io::Root>> roots_;
};

}  // namespace portico::upstream
