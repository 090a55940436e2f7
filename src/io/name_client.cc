#include "io/name_client.h"

namespace portico::io {

// Shared with the answer, which may come when nobody waits any more.
struct NameClient::Lookup {
    std::coroutine_handle<> waiter;
    std::optional<Result<DnsAnswer>> answer;
};

class NameClient::Answer final : private Timer {
  public:
    Answer(Loop& loop, std::shared_ptr<Lookup> lookup, Time deadline) : loop_(loop), lookup_(std::move(lookup)), deadline_(deadline) {}
    ~Answer() override { lookup_->waiter = nullptr; }
    bool await_ready() const { return lookup_->answer.has_value(); }
    void await_suspend(std::coroutine_handle<> h) {
        lookup_->waiter = h;
        set(loop_.timers(), deadline_);
    }
    void await_resume() const {}

  private:
    void on_timer() override { std::exchange(lookup_->waiter, nullptr).resume(); }
    Loop& loop_;
    std::shared_ptr<Lookup> lookup_;
    Time deadline_;
};

Task<Result<std::vector<IpAddress>>> NameClient::resolve(std::string host, Time deadline) {
    if (const auto literal = IpAddress::parse(host)) co_return std::vector{*literal};
    auto lookup = std::make_shared<Lookup>();
    ask_(host, [lookup](Result<DnsAnswer> answer) {
        lookup->answer = std::move(answer);
        if (lookup->waiter) std::exchange(lookup->waiter, nullptr).resume();
    });
    co_await Answer(loop_, lookup, deadline);
    if (!lookup->answer) co_return fail(Fault::upstream_unresolved, host + ": no answer in time");
    if (!*lookup->answer) co_return fail(std::move(*lookup->answer).error());
    co_return std::move((*lookup->answer)->addresses);
}

}  // namespace portico::io
