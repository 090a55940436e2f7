#include "io/dns.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

namespace portico::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint16_t kA = 1, kCname = 5, kAaaa = 28;

// What a NameServer knows of a name. A name that it does not know is NXDOMAIN.
struct Records {
    std::vector<std::string> a{}, aaaa{};
    uint32_t ttl = 60, ttl_aaaa = 60;
    std::string alias_of{};  // first comes a CNAME to this, and the addresses are its
    uint32_t ttl_alias = 60;
    unsigned drop = 0;  // queries that are not answered, before the others are
    bool silent = false;
};

// A name server on 127.0.0.1, on a thread of its own: UDP, and TCP for answers that do not fit into 512 bytes.
class NameServer {
  public:
    NameServer() {
        // The same port for both: what UDP was given may be taken for TCP.
        for (int i = 0; i < 20 && tcp_ < 0; ++i) open();
        EXPECT_GE(tcp_, 0);
        stop_ = ::eventfd(0, EFD_CLOEXEC);
        thread_ = std::thread([this] { run(); });
    }
    ~NameServer() {
        const uint64_t one = 1;
        EXPECT_EQ(::write(stop_, &one, sizeof one), ssize_t{sizeof one});
        thread_.join();
        for (const int fd : {udp_, tcp_, stop_}) ::close(fd);
    }

    SocketAddress address() const { return address_; }

    void set(const std::string& name, Records records) {
        const std::lock_guard lock(mutex_);
        zone_[name] = std::move(records);
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        zone_.clear();
    }
    // How often `name` was asked for, whatever the type.
    size_t asked(const std::string& name) {
        const std::lock_guard lock(mutex_);
        return asked_[name];
    }
    // @returns false when the name was not asked for so often within five seconds
    bool wait_asked(const std::string& name, size_t times) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, seconds(5), [&] { return asked_[name] >= times; });
    }
    size_t tcp_queries() {
        const std::lock_guard lock(mutex_);
        return tcp_queries_;
    }

  private:
    using Bytes = std::vector<uint8_t>;

    void open() {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof in;
        auto* address = reinterpret_cast<sockaddr*>(&in);
        udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::bind(udp_, address, size) == 0 && ::getsockname(udp_, address, &size) == 0 &&
            ::bind(tcp_, address, size) == 0 && ::listen(tcp_, 16) == 0) {
            address_ = SocketAddress::from(address);
            return;
        }
        ::close(std::exchange(udp_, -1));
        ::close(std::exchange(tcp_, -1));
    }

    void run() {
        for (;;) {
            pollfd fds[] = {{stop_, POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
            ::poll(fds, 3, -1);
            if (fds[0].revents != 0) return;
            if (fds[1].revents != 0) serve_udp();
            if (fds[2].revents != 0) serve_tcp();
        }
    }
    void serve_udp() {
        Bytes query(512);
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        auto* address = reinterpret_cast<sockaddr*>(&peer);
        const ssize_t n = ::recvfrom(udp_, query.data(), query.size(), 0, address, &size);
        if (n < 12) return;
        query.resize(static_cast<size_t>(n));
        if (const auto reply = answer(query, 512)) ::sendto(udp_, reply->data(), reply->size(), 0, address, size);
    }
    // As many queries as the connection brings, until it is closed.
    void serve_tcp() {
        const int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
        uint8_t head[2];
        while (::recv(fd, head, 2, MSG_WAITALL) == 2) {
            Bytes query(static_cast<size_t>(head[0]) << 8 | head[1]);
            if (::recv(fd, query.data(), query.size(), MSG_WAITALL) != static_cast<ssize_t>(query.size())) break;
            {
                const std::lock_guard lock(mutex_);
                ++tcp_queries_;
            }
            auto reply = answer(query, 65535);
            if (!reply) continue;
            const size_t length = reply->size();
            const uint8_t prefix[] = {static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
            reply->insert(reply->begin(), prefix, prefix + 2);
            ::send(fd, reply->data(), reply->size(), MSG_NOSIGNAL);
        }
        ::close(fd);
    }

    static void put16(Bytes& out, size_t v) {
        out.push_back(static_cast<uint8_t>(v >> 8));
        out.push_back(static_cast<uint8_t>(v));
    }
    static void put_name(Bytes& out, const std::string& name) {
        std::istringstream labels(name);
        for (std::string label; std::getline(labels, label, '.');) {
            out.push_back(static_cast<uint8_t>(label.size()));
            out.insert(out.end(), label.begin(), label.end());
        }
        out.push_back(0);
    }
    static void put_record(Bytes& out, const std::string& owner, uint16_t type, uint32_t ttl, const Bytes& data) {
        put_name(out, owner);
        put16(out, type);
        put16(out, 1);
        put16(out, ttl >> 16);
        put16(out, ttl & 0xffff);
        put16(out, data.size());
        out.insert(out.end(), data.begin(), data.end());
    }

    std::optional<Bytes> answer(const Bytes& query, size_t limit) {
        std::string name;
        size_t at = 12;
        while (at < query.size() && query[at] != 0) {
            if (!name.empty()) name += '.';
            name.append(reinterpret_cast<const char*>(&query[at + 1]), query[at]);
            at += query[at] + size_t{1};
        }
        const uint16_t type = static_cast<uint16_t>(query[at + 1] << 8 | query[at + 2]);
        const Bytes question(query.begin() + 12, query.begin() + static_cast<ptrdiff_t>(at) + 5);

        const std::lock_guard lock(mutex_);
        ++asked_[name];
        changed_.notify_all();
        const auto found = zone_.find(name);
        Bytes records;
        size_t count = 0;
        if (found != zone_.end()) {
            Records& r = found->second;
            if (r.silent) return std::nullopt;
            if (r.drop > 0) {
                --r.drop;
                return std::nullopt;
            }
            std::string owner = name;
            if (!r.alias_of.empty()) {
                Bytes target;
                put_name(target, r.alias_of);
                put_record(records, owner, kCname, r.ttl_alias, target);
                owner = r.alias_of;
                ++count;
            }
            for (const std::string& text : type == kA ? r.a : type == kAaaa ? r.aaaa : std::vector<std::string>{}) {
                Bytes data(type == kA ? 4 : 16);
                EXPECT_EQ(::inet_pton(type == kA ? AF_INET : AF_INET6, text.c_str(), data.data()), 1) << text;
                put_record(records, owner, type, type == kA ? r.ttl : r.ttl_aaaa, data);
                ++count;
            }
        }
        const bool fits = 12 + question.size() + records.size() <= limit;
        Bytes out{query[0], query[1]};
        // An answer, recursion desired and available; truncated; no error, or NXDOMAIN.
        put16(out, 0x8180u | (fits ? 0u : 0x0200u) | (found == zone_.end() ? 3u : 0u));
        put16(out, 1);
        put16(out, fits ? count : 0);
        put16(out, 0);
        put16(out, 0);
        out.insert(out.end(), question.begin(), question.end());
        if (fits) out.insert(out.end(), records.begin(), records.end());
        return out;
    }

    int udp_ = -1, tcp_ = -1, stop_ = -1;
    SocketAddress address_;
    std::thread thread_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Records> zone_;
    std::map<std::string, size_t> asked_;
    size_t tcp_queries_ = 0;
};

IpAddress ip(const std::string& text) {
    return IpAddress::parse(text).value();
}

class Dns : public testing::Test {
  protected:
    Dns() { make(options()); }

    // Nothing of this machine but its /etc/hosts. The time-out is one that a busy machine does not reach; tests that
    // wait for it take a shorter one.
    DnsOptions options(Duration timeout = seconds(2)) const {
        DnsOptions o;
        o.servers = {server_.address()};
        o.timeout = timeout;
        o.system_file = "/nonexistent/resolv.conf";
        return o;
    }
    void make(const DnsOptions& o) {
        auto made = Resolver::make(*loop_, o);
        ASSERT_TRUE(made) << made.error().context;
        resolver_ = std::move(*made);
    }
    // Turns the loop until `done`. @returns false when it is not within ten seconds
    template <class Done>
    bool turn_until(Done done) {
        const Time end = clock_.now() + seconds(10);
        while (!done()) {
            if (clock_.now() > end) return false;
            loop_->turn(milliseconds(5));
        }
        return true;
    }
    Result<DnsAnswer> resolve(const std::string& name) {
        std::optional<Result<DnsAnswer>> answer;
        resolver_->resolve(name, [&](Result<DnsAnswer> a) { answer = std::move(a); });
        EXPECT_FALSE(answer) << "called from inside resolve()";
        if (!turn_until([&] { return answer.has_value(); })) {
            ADD_FAILURE() << "no answer for " << name;
            resolver_.reset();
            return fail(Fault::internal, "no answer");
        }
        return *answer;
    }
    void expect_unresolved(const std::string& name, const std::string& why) {
        const auto answer = resolve(name);
        ASSERT_FALSE(answer) << name;
        EXPECT_EQ(answer.error().fault, Fault::upstream_unresolved);
        EXPECT_THAT(answer.error().context, testing::StartsWith(name + ": "));
        EXPECT_THAT(answer.error().context, HasSubstr(why));
    }

    SystemClock clock_;
    NameServer server_;
    std::unique_ptr<Loop> loop_ = Loop::make(BackendChoice::epoll, clock_).value();
    std::unique_ptr<Resolver> resolver_;
};

TEST_F(Dns, an_address_comes_with_its_time_to_live) {
    server_.set("one.test", {.a = {"192.0.2.1"}, .ttl = 37});
    const auto answer = resolve("one.test");
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_THAT(answer->addresses, ElementsAre(ip("192.0.2.1")));
    EXPECT_EQ(answer->ttl, seconds(37));
}

TEST_F(Dns, an_ipv6_address_alone_is_enough) {
    server_.set("six.test", {.aaaa = {"2001:db8::1"}, .ttl_aaaa = 11});
    const auto answer = resolve("six.test");
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_THAT(answer->addresses, ElementsAre(ip("2001:db8::1")));
    EXPECT_EQ(answer->ttl, seconds(11));
}

TEST_F(Dns, both_families_come_sorted_and_once_with_the_smallest_time_to_live) {
    server_.set("both.test", {.a = {"192.0.2.9", "10.0.0.1", "192.0.2.9"},
                              .aaaa = {"2001:db8::2", "::1", "2001:db8::2"},
                              .ttl = 300,
                              .ttl_aaaa = 20});
    const auto answer = resolve("both.test");
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_THAT(answer->addresses, ElementsAre(ip("10.0.0.1"), ip("192.0.2.9"), ip("::1"), ip("2001:db8::2")));
    EXPECT_EQ(answer->ttl, seconds(20));
}

TEST_F(Dns, an_alias_lives_no_longer_than_its_own_record) {
    server_.set("alias.test", {.a = {"192.0.2.1"}, .ttl = 300, .alias_of = "real.test", .ttl_alias = 5});
    const auto answer = resolve("alias.test");
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_THAT(answer->addresses, ElementsAre(ip("192.0.2.1")));
    EXPECT_EQ(answer->ttl, seconds(5));
}

TEST_F(Dns, a_time_to_live_of_zero_and_one_out_of_range_are_zero) {
    for (const uint32_t ttl : {0u, 0x80000001u}) {
        server_.set("zero.test", {.a = {"192.0.2.1"}, .ttl = ttl});
        const auto answer = resolve("zero.test");
        ASSERT_TRUE(answer) << answer.error().context;
        EXPECT_EQ(answer->ttl, seconds(0)) << ttl;
    }
}

TEST_F(Dns, an_answer_in_another_order_compares_equal) {
    server_.set("pool.test", {.a = {"192.0.2.1", "192.0.2.2", "192.0.2.3"}});
    const auto first = resolve("pool.test");
    server_.set("pool.test", {.a = {"192.0.2.3", "192.0.2.1", "192.0.2.2"}});
    const auto second = resolve("pool.test");
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->addresses, second->addresses);
}

TEST_F(Dns, nothing_is_remembered) {
    server_.set("moves.test", {.a = {"192.0.2.1"}, .ttl = 3600});
    ASSERT_TRUE(resolve("moves.test"));
    server_.set("moves.test", {.a = {"192.0.2.2"}, .ttl = 3600});
    const auto moved = resolve("moves.test");
    ASSERT_TRUE(moved) << moved.error().context;
    EXPECT_THAT(moved->addresses, ElementsAre(ip("192.0.2.2")));
    server_.clear();
    expect_unresolved("moves.test", "not found");
    EXPECT_EQ(server_.asked("moves.test"), 6u) << "A and AAAA, three times";
}

TEST_F(Dns, an_unknown_name_is_an_error) {
    expect_unresolved("nowhere.test", "Domain name not found");
}

TEST_F(Dns, a_name_without_addresses_is_an_error) {
    server_.set("empty.test", {});
    expect_unresolved("empty.test", "no data");
}

TEST_F(Dns, what_is_no_name_is_an_error) {
    expect_unresolved("two..dots.test", "");
    expect_unresolved(std::string(64, 'x') + ".test", "");
}

TEST_F(Dns, a_silent_server_is_a_time_out) {
    server_.set("silent.test", {.silent = true});
    make(options(milliseconds(40)));
    const Time start = clock_.now();
    expect_unresolved("silent.test", "Timeout");
    const Duration took = clock_.now() - start;
    EXPECT_GE(took, milliseconds(110));
    // Three times the 40 ms that it may take, and what a busy machine adds.
    EXPECT_LE(took, milliseconds(1000));
    EXPECT_TRUE(server_.wait_asked("silent.test", 4)) << "A and AAAA, two tries";
}

TEST_F(Dns, a_query_that_was_lost_is_asked_again) {
    server_.set("lossy.test", {.a = {"192.0.2.1"}, .drop = 2});
    make(options(milliseconds(100)));
    const auto answer = resolve("lossy.test");
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_THAT(answer->addresses, ElementsAre(ip("192.0.2.1")));
}

TEST_F(Dns, the_second_server_is_asked_when_the_first_is_silent) {
    NameServer deaf;
    deaf.set("backup.test", {.silent = true});
    server_.set("backup.test", {.a = {"192.0.2.1"}});
    DnsOptions o = options(milliseconds(100));
    o.servers = {deaf.address(), server_.address()};
    make(o);
    const auto answer = resolve("backup.test");
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_THAT(answer->addresses, ElementsAre(ip("192.0.2.1")));
    EXPECT_GT(deaf.asked("backup.test"), 0u);
}

TEST_F(Dns, a_port_where_nobody_listens_is_an_error) {
    DnsOptions o = options();
    {
        const NameServer gone;
        o.servers = {gone.address()};
    }
    make(o);
    expect_unresolved("any.test", "");
}

TEST_F(Dns, an_answer_too_large_for_a_datagram_comes_over_tcp) {
    Records many;
    std::vector<IpAddress> expected;
    for (uint32_t i = 1; i <= 100; ++i) {
        many.a.push_back("192.0.2." + std::to_string(i));
        expected.push_back(ip(many.a.back()));
    }
    server_.set("large.test", many);
    const auto answer = resolve("large.test");
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_EQ(answer->addresses, expected);
    EXPECT_GT(server_.tcp_queries(), 0u);
}

TEST_F(Dns, many_lookups_at_once_are_each_answered_once) {
    constexpr size_t kNames = 100;
    for (size_t i = 0; i < kNames; i += 2) {
        server_.set("n" + std::to_string(i) + ".test", {.a = {"10.0.0." + std::to_string(i)}});
    }
    std::vector<unsigned> called(kNames);
    size_t answered = 0;
    for (size_t i = 0; i < kNames; ++i) {
        resolver_->resolve("n" + std::to_string(i) + ".test", [&, i](Result<DnsAnswer> answer) {
            ++called[i];
            ++answered;
            ASSERT_EQ(answer.has_value(), i % 2 == 0) << i;
            if (answer) EXPECT_THAT(answer->addresses, ElementsAre(ip("10.0.0." + std::to_string(i))));
        });
    }
    ASSERT_TRUE(turn_until([&] { return answered == kNames; }));
    loop_->turn(milliseconds(5));
    EXPECT_THAT(called, testing::Each(1u));
}

TEST_F(Dns, a_slow_name_does_not_hold_up_another) {
    server_.set("silent.test", {.silent = true});
    server_.set("quick.test", {.a = {"192.0.2.1"}});
    make(options(milliseconds(100)));
    std::vector<std::string> order;
    resolver_->resolve("silent.test", [&](const Result<DnsAnswer>&) { order.emplace_back("silent"); });
    resolver_->resolve("quick.test", [&](const Result<DnsAnswer>&) { order.emplace_back("quick"); });
    ASSERT_TRUE(turn_until([&] { return order.size() == 2; }));
    EXPECT_THAT(order, ElementsAre("quick", "silent"));
}

TEST_F(Dns, a_callback_may_ask_again) {
    server_.set("one.test", {.a = {"192.0.2.1"}});
    unsigned rounds = 0;
    std::function<void(Result<DnsAnswer>)> again = [&](const Result<DnsAnswer>& answer) {
        EXPECT_TRUE(answer);
        if (++rounds < 5) resolver_->resolve("one.test", again);
    };
    resolver_->resolve("one.test", again);
    EXPECT_TRUE(turn_until([&] { return rounds == 5; }));
}

TEST_F(Dns, callbacks_run_on_the_loops_thread) {
    server_.set("one.test", {.a = {"192.0.2.1"}});
    std::optional<std::thread::id> where;
    resolver_->resolve("one.test", [&](const Result<DnsAnswer>&) { where = std::this_thread::get_id(); });
    ASSERT_TRUE(turn_until([&] { return where.has_value(); }));
    EXPECT_EQ(*where, std::this_thread::get_id());
}

TEST_F(Dns, an_answer_wakes_a_loop_of_either_backend) {
    server_.set("one.test", {.a = {"192.0.2.1"}});
    for (const BackendChoice choice : {BackendChoice::epoll, BackendChoice::uring}) {
        auto loop = Loop::make(choice, clock_);
        if (!loop) continue;  // no io_uring on this machine
        resolver_.reset();
        loop_ = std::move(*loop);
        make(options());
        bool called = false;
        resolver_->resolve("one.test", [&](const Result<DnsAnswer>& answer) {
            EXPECT_TRUE(answer);
            called = true;
        });
        const Time start = clock_.now();
        while (!called && clock_.now() - start < seconds(5)) loop_->turn(seconds(10));
        EXPECT_TRUE(called) << loop_->backend().name();
        EXPECT_LT(clock_.now() - start, seconds(5)) << loop_->backend().name();
    }
}

// Tells whether it was called, and whether and where its captures were destroyed.
struct Probe {
    bool called = false;
    std::optional<std::thread::id> destroyed;

    Resolver::Callback callback() {
        const std::shared_ptr<void> end(
            this, [](void* p) { static_cast<Probe*>(p)->destroyed = std::this_thread::get_id(); });
        return [this, end](const Result<DnsAnswer>&) { called = true; };
    }
};

TEST_F(Dns, destruction_cancels_what_is_in_flight) {
    server_.set("silent.test", {.silent = true});
    make(options(seconds(60)));
    Probe probe;
    resolver_->resolve("silent.test", probe.callback());
    ASSERT_TRUE(server_.wait_asked("silent.test", 2));
    const Time start = clock_.now();
    resolver_.reset();
    EXPECT_LT(clock_.now() - start, seconds(5));
    EXPECT_EQ(probe.destroyed, std::this_thread::get_id());
    for (int i = 0; i < 5; ++i) loop_->turn(milliseconds(2));
    EXPECT_FALSE(probe.called);
}

TEST_F(Dns, destruction_cancels_what_has_not_been_sent) {
    Probe probe;
    resolver_->resolve("one.test", probe.callback());
    resolver_.reset();
    EXPECT_EQ(probe.destroyed, std::this_thread::get_id());
    loop_->turn(milliseconds(2));
    EXPECT_FALSE(probe.called);
}

TEST_F(Dns, destruction_cancels_what_is_answered_and_not_yet_delivered) {
    server_.set("one.test", {.a = {"192.0.2.1"}});
    Probe probe;
    resolver_->resolve("one.test", probe.callback());
    ASSERT_TRUE(server_.wait_asked("one.test", 2));
    // Long enough for the answer to be posted, most of the time; it must hold either way.
    std::this_thread::sleep_for(milliseconds(20));
    EXPECT_FALSE(probe.called);
    resolver_.reset();
    EXPECT_TRUE(probe.destroyed);
    for (int i = 0; i < 5; ++i) loop_->turn(milliseconds(2));
    EXPECT_FALSE(probe.called);
}

TEST_F(Dns, the_loop_may_go_with_an_undelivered_answer) {
    server_.set("one.test", {.a = {"192.0.2.1"}});
    Probe probe;
    resolver_->resolve("one.test", probe.callback());
    ASSERT_TRUE(server_.wait_asked("one.test", 2));
    std::this_thread::sleep_for(milliseconds(10));
    resolver_.reset();
    loop_.reset();
    EXPECT_FALSE(probe.called);
}

TEST_F(Dns, a_callback_may_destroy_the_resolver) {
    server_.set("one.test", {.a = {"192.0.2.1"}});
    server_.set("silent.test", {.silent = true});
    Probe other;
    bool called = false;
    resolver_->resolve("silent.test", other.callback());
    resolver_->resolve("one.test", [&](const Result<DnsAnswer>&) {
        resolver_.reset();
        called = true;
    });
    ASSERT_TRUE(turn_until([&] { return called; }));
    loop_->turn(milliseconds(2));
    EXPECT_FALSE(other.called);
    EXPECT_TRUE(other.destroyed);
}

TEST_F(Dns, making_and_destroying_many_leaves_nothing_behind) {
    const auto open_fds = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                             std::filesystem::directory_iterator());
    };
    resolver_.reset();
    const auto before = open_fds();
    server_.set("silent.test", {.silent = true});
    for (int i = 0; i < 50; ++i) {
        make(options());
        resolver_->resolve("silent.test", [](const Result<DnsAnswer>&) { ADD_FAILURE(); });
        if (i % 5 == 0) ASSERT_TRUE(server_.wait_asked("silent.test", server_.asked("silent.test") + 1));
        resolver_.reset();
    }
    EXPECT_EQ(open_fds(), before);
}

TEST_F(Dns, literals_are_their_own_answer) {
    const std::pair<std::string, std::string> cases[] = {{"192.0.2.7", "192.0.2.7"},
                                                         {"::1", "::1"},
                                                         {"2001:db8:0::1", "2001:db8::1"},
                                                         {"::ffff:192.0.2.7", "192.0.2.7"}};
    for (const auto& [text, address] : cases) {
        const auto answer = resolve(text);
        ASSERT_TRUE(answer) << text << ": " << answer.error().context;
        EXPECT_THAT(answer->addresses, ElementsAre(ip(address))) << text;
        EXPECT_EQ(answer->ttl, Duration::zero());
        EXPECT_EQ(server_.asked(text), 0u) << text;
    }
}

// This machine's /etc/hosts.
std::map<std::string, std::set<IpAddress>> hosts_file() {
    std::map<std::string, std::set<IpAddress>> hosts;
    std::ifstream file("/etc/hosts");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string address, name;
        words >> address;
        const auto parsed = IpAddress::parse(address);
        while (parsed && words >> name) hosts[name].insert(*parsed);
    }
    return hosts;
}

TEST_F(Dns, localhost_is_known_without_a_server) {
    const auto answer = resolve("localhost");
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_EQ(answer->ttl, Duration::zero());
    for (const IpAddress& a : answer->addresses)
        EXPECT_TRUE(a == ip("::1") || a.text().starts_with("127.")) << a.text();
    const auto hosts = hosts_file();
    if (const auto listed = hosts.find("localhost"); listed != hosts.end()) {
        EXPECT_EQ(std::set(answer->addresses.begin(), answer->addresses.end()), listed->second);
    }
    EXPECT_EQ(server_.asked("localhost"), 0u);
}

TEST_F(Dns, every_name_of_the_hosts_file_is_known_without_a_server) {
    for (const auto& [name, addresses] : hosts_file()) {
        const auto answer = resolve(name);
        ASSERT_TRUE(answer) << name << ": " << answer.error().context;
        EXPECT_EQ(std::set(answer->addresses.begin(), answer->addresses.end()), addresses) << name;
        EXPECT_EQ(answer->ttl, Duration::zero());
        EXPECT_EQ(server_.asked(name), 0u) << name;
    }
}

TEST_F(Dns, new_servers_serve_the_lookups_that_follow_and_old_ones_finish_theirs) {
    NameServer other;
    other.set("one.test", {.a = {"192.0.2.2"}});
    server_.set("one.test", {.a = {"192.0.2.1"}, .drop = 2});  // answers the second try
    make(options(milliseconds(100)));
    std::optional<Result<DnsAnswer>> old;
    resolver_->resolve("one.test", [&](Result<DnsAnswer> a) { old = std::move(a); });
    ASSERT_TRUE(server_.wait_asked("one.test", 2));
    DnsOptions o = options();
    o.servers = {other.address()};
    resolver_->configure(o);
    const auto fresh = resolve("one.test");
    ASSERT_TRUE(fresh) << fresh.error().context;
    EXPECT_THAT(fresh->addresses, ElementsAre(ip("192.0.2.2")));
    ASSERT_TRUE(turn_until([&] { return old.has_value(); }));
    ASSERT_TRUE(*old) << old->error().context;
    EXPECT_THAT((*old)->addresses, ElementsAre(ip("192.0.2.1")));
}

TEST_F(Dns, the_systems_file_is_read_again_when_it_changes) {
    const std::string path = testing::TempDir() + "portico-resolv." + std::to_string(::getpid());
    const auto write = [&](const std::string& text) {
        std::ofstream(path + ".new") << text;
        std::filesystem::rename(path + ".new", path);
    };
    server_.set("db.first.test", {.a = {"192.0.2.1"}});
    server_.set("db.second.test", {.a = {"192.0.2.2"}});
    write("search first.test\n");
    DnsOptions o = options();
    o.system_file = path;
    make(o);
    const auto first = resolve("db");
    write("search second.test\n");
    const auto second = resolve("db");
    std::filesystem::remove(path);
    ASSERT_TRUE(first) << first.error().context;
    EXPECT_THAT(first->addresses, ElementsAre(ip("192.0.2.1")));
    ASSERT_TRUE(second) << second.error().context;
    EXPECT_THAT(second->addresses, ElementsAre(ip("192.0.2.2")));
}

}  // namespace
}  // namespace portico::io
