#include "server/process_limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "io/machine_share.h"

namespace portico::server {

void hold_standard_descriptors() {
    // The lowest free number is the next one given.
    for (;;) {
        const int fd = ::open("/dev/null", O_RDWR);
        if (fd > STDERR_FILENO) ::close(fd);
        if (fd < 0 || fd > STDERR_FILENO) return;
    }
}

uint64_t raise_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

io::BackendChoice io_choice(const config::Config& config) {
    if (const char* forced = std::getenv("PORTICO_IO"); forced != nullptr && *forced != '\0') {
        if (std::strcmp(forced, "epoll") == 0) return io::BackendChoice::epoll;
        if (std::strcmp(forced, "uring") == 0) return io::BackendChoice::uring;
    }
    switch (config.io) {
        case config::IoBackend::uring: return io::BackendChoice::uring;
        case config::IoBackend::epoll: return io::BackendChoice::epoll;
        case config::IoBackend::automatic: break;
    }
    return io::BackendChoice::automatic;
}

size_t worker_count(const config::Config& config) {
    return config.workers != 0 ? config.workers : io::usable_processors();
}

uint32_t descriptor_share(uint64_t descriptors, size_t workers) {
    // Of the process: the admin pages' connections, files. Of each worker: its listeners, stores, pipes of bodies that are spliced.
    const uint64_t own = 128 + 96 * workers;
    const uint64_t share = descriptors > own ? (descriptors - own) / workers : 0;
    return static_cast<uint32_t>(std::clamp<uint64_t>(share, 32, UINT32_MAX));
}

uint32_t connection_room(uint64_t descriptors, size_t workers) {
    return std::max(16u, static_cast<uint32_t>(uint64_t{descriptor_share(descriptors, workers)} * 4 / 5));
}

uint32_t connection_limit(const config::Config& config, uint64_t descriptors, size_t workers) {
    return config.limits.connections != 0 ? config.limits.connections : connection_room(descriptors, workers);
}

uint64_t memory_limit(const config::Config& config, uint64_t available, size_t workers) {
    const uint64_t all = config.limits.memory != 0 ? config.limits.memory : available / 4;
    return std::max(all / workers, uint64_t{1} << 20);
}

uint64_t available_memory() {
    const auto pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
    const uint64_t machine = pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : uint64_t{1} << 30;
    return std::min(machine, io::memory_of_groups());
}

edge::ServerSettings settings_of(const config::Config& c) {
    edge::ServerSettings s;
    s.head = {c.limits.head, c.limits.target, c.limits.fields};
    s.body = c.limits.body;
    s.head_timeout = c.timeouts.head;
    s.idle_timeout = c.timeouts.idle_client;
    s.half_close = c.timeouts.half_close;
    return s;
}

}  // namespace portico::server
