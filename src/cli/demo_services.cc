#include "cli/demo_services.h"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <future>
#include <thread>

#include "edge/connection.h"
#include "gateway/reply.h"
#include "gateway/snapshot.h"
#include "http/uri.h"
#include "io/accepting.h"
#include "io/socket.h"
#include "base/text.h"
#include "json/writer.h"

namespace portico::cli {
namespace {

using gateway::Exchange;

constexpr Duration kThinking = std::chrono::milliseconds(10);

// "…/users/7" gives 7.
uint64_t last_number(std::string_view path) {
    const size_t slash = path.rfind('/');
    return parse_decimal<uint64_t>(path.substr(slash + 1)).value_or(0);
}

std::string user(uint64_t id) {
    std::string out;
    json::Writer w(out);
    w.begin_object().key("id").value(id).key("name").value("Ada Byron").key("email").value("ada@example.com");
    w.key("avatarUrl").value("https://example.com/avatars/" + std::to_string(id) + ".png").key("plan").value("gold").end_object();
    return out;
}

std::string legacy_user(uint64_t id) {
    std::string out;
    json::Writer w(out);
    w.begin_object().key("userId").value(id).key("emailAddress").value("ada@example.com").key("firstName").value("Ada");
    w.key("lastName").value("Byron").key("createdDate").value("2015-12-10").end_object();
    return out;
}

// Money as a decimal with two places, which no double is asked to keep.
std::string price(uint64_t cents) { return fmt::format("{}.{:02}", cents / 100, cents % 100); }
uint64_t price_of(uint64_t product) { return 450 + product * 125; }

std::string orders(uint64_t owner, uint64_t limit) {
    constexpr uint64_t kOrders = 7;
    std::string out;
    json::Writer w(out);
    w.begin_object().key("orders").begin_array();
    for (uint64_t i = 1; i <= std::min(kOrders, limit); ++i) {
        uint64_t total = 0;
        w.begin_object().key("id").value(100 * owner + i).key("user").value(owner).key("items").begin_array();
        for (uint64_t k = 0; k < 3; ++k) {
            const uint64_t product = (i * 3 + k * k) % 8 + 1;
            total += price_of(product) * (k + 1);
            w.begin_object().key("productId").value(product).key("quantity").value(k + 1).end_object();
        }
        w.end_array().key("total").raw(price(total)).key("status").value(i == 1 ? "shipped" : "delivered").end_object();
    }
    w.end_array().end_object();
    return out;
}

std::string product(uint64_t id) {
    constexpr std::string_view kNames[] = {"Lamp", "Chair", "Kettle", "Clock", "Vase", "Desk", "Rug", "Shelf"};
    std::string out;
    json::Writer w(out);
    w.begin_object().key("id").value(id).key("name").value(kNames[id % std::size(kNames)]).key("price").raw(price(price_of(id)));
    w.key("warehouse").value("internal-7").end_object();
    return out;
}

// What arrived, as JSON: the way to see what the gateway adds and takes away.
std::string echo(const Exchange& x, std::string_view service, uint64_t body) {
    std::string out;
    json::Writer w(out);
    w.begin_object().key("service").value(service).key("method").value(x.request.method_text).key("target").value(x.request.target);
    w.key("headers").begin_object();
    for (const http::Field& f : x.request.fields) w.key(f.name).value(f.value);
    w.end_object().key("body_bytes").value(body).end_object();
    return out;
}

class DemoService final : public gateway::Handler {
  public:
    explicit DemoService(std::string_view name) : name_(name) {}

    io::Task<void> handle(Exchange& x) override {
        uint64_t body = 0;
        io::Buffer part;
        while (!x.client->body_finished()) {
            const io::IoResult got = co_await x.client->read_body(part);
            if (got.value <= 0) break;
            body += part.size();
            part.clear();
        }
        const std::string_view target = x.request.target;
        const std::string_view path = target.substr(0, target.find('?'));
        x.response.clear();
        x.response.status = 200;
        std::string text;
        if (name_ == "users" && path.starts_with("/users/")) text = user(last_number(path));
        else if (name_ == "legacy-users" && path.starts_with("/users/")) text = legacy_user(last_number(path));
        else if (name_ == "orders" && path.starts_with("/orders") && x.request.method == http::Method::post) text = created(x, body);
        else if (name_ == "orders" && path.starts_with("/users/") && path.ends_with("/recent")) text = orders(last_number(path.substr(0, path.size() - 7)), number_in(target, "limit", 5));
        else if (name_ == "orders" && path.starts_with("/orders")) text = orders(number_in(target, "user", 1), 3);
        else if (name_ == "products" && path.starts_with("/products/")) text = product(last_number(path));
        else text = echo(x, name_, body);
        x.response.fields.add("Content-Type", "application/json");
        x.response_begun = true;
        text += '\n';
        // As long as a real service takes, so that what runs side by side can be told from what waits.
        co_await x.context.loop.sleep(kThinking);
        co_await gateway::reply_body(x, text);
    }
    io::Task<void> refuse(Exchange& x, Error error) override { return gateway::reply_error(x, std::move(error)); }
    void complete(Exchange&) override {}

  private:
    // The number that a parameter of the query gives.
    static uint64_t number_in(std::string_view target, std::string_view parameter, uint64_t otherwise) {
        uint64_t number = otherwise;
        const size_t mark = target.find('?');
        if (mark == std::string_view::npos) return number;
        http::for_each_pair(target.substr(mark + 1), [&](std::string_view name, std::string_view value, std::string_view) {
            if (name == parameter) number = parse_decimal<uint64_t>(value).value_or(otherwise);
        });
        return number;
    }
    static std::string created(Exchange& x, uint64_t body) {
        x.response.status = 201;
        std::string out;
        json::Writer(out).begin_object().key("created").value(true).key("bytes").value(body).end_object();
        return out;
    }

    std::string_view name_;
};

class Listening final : public io::Accepting::Sink {
  public:
    Listening(gateway::Context& context, std::string_view name, int fd)
        : service_(name), connections_(context, service_), accepting_(context.loop, fd, *this) {}

  private:
    void on_accept(std::unique_ptr<io::Stream> stream) override { connections_.admit(std::move(stream), entrance_); }
    void on_nothing_left(int) override { connections_.evict_one(); }

    edge::ServerSettings settings_;
    const boost::intrusive_ptr<edge::Entrance> entrance_{new edge::Entrance(settings_)};
    DemoService service_;
    edge::ConnectionSet connections_;
    io::Accepting accepting_;
};

}  // namespace

struct DemoServices::Thread {
    SystemClock clock;
    observe::Registry registry;
    io::Loop* loop = nullptr;
    std::promise<void> last_word;  // nobody touches the loop any more: it may go
    std::thread thread;
};

Result<std::unique_ptr<DemoServices>> DemoServices::start() {
    std::unique_ptr<DemoServices> services(new DemoServices());
    std::array<int, 4> fds{};
    const std::array names = {&services->users_, &services->orders_, &services->products_, &services->legacy_users_};
    for (size_t i = 0; i < fds.size(); ++i) {
        auto fd = io::new_listener(*SocketAddress::parse("127.0.0.1:0"), false, 128);
        if (!fd) return fail(std::move(fd).error());
        fds[i] = *fd;
        *names[i] = io::local_address(*fd).text();
    }
    services->thread_ = std::make_unique<Thread>();
    Thread& t = *services->thread_;
    std::promise<bool> started;
    auto ready = started.get_future();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    t.thread = std::thread([&t, &started, fds] {
        auto loop = io::Loop::make(io::BackendChoice::epoll, t.clock);
        if (!loop) {
            started.set_value(false);
            return;
        }
        t.loop = loop->get();
        gateway::Context context(**loop, t.registry, 7);
        auto epoch = std::make_shared<gateway::Epoch>();
        epoch->snapshot = std::make_shared<gateway::Snapshot>();
        epoch->route_cells.resize(1);
        context.epoch = std::move(epoch);
        {
            Listening users(context, "users", fds[0]), orders(context, "orders", fds[1]), products(context, "products", fds[2]), legacy(context, "legacy-users", fds[3]);
            started.set_value(true);
            (*loop)->run();
        }
        t.last_word.get_future().wait();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!ready.get()) {
        t.thread.join();
        return fail(Fault::io, "no event loop");
    }
    return services;
}

DemoServices::~DemoServices() {
    if (thread_ == nullptr || !thread_->thread.joinable()) return;
    thread_->loop->stop();
    thread_->last_word.set_value();
    thread_->thread.join();
}

}  // namespace portico::cli
