// A master behind sentinels: they are asked who it is, and listened to for a change. One client's, one thread.
// @spec https://redis.io/docs/reference/sentinel-clients
#pragma once

#include <functional>

#include "io/task.h"
#include "redis/breaker.h"
#include "redis/store.h"
#include "redis/wire.h"

namespace portico::redis {

class SentinelWatch {
  public:
    // @param moved called when a sentinel announces a new master
    SentinelWatch(Store& store, std::function<void()> moved);

    // Asks the sentinels in turn, the one that knew it last time first, and connects to whom they name. Also begins to listen.
    // @errors store_timeout, store_unavailable
    io::Task<Result<std::unique_ptr<io::Stream>>> dial_master(Time deadline);

  private:
    io::Task<Result<HostPort>> ask(HostPort sentinel, Time deadline);
    // A wire to a sentinel that has taken the password, where it wants one.
    io::Task<Result<std::unique_ptr<Wire>>> open(HostPort sentinel, Time deadline);
    io::Task<void> listen();
    io::Task<Result<void>> listen_to(HostPort sentinel);

    Store& store_;
    std::function<void()> moved_;
    Backoff backoff_;
    size_t good_ = 0;  // the sentinel that answered last
    io::Root listening_;
};

}  // namespace portico::redis
