// Sockets of this machine, with a real backend under the gateway. For tests only.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "io/socket.h"
#include "server/model/ground.h"

namespace portico::server::model {

class RealGround final : public Ground {
  public:
    RealGround(io::BackendChoice choice, uint64_t seed) : choice_(choice), chance_(seed) {}
    ~RealGround() override {
        for (const Listening& l : listening_) ::close(l.fd);
    }
    Time now() const override { return clock_.now(); }
    std::unique_ptr<io::Loop> loop() override {
        auto made = io::Loop::make(choice_, clock_);
        return made ? std::move(*made) : nullptr;
    }
    void turn(std::span<io::Loop* const> loops, Duration most) override {
        for (const Listening& l : listening_) {
            const int fd = ::accept4(l.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd >= 0) l.accept(std::make_unique<SocketWire>(fd));
        }
        for (io::Loop* loop : loops) loop->turn(std::min<Duration>(most, std::chrono::microseconds(300)));
    }
    std::string serve(Accept accept) override {
        const int fd = listener(chance_.one_in(2) ? 4096 : 0);
        listening_.push_back({fd, std::move(accept)});
        return io::local_address(fd).text();
    }
    std::function<std::unique_ptr<Wire>()> listen(GatewayUnderTest& gateway) override {
        const int fd = listener(chance_.one_in(2) ? 1 << 20 : 0);
        const SocketAddress front = io::local_address(fd);
        gateway.listen(fd);
        return [this, port = front.port]() -> std::unique_ptr<Wire> {
            const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (chance_.one_in(2)) buffer(client, SO_RCVBUF, 4096);
            const sockaddr_in to = address(port);
            if (::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
                ::close(client);
                return nullptr;
            }
            const int on = 1;
            ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return std::make_unique<SocketWire>(client);
        };
    }

  private:
    struct Listening {
        int fd;
        Accept accept;
    };
    static sockaddr_in address(uint16_t port) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_port = htons(port);
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return a;
    }
    static void buffer(int fd, int which, int size) { ::setsockopt(fd, SOL_SOCKET, which, &size, sizeof size); }
    // @param receive bytes that accepted sockets hold; 0: as the machine likes
    static int listener(int receive) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (receive > 0) buffer(fd, SO_RCVBUF, receive);
        const sockaddr_in any = address(0);
        ::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any);
        ::listen(fd, 64);
        return fd;
    }

    SystemClock clock_;
    io::BackendChoice choice_;
    Chance chance_;
    std::vector<Listening> listening_;
};

}  // namespace portico::server::model
