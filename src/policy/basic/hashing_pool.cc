#include "policy/basic/hashing_pool.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "io/machine_share.h"

namespace portico::policy::basic {
namespace {

constexpr size_t kMostThreads = 8;
constexpr size_t kWaitingPerThread = 32;
constexpr int kNiceness = 5;

}  // namespace

HashingJob::~HashingJob() { OPENSSL_cleanse(password.data(), password.size()); }

std::shared_ptr<HashingPool> HashingPool::make() {
    const size_t threads = std::clamp<size_t>(io::usable_processors() / 2, 1, kMostThreads);
    return std::make_shared<HashingPool>(threads, threads * kWaitingPerThread);
}

HashingPool::~HashingPool() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        waiting_.clear();
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
}

bool HashingPool::submit(std::shared_ptr<HashingJob> job) {
    std::optional<std::shared_ptr<HashingJob>> displaced;
    {
        const std::lock_guard lock(mutex_);
        waiting_.erase_if([](const auto& j) { return j->abandoned.load(std::memory_order_relaxed); });
        displaced = waiting_.push(job->host, job);
        if (displaced == job) return false;
        if (idle_ < waiting_.size() && threads_.size() < most_threads_) start_thread();
    }
    if (displaced) (*displaced)->done(Outcome::busy);
    wake_.notify_one();
    return true;
}

void HashingPool::start_thread() {
    // Signals are for the control thread; a new thread inherits the mask.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    threads_.emplace_back([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void HashingPool::run() {
    // Behind the event loops wherever a core is wanted by both. A thread's niceness is its own on Linux.
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        --idle_;
        if (ending_) return;
        const std::shared_ptr<HashingJob> job = *waiting_.pop();
        if (job->abandoned.load(std::memory_order_relaxed)) continue;
        lock.unlock();
        job->done(job->hash.verify(job->password) ? Outcome::right : Outcome::wrong);
        lock.lock();
    }
}

}  // namespace portico::policy::basic
