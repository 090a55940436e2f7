// A master behind sentinels: they are asked who it is, and listened to for a change. Nothing is said to a listener while nothing
// changes: a heartbeat tells that from a sentinel, or a way to it, that is gone. One client's, one thread.
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
    // @param moved called when a sentinel announces or names a new master
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
    io::Task<Result<void>> hear(Wire& wire);
    io::Task<void> beat(Wire& wire);
    // Asks for the master, and tells where it is another one than the present: a change may have been announced while nobody listened.
    io::Task<void> catch_up(HostPort sentinel);

    Store& store_;
    std::function<void()> moved_;
    Backoff backoff_;
    size_t good_ = 0;  // the sentinel that answered last
    HostPort master_;  // whom they named last
    io::Root listening_;
};

}  // namespace portico::redis
