#include "policy/basic/verifier.h"

namespace portico::policy::basic {
namespace {

constexpr size_t kMostCached = 1024;
constexpr Duration kCachedFor = std::chrono::minutes(5);

}  // namespace

Verifier::Verifier(gateway::Context& context, std::string_view name, std::shared_ptr<HashingPool> pool)
    : context_(context),
      pool_(std::move(pool)),
      cache_(kMostCached, kCachedFor),
      mailbox_(std::make_shared<Mailbox>()),
      hashes_(context.registry.counter("portico_password_hashes_total", "Passwords that were hashed to verify them.", {{"policy", std::string(name)}})) {
    mailbox_->loop = &context.loop;
    mailbox_->verifier = this;
}

Verifier::~Verifier() {
    mailbox_->verifier = nullptr;
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->loop = nullptr;
}

Verifier::Check::~Check() {
    if (!ListHook<Verifier>::linked()) return;
    ListHook<Verifier>::unlink();
    verifier_.leave(fingerprint_);
}

bool Verifier::begin(Check& check) {
    auto& slot = pending_[check.fingerprint_];
    if (slot != nullptr) {
        slot->waiters.push_back(check);
        return true;
    }
    auto made = std::make_unique<Pending>();
    made->number = ++numbers_;
    const auto tell = [mailbox = mailbox_, f = check.fingerprint_, number = made->number, counts = check.counts_](Outcome outcome) {
        const std::lock_guard lock(mailbox->mutex);
        if (mailbox->loop == nullptr) return;
        if (outcome == Outcome::right && !counts) outcome = Outcome::wrong;
        mailbox->loop->post([mailbox, f, number, outcome] {
            if (mailbox->verifier != nullptr) mailbox->verifier->deliver(f, number, outcome);
        });
    };
    made->job = std::make_shared<HashingJob>(check.hash_, std::string(check.password_), check.host_, tell);
    if (!pool_->submit(made->job)) {
        pending_.erase(check.fingerprint_);
        return false;
    }
    context_.shard.add(hashes_);
    made->waiters.push_back(check);
    slot = std::move(made);
    return true;
}

void Verifier::leave(const Fingerprint& f) {
    const auto found = pending_.find(f);
    if (found == pending_.end() || !found->second->waiters.empty()) return;
    found->second->job->abandoned.store(true, std::memory_order_relaxed);
    pending_.erase(found);
}

void Verifier::deliver(const Fingerprint& f, uint64_t number, Outcome outcome) {
    if (outcome == Outcome::right) cache_.add(f, context_.loop.now());
    const auto found = pending_.find(f);
    if (found == pending_.end() || found->second->number != number) return;
    const std::unique_ptr<Pending> pending = std::move(found->second);
    pending_.erase(found);
    // Whoever has brought the same password meanwhile has waited for it: thousands, perhaps.
    while (Check* waiting = pending->waiters.pop_front()) {
        waiting->outcome_ = outcome;
        context_.loop.defer_one_of_many(*waiting);
    }
}

}  // namespace portico::policy::basic
