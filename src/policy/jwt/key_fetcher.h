// Fetches an issuer's keys for the process, where this worker is the one to do it, and lets requests wait for a fetch. One
// worker's, for one source of one policy. Once its worker runs another snapshot it fetches only for requests that still wait: the
// new snapshot's fetcher keeps the keys fresh, if it has the source still.
#pragma once

#include <memory>
#include <string>

#include "gateway/context.h"
#include "gateway/fetch.h"
#include "gateway/policy.h"
#include "policy/jwt/key_texts.h"
#include "policy/jwt/remote_keys.h"

namespace portico::policy::jwt {

class KeyFetcher final : private io::Timer, private io::Root::Owner {
  public:
    // All of them outlive the fetcher; `epoch` owns it.
    KeyFetcher(gateway::Context& context, gateway::Epoch& epoch, const RemoteKeySettings& settings, std::shared_ptr<RemoteKeys> keys);
    ~KeyFetcher() override;
    KeyFetcher(const KeyFetcher&) = delete;
    KeyFetcher& operator=(const KeyFetcher&) = delete;

    // A token names a key that is not known: begins a fetch where one is allowed.
    // @returns true where one is under way now, here or on another worker
    bool look_for(std::string_view key_id);
    // The same for a token that the key of its name has not signed.
    bool look_again();
    // The same for the fetch that is due, such as the first one.
    bool fetch_due();
    // co_await fetcher.end(deadline): waits until the fetch that is under way has ended, or the deadline.
    class End;
    End end(Time deadline);

    // For `explain`: fetches the keys once if there are none, or takes those that are given. What they do not verify now is refused without
    // another fetch.
    io::Task<void> prepare(const gateway::Rehearsal& with);

    RemoteKeys& keys() { return *keys_; }

  private:
    void on_timer() override;
    void on_root_done() override;
    // Starts the fetch where this worker is to do it. @returns true where one is under way
    bool begun(bool here);
    void start();
    io::Task<void> run();
    io::Task<Result<void>> fetch_keys();
    // @returns false: it would have taken too many steps
    template <typename F>
    io::Task<bool> read(F f);
    io::Task<Result<void>> get(const std::string& url, upstream::CallAnswer& answer);
    Result<void> take(const upstream::CallAnswer& answer, Readable<KeySet> read);
    void tell_passed_over(const std::vector<PassedOverKey>& keys);
    void tell(RemoteKeys::Fetched fetched);
    std::string trouble() const { return "keys of " + settings_.shown(); }

    gateway::Context& context_;
    gateway::Epoch& epoch_;
    const RemoteKeySettings& settings_;
    std::shared_ptr<RemoteKeys> keys_;
    observe::Counter good_, empty_, bad_;
    std::shared_ptr<const observe::Asked> age_, number_;
    io::Root root_;
    bool holds_ = false;  // the process's one permission to fetch
};

class KeyFetcher::End final : private io::Timer, private io::Deferred {
  public:
    End(io::Loop& loop, std::shared_ptr<RemoteKeys> keys, Time deadline) : loop_(loop), keys_(std::move(keys)), deadline_(deadline) {}
    ~End() override;
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> h);
    void await_resume() const {}

  private:
    struct Bell;  // reachable from the thread that fetches; silenced when nobody waits any more
    void on_timer() override { go(); }
    // One of as many as wait for the same fetch.
    void go();
    void on_deferred() override;

    io::Loop& loop_;
    std::shared_ptr<RemoteKeys> keys_;
    Time deadline_;
    std::coroutine_handle<> waiter_;
    std::shared_ptr<Bell> bell_;
    uint64_t ticket_ = 0;
};

}  // namespace portico::policy::jwt
