// Threads that verify passwords, away from the event loops: a hash takes tens of milliseconds by design. One pool for the process
// (Resources). Its queue is bounded, and served by turns of the clients' hosts: who guesses passwords by the hundred waits for himself.
// submit() and abandon from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/fair_queue.h"
#include "policy/basic/password_hash.h"

namespace portico::policy::basic {

enum class Outcome : uint8_t { right, wrong, busy };

struct HashingJob {
    HashingJob(PasswordHash of, std::string given, IpAddress host_of_client, std::function<void(Outcome)> then)
        : hash(std::move(of)), password(std::move(given)), host(host_of_client), done(std::move(then)) {}
    HashingJob(const HashingJob&) = delete;
    HashingJob& operator=(const HashingJob&) = delete;
    ~HashingJob();

    PasswordHash hash;
    std::string password;
    IpAddress host;  // IpAddress::of_host()
    // On a thread of the pool; busy, on any thread that submits: it gave way to somebody else's. Not where it was abandoned before.
    std::function<void(Outcome)> done;
    std::atomic<bool> abandoned{false};  // nobody waits any more
};

class HashingPool {
  public:
    // @param waiting the most jobs that wait for a thread
    HashingPool(size_t threads, size_t waiting) : most_threads_(threads), waiting_(waiting) {}
    HashingPool(const HashingPool&) = delete;
    HashingPool& operator=(const HashingPool&) = delete;
    // Waits for the jobs that run; those that wait are dropped.
    ~HashingPool();
    // Sized for this machine: half of its cores, so that the loops have the other half.
    static std::shared_ptr<HashingPool> make();

    // Where too many wait, the host that has most waiting gives way. @returns false where that is the job's own
    bool submit(std::shared_ptr<HashingJob> job);

  private:
    void start_thread();
    void run();

    size_t most_threads_;
    std::mutex mutex_;
    std::condition_variable wake_;
    FairQueue<IpAddress, std::shared_ptr<HashingJob>> waiting_;
    size_t idle_ = 0;
    bool ending_ = false;
    std::vector<std::thread> threads_;  // started as they are needed: `check` needs none
};

}  // namespace portico::policy::basic
