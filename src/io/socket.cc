#include "io/socket.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>

#include "base/text.h"

namespace portico::io {

int new_socket(const SocketAddress& address, bool non_blocking) {
    const int family = address.ip.is_v4() ? AF_INET : AF_INET6;
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | (non_blocking ? SOCK_NONBLOCK : 0), 0);
    if (fd >= 0) set_no_delay(fd);
    return fd;
}

void set_no_delay(int fd) {
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void clear_non_blocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0) ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

int pending_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

bool has_unsent(int fd) {
    int bytes = 0;
    return ::ioctl(fd, TIOCOUTQ, &bytes) == 0 && bytes > 0;  // SIOCOUTQ, tcp(7)
}

bool is_readable(int fd) {
    pollfd look{fd, POLLIN, 0};
    return ::poll(&look, 1, 0) > 0;
}

SocketAddress local_address(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
}

SocketAddress peer_address(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
}

void reset_on_close(int fd) {
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

Result<int> new_listener(const SocketAddress& address, bool shared, int backlog, bool ipv6_only) {
    const int family = address.ip.is_v4() ? AF_INET : AF_INET6;
    const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(Fault::io, "socket", errno);
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (shared) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (family == AF_INET6) {
        const int alone = ipv6_only ? 1 : 0;
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof alone);
    }
    sockaddr_storage storage{};
    const uint32_t size = address.to(storage);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 || ::listen(fd, backlog) != 0) {
        const int error = errno;
        ::close(fd);
        return fail(Fault::io, "listen on " + address.text(), error);
    }
    return fd;
}

namespace {

// Inodes of sockets that listen on `port`, from /proc/net/tcp and tcp6.
std::set<std::string> listening_inodes(uint16_t port) {
    std::set<std::string> inodes;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream file(table);
        std::string line;
        std::getline(file, line);
        while (std::getline(file, line)) {
            char local[64], state[8], inode[32];
            if (std::sscanf(line.c_str(), " %*s %63s %*s %7s %*s %*s %*s %*s %*s %31s", local, state, inode) != 3) continue;
            const char* colon = std::strrchr(local, ':');
            if (colon == nullptr || std::strcmp(state, "0A") != 0) continue;
            if (std::strtoul(colon + 1, nullptr, 16) == port) inodes.insert(inode);
        }
    }
    return inodes;
}

bool holds_one_of(const std::string& fd_folder, const std::set<std::string>& inodes) {
    DIR* dir = ::opendir(fd_folder.c_str());
    if (dir == nullptr) return false;
    bool found = false;
    while (const dirent* entry = ::readdir(dir)) {
        char target[64];
        const ssize_t n = ::readlink((fd_folder + "/" + entry->d_name).c_str(), target, sizeof target);
        const std::string_view text(target, n > 0 ? static_cast<size_t>(n) : 0);
        if (!text.starts_with("socket:[") || !text.ends_with("]")) continue;
        if (inodes.contains(std::string(text.substr(8, text.size() - 9)))) {
            found = true;
            break;
        }
    }
    ::closedir(dir);
    return found;
}

}  // namespace

std::string holder_of_port(const SocketAddress& address) {
    const std::set<std::string> inodes = listening_inodes(address.port);
    if (inodes.empty()) return {};
    DIR* proc = ::opendir("/proc");
    if (proc == nullptr) return {};
    std::string holder;
    while (const dirent* entry = ::readdir(proc)) {
        const std::string pid = entry->d_name;
        if (!parse_decimal<int>(pid) || !holds_one_of("/proc/" + pid + "/fd", inodes)) continue;
        std::string name;
        std::ifstream("/proc/" + pid + "/comm") >> name;
        holder = (name.empty() ? "a process" : name) + " (pid " + pid + ")";
        break;
    }
    ::closedir(proc);
    return holder;
}

}  // namespace portico::io
