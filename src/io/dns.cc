#include "io/dns.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace portico::io {
namespace {

// c-ares has one library state a process.
bool library_ready() {
    static const bool ready = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    return ready;
}

// c-ares on the loop: its sockets are watched, its time-outs are a timer. A channel that was replaced (new servers) lives until
// its queries are answered.
class AresResolver final : public Resolver {
  public:
    explicit AresResolver(Loop& loop) : loop_(loop) {}
    ~AresResolver() override;
    Result<void> open(const DnsOptions& options);

    void resolve(const std::string& name, Callback callback) override;
    void configure(const DnsOptions& options) override;

  private:
    class Channel;
    Loop& loop_;
    std::shared_ptr<Channel> channel_;
    std::vector<std::weak_ptr<Channel>> replaced_;
};

class AresResolver::Channel final : public std::enable_shared_from_this<Channel>,
                                    private FdWatch::Sink,
                                    private Timer,
                                    private Deferred {
  public:
    explicit Channel(Loop& loop) : loop_(loop) {}
    ~Channel() override {
        closing_ = true;
        if (channel_ != nullptr) ares_destroy(channel_);
    }

    // Drops every query: no callback runs any more.
    void shut() {
        const auto keep = shared_from_this();
        closing_ = true;
        done_.clear();
        ares_cancel(channel_);
        watches_.clear();
    }

    Result<void> open(const DnsOptions& options) {
        ares_options o{};
        o.timeout = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
        o.tries = 2;
        o.sock_state_cb = on_state;
        o.sock_state_cb_data = this;
        int status = ares_init_options(&channel_, &o, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
        if (status == ARES_SUCCESS && !options.servers.empty()) {
            std::string list;
            for (const SocketAddress& s : options.servers) list += (list.empty() ? "" : ",") + s.text();
            status = ares_set_servers_ports_csv(channel_, list.c_str());
        }
        if (status != ARES_SUCCESS) return fail(Fault::io, ares_strerror(status));
        return {};
    }

    void resolve(const std::string& name, Callback callback) {
        auto* query = new Query{shared_from_this(), std::move(callback), name};
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        // IPv4 literals in odd spellings are not names; sorting by reachability would open sockets for nothing.
        hints.ai_flags = ARES_AI_NOSORT;
        ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, on_addrinfo, query);
        arm();
    }

  private:
    struct Query {
        std::shared_ptr<Channel> channel;
        Callback callback;
        std::string name;
    };
    struct Done {
        std::shared_ptr<Channel> channel;
        Callback callback;
        Result<DnsAnswer> answer;
    };

    static DnsAnswer answer_of(const ares_addrinfo& info) {
        DnsAnswer answer;
        int ttl = INT32_MAX;
        for (const ares_addrinfo_node* n = info.nodes; n != nullptr; n = n->ai_next) {
            const SocketAddress a = SocketAddress::from(n->ai_addr);
            answer.addresses.push_back(a.ip);
            ttl = std::min(ttl, n->ai_ttl);
        }
        std::ranges::sort(answer.addresses, [](const IpAddress& a, const IpAddress& b) {
            if (a.is_v4() != b.is_v4()) return a.is_v4();
            return a < b;
        });
        answer.addresses.erase(std::unique(answer.addresses.begin(), answer.addresses.end()), answer.addresses.end());
        answer.ttl = std::chrono::seconds(ttl == INT32_MAX ? 0 : std::max(ttl, 0));
        return answer;
    }

    static void on_addrinfo(void* arg, int status, int, ares_addrinfo* info) {
        std::unique_ptr<Query> query(static_cast<Query*>(arg));
        Channel& self = *query->channel;
        Result<DnsAnswer> answer = fail(Fault::upstream_unresolved, query->name + ": " + ares_strerror(status));
        if (status == ARES_SUCCESS && info != nullptr) {
            answer = answer_of(*info);
            if (answer->addresses.empty()) answer = fail(Fault::upstream_unresolved, query->name + ": no addresses");
        }
        if (info != nullptr) ares_freeaddrinfo(info);
        if (self.closing_ || status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
        // Never from inside resolve(), nor from inside c-ares.
        self.done_.push_back({query->channel, std::move(query->callback), std::move(answer)});
        self.loop_.defer(self);
    }

    static void on_state(void* arg, ares_socket_t fd, int readable, int writable) {
        Channel& self = *static_cast<Channel*>(arg);
        self.watches_.erase(fd);
        if (self.closing_ || (readable == 0 && writable == 0)) return;
        self.watches_[fd] = self.loop_.backend().watch(fd, readable != 0, writable != 0, self);
    }

    void on_fd_ready(int fd, bool readable, bool writable) override {
        const auto keep = shared_from_this();
        ares_process_fd(channel_, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
        arm();
    }
    void on_timer() override {
        const auto keep = shared_from_this();
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        arm();
    }
    void on_deferred() override {
        std::vector<Done> run;
        run.swap(done_);
        for (Done& d : run) d.callback(std::move(d.answer));
    }
    // c-ares must be called again at its next time-out.
    void arm() {
        timeval most{3600, 0}, next{};
        const timeval* t = ares_timeout(channel_, &most, &next);
        if (t == nullptr || watches_.empty()) return cancel();
        set(loop_.timers(), loop_.now() + std::chrono::seconds(t->tv_sec) + std::chrono::microseconds(t->tv_usec) + TimerWheel::kTick);
    }

    Loop& loop_;
    ares_channel channel_ = nullptr;
    std::map<int, std::unique_ptr<FdWatch>> watches_;
    std::vector<Done> done_;
    bool closing_ = false;
};

Result<void> AresResolver::open(const DnsOptions& options) {
    auto channel = std::make_shared<Channel>(loop_);
    if (auto opened = channel->open(options); !opened) return opened;
    std::erase_if(replaced_, [](const std::weak_ptr<Channel>& c) { return c.expired(); });
    if (channel_ != nullptr) replaced_.push_back(channel_);
    channel_ = std::move(channel);
    return {};
}

AresResolver::~AresResolver() {
    for (const auto& old : replaced_) {
        if (const auto channel = old.lock()) channel->shut();
    }
    if (channel_ != nullptr) channel_->shut();
}

void AresResolver::resolve(const std::string& name, Callback callback) { channel_->resolve(name, std::move(callback)); }

void AresResolver::configure(const DnsOptions& options) {
    // Where that cannot be had, the servers of before are better than none.
    (void)open(options);
}

}  // namespace

Result<std::unique_ptr<Resolver>> Resolver::make(Loop& loop, const DnsOptions& options) {
    if (!library_ready()) return fail(Fault::io, "c-ares cannot be started");
    auto resolver = std::make_unique<AresResolver>(loop);
    if (auto opened = resolver->open(options); !opened) return fail(std::move(opened).error());
    return resolver;
}

}  // namespace portico::io
