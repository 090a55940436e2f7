// A whole request and its whole answer, held in memory: what a policy or an aggregate asks of a service. Stands beside
// gateway/forward, which streams, over the same services and pools. Knows nothing of routes or clients. One worker's.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/model.h"
#include "http/message.h"
#include "io/loop.h"
#include "upstream/service.h"

namespace portico::upstream {

// Views must outlive the call.
struct CallRequest {
    http::Method method = http::Method::get;
    std::string_view method_text = "GET";
    std::string_view target = "/";  // path and query, in the form that is sent
    std::string_view host{};        // empty: the endpoint's authority
    const http::FieldList* fields = nullptr;  // beside Host and Content-Length; hop-by-hop ones are the caller's fault
    std::string_view body{};
    bool has_body = false;
    uint32_t max_body = 1 << 20;    // bytes of the answer
    config::EffectiveTimeouts timeouts{};
};

struct CallAnswer {
    http::ResponseHead head;  // views into head_text
    std::string head_text;
    std::string body;
    std::string endpoint;     // its address, for logs

    CallAnswer() = default;
    CallAnswer(const CallAnswer&) = delete;
    CallAnswer& operator=(const CallAnswer&) = delete;
};

// Asks the service: another endpoint where no connection could be made, once more where a kept connection turned out to be
// closed and the method may be repeated (RFC 9110 §9.2.2). The answer is complete or there is none.
// @errors as of forwarding; upstream_protocol also for an answer over max_body
io::Task<Result<void>> call(io::Loop& loop, Service& service, const CallRequest& request, CallAnswer& answer);

}  // namespace portico::upstream
