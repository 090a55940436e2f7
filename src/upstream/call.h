// A whole request and its whole answer, held in memory: what a policy or an aggregate asks of a service. Stands beside
// gateway/forward, which streams, over the same services and pools. Knows nothing of routes or clients. One worker's.
#pragma once

#include <string>
#include <string_view>

#include "base/held.h"
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
    const http::FieldList* more_fields = nullptr;  // further ones, which several calls share
    std::string_view body{};
    bool has_body = false;
    uint32_t max_body = 1 << 20;    // bytes of the answer
    Holder* holder = nullptr;       // for whom they are held
    config::EffectiveTimeouts timeouts{};
};

// The answer, and how it came. A short one stays in the block that it was received in: nothing of it is copied.
class CallAnswer {
  public:
    CallAnswer() = default;
    CallAnswer(const CallAnswer&) = delete;
    CallAnswer& operator=(const CallAnswer&) = delete;

    // Views of memory that the answer owns.
    http::ResponseHead head;
    std::string_view body;
    std::string endpoint;     // its address, for logs
    // Written while the call goes on, so that they tell the truth of one that is broken off.
    uint32_t connects = 0, reuses = 0, stale = 0;  // connections made, taken from the pool, and found closed there
    Time connected{}, first_byte{};                // of the last attempt; zero: it did not happen

    // The memory behind head and body; both are gone. The rest stays.
    void release() {
        head.clear();
        body = {};
        block_.release();
        head_text_.clear();
        held_.set(0);
        if (body_text_.capacity() <= kKept) body_text_.clear();
        else std::string().swap(body_text_);
    }
    // The body is not needed any more; the head stays, with what it takes by itself.
    void release_body() {
        body = {};
        held_.set(0);
        std::string().swap(body_text_);
    }
    // For the next use; keeps capacities, within bounds.
    void clear() {
        release();
        endpoint.clear();
        connects = reuses = stale = 0;
        connected = first_byte = {};
    }

  private:
    friend class Call;
    static constexpr size_t kKept = 64 << 10;
    io::Buffer block_;
    std::string head_text_, body_text_;
    Held held_{Holding::response_bodies};  // for body_text_
};

// Asks the service: another endpoint where no connection could be made, once more where a kept connection turned out to be
// closed and the method may be repeated (RFC 9110 §9.2.2). The answer is complete or there is none.
// @errors as of forwarding; answer_too_large where its body is over max_body
io::Task<Result<void>> call(io::Loop& loop, Service& service, const CallRequest& request, CallAnswer& answer);

}  // namespace portico::upstream
