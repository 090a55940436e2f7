// One worker's part of a `basic` policy: what it verified a moment ago, and who waits for a verification that runs. Requests with the
// same credentials wait for one hash. The worker's thread only; results come to it by Loop::post.
#pragma once

#include <coroutine>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "gateway/context.h"
#include "gateway/policy.h"
#include "policy/basic/hashing_pool.h"
#include "policy/basic/verified_cache.h"

namespace portico::policy::basic {

class Verifier final : public gateway::WorkerState {
  public:
    // @param name the policy's, for the metric
    Verifier(gateway::Context& context, std::string_view name, std::shared_ptr<HashingPool> pool);
    ~Verifier() override;

    const Fingerprinter& fingerprinter() const { return fingerprinter_; }
    bool was_right(const Fingerprint& f) const { return cache_.contains(f, context_.loop.now()); }

    // co_await verifier.check(…): the outcome. Destroying it leaves the queue; a job for which nobody waits is not begun.
    class Check final : public ListHook<Verifier>, private io::Deferred {
      public:
        Check(Verifier& v, const Fingerprint& f, const PasswordHash& hash, std::string_view password, bool counts, const IpAddress& host)
            : verifier_(v), fingerprint_(f), hash_(hash), password_(password), counts_(counts), host_(host) {}
        Check(const Check&) = delete;
        Check& operator=(const Check&) = delete;
        ~Check();
        bool await_ready() const { return false; }
        bool await_suspend(std::coroutine_handle<> h) {
            waiter_ = h;
            return verifier_.begin(*this);
        }
        Outcome await_resume() const { return outcome_; }

      private:
        friend class Verifier;
        void on_deferred() override { waiter_.resume(); }
        Verifier& verifier_;
        Fingerprint fingerprint_;
        const PasswordHash& hash_;
        std::string_view password_;
        bool counts_;
        IpAddress host_;
        Outcome outcome_ = Outcome::busy;
        std::coroutine_handle<> waiter_;
    };
    // @param counts false where the hash is that of another user, verified for the time that it takes: no password is right then
    // @param host of the client, of_host(): whose turn it is
    Check check(const Fingerprint& f, const PasswordHash& hash, std::string_view password, bool counts, const IpAddress& host) {
        return Check(*this, f, hash, password, counts, host);
    }

  private:
    // What a thread of the pool may still hold when this is gone.
    struct Mailbox {
        std::mutex mutex;
        io::Loop* loop = nullptr;      // guarded; nullptr once the worker's part is gone
        Verifier* verifier = nullptr;  // the worker's thread only
    };
    struct Pending {
        std::shared_ptr<HashingJob> job;
        uint64_t number = 0;
        IntrusiveList<Check, Verifier> waiters;
    };

    // @returns false where the pool is full: the outcome stands already
    bool begin(Check& check);
    void leave(const Fingerprint& f);
    void deliver(const Fingerprint& f, uint64_t number, Outcome outcome);

    gateway::Context& context_;
    std::shared_ptr<HashingPool> pool_;
    Fingerprinter fingerprinter_;
    VerifiedCache cache_;
    std::shared_ptr<Mailbox> mailbox_;
    observe::Counter hashes_;
    uint64_t numbers_ = 0;
    std::unordered_map<Fingerprint, std::unique_ptr<Pending>, FingerprintHash, SameFingerprint> pending_;
};

}  // namespace portico::policy::basic
