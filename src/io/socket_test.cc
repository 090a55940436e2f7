#include "io/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

namespace portico::io {
namespace {

const SocketAddress kAnyPort = *SocketAddress::parse("127.0.0.1:0");

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

TEST(Listener, is_non_blocking_and_closes_on_exec) {
    const auto fd = new_listener(kAnyPort, false, 16);
    ASSERT_TRUE(fd);
    const Descriptor listener(*fd);
    EXPECT_NE(::fcntl(*fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(*fd, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(local_address(*fd).port, 0);
    clear_non_blocking(*fd);
    EXPECT_EQ(::fcntl(*fd, F_GETFL) & O_NONBLOCK, 0);
}

TEST(Listener, every_ipv6_address_may_stand_beside_ipv4) {
    const auto four = new_listener(*SocketAddress::parse("0.0.0.0:0"), false, 16);
    ASSERT_TRUE(four);
    const Descriptor listener(*four);
    const SocketAddress every{IpAddress(), local_address(*four).port};
    const auto both = new_listener(every, false, 16);
    if (!both && both.error().system == EAFNOSUPPORT) GTEST_SKIP() << "no IPv6 here";
    ASSERT_FALSE(both);
    EXPECT_EQ(both.error().system, EADDRINUSE);
    const auto alone = new_listener(every, false, 16, true);
    ASSERT_TRUE(alone);
    const Descriptor six(*alone);
}

TEST(Listener, a_held_port_is_refused_and_its_holder_named) {
    const auto first = new_listener(kAnyPort, false, 16);
    ASSERT_TRUE(first);
    const Descriptor listener(*first);
    const SocketAddress address = local_address(*first);
    const auto second = new_listener(address, false, 16);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().fault, Fault::io);
    EXPECT_EQ(second.error().system, EADDRINUSE);
    EXPECT_NE(second.error().context.find(address.text()), std::string::npos);

    std::string name;
    std::ifstream comm("/proc/self/comm");
    std::getline(comm, name);
    EXPECT_EQ(holder_of_port(address), name + " (pid " + std::to_string(::getpid()) + ")");
}

// A worker's sockets share the port, but the probe before them must not slip in beside another gateway's.
TEST(Listener, a_probe_without_sharing_is_refused_by_sockets_that_share) {
    const auto first = new_listener(kAnyPort, true, 16);
    ASSERT_TRUE(first);
    const Descriptor listener(*first);
    const SocketAddress address = local_address(*first);
    const auto second = new_listener(address, true, 16);
    ASSERT_TRUE(second);
    const Descriptor other(*second);
    const auto probe = new_listener(address, false, 16);
    ASSERT_FALSE(probe);
    EXPECT_EQ(probe.error().system, EADDRINUSE);
}

TEST(Listener, an_address_of_another_machine_is_refused) {
    const auto fd = new_listener(*SocketAddress::parse("192.0.2.1:0"), false, 16);
    ASSERT_FALSE(fd);
    EXPECT_EQ(fd.error().system, EADDRNOTAVAIL);
}

TEST(Listener, nobody_holds_a_port_that_was_let_go) {
    SocketAddress address;
    {
        const auto fd = new_listener(kAnyPort, false, 16);
        ASSERT_TRUE(fd);
        const Descriptor listener(*fd);
        address = local_address(*fd);
    }
    EXPECT_EQ(holder_of_port(address), "");
}

TEST(Socket, knows_both_its_addresses) {
    const auto fd = new_listener(kAnyPort, false, 16);
    ASSERT_TRUE(fd);
    const Descriptor listener(*fd);
    const SocketAddress address = local_address(*fd);
    const Descriptor client(new_socket(address, false));
    sockaddr_storage storage;
    const uint32_t size = address.to(storage);
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
    const Descriptor accepted(::accept(*fd, nullptr, nullptr));
    EXPECT_EQ(peer_address(client.get()), address);
    EXPECT_EQ(peer_address(accepted.get()), local_address(client.get()));
    EXPECT_EQ(pending_error(client.get()), 0);
}

TEST(Socket, of_a_descriptor_that_is_none_nothing_is_known) {
    EXPECT_EQ(local_address(-1), SocketAddress{});
    EXPECT_EQ(peer_address(-1), SocketAddress{});
    EXPECT_EQ(pending_error(-1), EBADF);
}

}  // namespace
}  // namespace portico::io
