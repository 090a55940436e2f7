// Threads that verify passwords, away from the event loops: a hash takes tens of milliseconds by design. One pool for the process
// (Resources); its queue is bounded, and beyond the bound work is refused at once. submit() and abandon from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "policy/basic/password_hash.h"

namespace portico::policy::basic {

struct HashingJob {
    HashingJob(PasswordHash of, std::string given, std::function<void(bool)> then)
        : hash(std::move(of)), password(std::move(given)), done(std::move(then)) {}
    HashingJob(const HashingJob&) = delete;
    HashingJob& operator=(const HashingJob&) = delete;
    ~HashingJob();

    PasswordHash hash;
    std::string password;
    std::function<void(bool)> done;      // on a thread of the pool, unless the job was abandoned before its turn
    std::atomic<bool> abandoned{false};  // nobody waits any more
};

class HashingPool {
  public:
    // @param waiting the most jobs that wait for a thread
    HashingPool(size_t threads, size_t waiting) : most_threads_(threads), most_waiting_(waiting) {}
    HashingPool(const HashingPool&) = delete;
    HashingPool& operator=(const HashingPool&) = delete;
    // Waits for the jobs that run; those that wait are dropped.
    ~HashingPool();
    // Sized for this machine: half of its cores, so that the loops have the other half.
    static std::shared_ptr<HashingPool> make();

    // @returns false where too many wait already
    bool submit(std::shared_ptr<HashingJob> job);

  private:
    void start_thread();
    void run();

    size_t most_threads_;
    size_t most_waiting_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<HashingJob>> waiting_;
    size_t idle_ = 0;
    bool ending_ = false;
    std::vector<std::thread> threads_;  // started as they are needed: `check` needs none
};

}  // namespace portico::policy::basic
