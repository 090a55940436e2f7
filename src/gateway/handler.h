// What a server hands a request to once its head is whole: the gateway itself (Gateway, in exchange.cc) or the admin pages.
#pragma once

#include "gateway/exchange.h"
#include "io/task.h"

namespace portico::gateway {

class Handler {
  public:
    virtual ~Handler() = default;
    // Answers the exchange through exchange.client. Returns when the answer was sent or has failed.
    virtual io::Task<void> handle(Exchange& exchange) = 0;
    // A request that never became one (malformed, too slow, too large): answers it. The server closes afterwards.
    virtual io::Task<void> refuse(Exchange& exchange, Error error) = 0;
    // The last word on an exchange, however it ended: log, metrics, on_complete. Called exactly once.
    virtual void complete(Exchange& exchange) = 0;
};

}  // namespace portico::gateway
