#include "io/dns.h"

#include <ares.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

namespace portico::io {
namespace {

// c-ares has one library state a process.
bool library_ready() {
    static const bool ready = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    return ready;
}

// Tells whether a file is still as it was read. All zero: there is none.
struct Stamp {
    uint64_t device = 0, inode = 0, size = 0;
    int64_t seconds = 0, nanos = 0;

    static Stamp of(const std::string& path) {
        struct stat s{};
        if (::stat(path.c_str(), &s) != 0) return {};
        return {s.st_dev, s.st_ino, static_cast<uint64_t>(s.st_size), s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
    }
    bool operator==(const Stamp&) const = default;
};

DnsAnswer answer_of(const ares_addrinfo& info) {
    DnsAnswer answer;
    int ttl = INT_MAX;
    for (const ares_addrinfo_cname* c = info.cnames; c != nullptr; c = c->next) ttl = std::min(ttl, c->ttl);
    for (const ares_addrinfo_node* n = info.nodes; n != nullptr; n = n->ai_next) {
        if (n->ai_family != AF_INET && n->ai_family != AF_INET6) continue;
        answer.addresses.push_back(SocketAddress::from(n->ai_addr).ip);
        ttl = std::min(ttl, n->ai_ttl);
    }
    std::ranges::sort(answer.addresses, [](const IpAddress& a, const IpAddress& b) {
        if (a.is_v4() != b.is_v4()) return a.is_v4();
        return a < b;
    });
    const auto repeated = std::ranges::unique(answer.addresses);
    answer.addresses.erase(repeated.begin(), repeated.end());
    answer.ttl = std::chrono::seconds(std::max(ttl, 0));  // RFC 2181, 8: a time to live with the top bit set is zero
    return answer;
}

// A c-ares channel: servers, sockets and the lookups under way. c-ares takes new servers only while nothing is asked,
// so a new configuration is a new Channel, and the old one stays for as long as it owes an answer. The resolver's
// thread only, but for open().
class Channel {
  public:
    class Sink {
      public:
        virtual void on_resolved(uint64_t id, Result<DnsAnswer> answer) = 0;

      protected:
        ~Sink() = default;
    };

    explicit Channel(Sink& sink) : sink_(sink) {}
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel() {
        closing_ = true;
        if (channel_ != nullptr) ares_destroy(channel_);
    }

    Result<void> open(const DnsOptions& options) {
        using std::chrono::milliseconds;
        // c-ares doubles this as an int.
        const auto timeout = std::clamp<milliseconds>(std::chrono::duration_cast<milliseconds>(options.timeout),
                                                      milliseconds(1), std::chrono::hours(1));
        std::string system_file = options.system_file;
        char lookups[] = "fb";  // /etc/hosts, then DNS, whatever nsswitch.conf says: it also names what c-ares has not
        ares_options o{};
        o.timeout = static_cast<int>(timeout.count());
        o.tries = 2;
        o.lookups = lookups;
        o.sock_state_cb = on_socket;
        o.sock_state_cb_data = this;
        o.resolvconf_path = system_file.data();
        const int mask =
            ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
        int status = ares_init_options(&channel_, &o, mask);
        if (status == ARES_SUCCESS && !options.servers.empty()) {
            std::string list;
            for (const SocketAddress& s : options.servers) list += (list.empty() ? "" : ",") + s.text();
            status = ares_set_servers_ports_csv(channel_, list.c_str());
        }
        if (status != ARES_SUCCESS) return fail(Fault::io, std::string("c-ares: ") + ares_strerror(status));
        return {};
    }

    void ask(uint64_t id, const std::string& name) {
        ++asked_;
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        // c-ares would connect a socket to each address to learn which it would rather use; we sort for ourselves.
        hints.ai_flags = ARES_AI_NOSORT;
        auto query = std::make_unique<Query>(*this, id, name);
        ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, on_addrinfo, query.release());
    }

    bool idle() const { return asked_ == 0; }
    const std::map<int, short>& sockets() const { return sockets_; }

    void on_ready(int fd, short events) {
        // An error shows in reading or writing, whichever c-ares is waiting for.
        const bool broken = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0;
        ares_process_fd(channel_, broken || (events & POLLIN) != 0 ? fd : ARES_SOCKET_BAD,
                        broken || (events & POLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
    }
    void on_time() { ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD); }
    // Milliseconds until c-ares wants on_time(), or -1: nothing is under way.
    int wait() const {
        timeval next{};
        const timeval* t = ares_timeout(channel_, nullptr, &next);
        if (t == nullptr) return -1;
        // Rounded up: what is early finds nothing to do and comes again.
        return static_cast<int>(std::min<int64_t>(int64_t{t->tv_sec} * 1000 + t->tv_usec / 1000 + 1, INT_MAX));
    }

  private:
    struct Query {
        Channel& channel;
        uint64_t id;
        std::string name;
    };

    static void on_addrinfo(void* arg, int status, int, ares_addrinfo* info) {
        const std::unique_ptr<Query> query(static_cast<Query*>(arg));
        Channel& self = query->channel;
        --self.asked_;
        const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owned(info, ares_freeaddrinfo);
        if (self.closing_) return;
        if (status == ARES_SUCCESS && info != nullptr) {
            DnsAnswer answer = answer_of(*info);
            if (!answer.addresses.empty()) return self.sink_.on_resolved(query->id, std::move(answer));
            status = ARES_ENODATA;
        }
        self.sink_.on_resolved(query->id, fail(Fault::upstream_unresolved, query->name + ": " + ares_strerror(status)));
    }

    static void on_socket(void* arg, ares_socket_t fd, int readable, int writable) {
        auto& sockets = static_cast<Channel*>(arg)->sockets_;
        if (readable == 0 && writable == 0) {
            sockets.erase(fd);
        } else {
            sockets[fd] = static_cast<short>((readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0));
        }
    }

    Sink& sink_;
    ares_channel channel_ = nullptr;
    std::map<int, short> sockets_;  // and the events that c-ares waits for
    size_t asked_ = 0;
    bool closing_ = false;
};

// The loop's thread holds the callbacks, the resolver's thread knows numbers and names: a callback is thus called and
// destroyed where it was made, and an answer whose number is no longer known is dropped.
class AresResolver final : public Resolver, private Channel::Sink {
  public:
    explicit AresResolver(Loop& loop) : loop_(loop) {}
    ~AresResolver() override;
    Result<void> start(const DnsOptions& options);

    void resolve(const std::string& name, Callback callback) override;
    void configure(const DnsOptions& options) override;

  private:
    using Waiting = std::unordered_map<uint64_t, Callback>;
    struct Lookup {
        uint64_t id;
        std::string name;
    };
    // What the loop's thread wants done.
    struct Orders {
        std::vector<Lookup> lookups;
        std::optional<DnsOptions> options;
        bool stop = false;
    };

    void wake();
    void run();
    bool follow_orders();
    void wait();
    Result<void> open();
    // On either thread.
    void on_resolved(uint64_t id, Result<DnsAnswer> answer) override;

    Loop& loop_;
    std::thread thread_;
    int wake_fd_ = -1;

    // The loop's thread's. Shared with the answers on their way, which may outlive the Resolver.
    std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
    uint64_t last_id_ = 0;

    std::mutex orders_mutex_;
    Orders orders_;

    // The resolver's thread's.
    DnsOptions options_;
    std::optional<Stamp> system_file_;                // none: to be read
    std::vector<std::unique_ptr<Channel>> channels_;  // the last is in use, the others owe answers
    std::vector<pollfd> polled_;
};

AresResolver::~AresResolver() {
    // Destroyed last, and no longer to be found: what a callback holds may do as it likes when it goes.
    const Waiting dropped = std::exchange(*waiting_, {});
    if (thread_.joinable()) {
        {
            const std::lock_guard lock(orders_mutex_);
            orders_.stop = true;
        }
        wake();
        thread_.join();
    }
    if (wake_fd_ >= 0) ::close(wake_fd_);
}

Result<void> AresResolver::start(const DnsOptions& options) {
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0) return fail(Fault::io, "eventfd", errno);
    options_ = options;
    if (auto opened = open(); !opened) return opened;
    // Signals belong to the control thread: a new thread inherits the mask.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return {};
}

void AresResolver::resolve(const std::string& name, Callback callback) {
    const uint64_t id = ++last_id_;
    waiting_->emplace(id, std::move(callback));
    // c-ares 1.18 asks its servers for an IPv4 literal, and waits for what they say.
    if (const auto literal = IpAddress::parse(name)) return on_resolved(id, DnsAnswer{{*literal}, {}});
    {
        const std::lock_guard lock(orders_mutex_);
        orders_.lookups.push_back({id, name});
    }
    wake();
}

void AresResolver::configure(const DnsOptions& options) {
    // Lookups that were ordered and not begun go to the new servers too: nobody can tell.
    const std::lock_guard lock(orders_mutex_);
    orders_.options = options;
}

void AresResolver::wake() {
    const uint64_t one = 1;
    // Full means that it is awake.
    [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof one);
}

void AresResolver::run() {
    while (follow_orders()) wait();
    channels_.clear();
}

// @returns false at the end
bool AresResolver::follow_orders() {
    Orders orders;
    {
        const std::lock_guard lock(orders_mutex_);
        std::swap(orders, orders_);
    }
    if (orders.stop) return false;
    if (orders.lookups.empty() && !orders.options) return true;
    if (orders.options) options_ = std::move(*orders.options);
    // Where new servers cannot be had, those of before are better than none; the next lookup tries again.
    if (orders.options || Stamp::of(options_.system_file) != system_file_) {
        if (!open()) system_file_.reset();
    }
    for (const Lookup& l : orders.lookups) channels_.back()->ask(l.id, l.name);
    return true;
}

void AresResolver::wait() {
    const Channel* current = channels_.back().get();
    std::erase_if(channels_, [current](const auto& c) { return c.get() != current && c->idle(); });
    polled_.assign(1, {wake_fd_, POLLIN, 0});
    int wait = -1;
    for (const auto& channel : channels_) {
        for (const auto& [fd, events] : channel->sockets()) polled_.push_back({fd, events, 0});
        const int w = channel->wait();
        if (wait < 0 || (w >= 0 && w < wait)) wait = w;
    }
    if (::poll(polled_.data(), polled_.size(), wait) < 0) return;  // ENOMEM at worst
    if (polled_.front().revents != 0) {
        uint64_t count;
        [[maybe_unused]] const ssize_t n = ::read(wake_fd_, &count, sizeof count);
    }
    for (const auto& channel : channels_) {
        for (const pollfd& p : polled_) {
            // A socket that an earlier one's answer has closed is no longer the channel's.
            if (p.revents != 0 && channel->sockets().contains(p.fd)) channel->on_ready(p.fd, p.revents);
        }
        channel->on_time();
    }
}

Result<void> AresResolver::open() {
    // Looked at before it is read: a change in between is seen the next time.
    const Stamp stamp = Stamp::of(options_.system_file);
    auto channel = std::unique_ptr<Channel>(new Channel(*this));
    if (auto opened = channel->open(options_); !opened) return opened;
    channels_.push_back(std::move(channel));
    system_file_ = stamp;
    return {};
}

void AresResolver::on_resolved(uint64_t id, Result<DnsAnswer> answer) {
    loop_.post([waiting = waiting_, id, answer = std::move(answer)]() mutable {
        const auto found = waiting->find(id);
        if (found == waiting->end()) return;
        // The callback may ask again, or destroy the Resolver.
        const Callback callback = std::move(found->second);
        waiting->erase(found);
        callback(std::move(answer));
    });
}

}  // namespace

Result<std::unique_ptr<Resolver>> Resolver::make(Loop& loop, const DnsOptions& options) {
    if (!library_ready()) return fail(Fault::io, "c-ares cannot be started");
    auto resolver = std::make_unique<AresResolver>(loop);
    if (auto started = resolver->start(options); !started) return fail(std::move(started).error());
    return resolver;
}

}  // namespace portico::io
