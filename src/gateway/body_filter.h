// What changes an answer's body on its way out. A policy puts one into Exchange::body_filters from on_response; they run in the
// order in which they were put there, each over what the one before gave. Made for one exchange, on its worker.
//
// The bytes that it sees are the body as such: framing is off, and content codings are undone (gateway/body_filtering).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace portico::gateway {

class BodyFilter {
  public:
    virtual ~BodyFilter() = default;
    // True: nothing can be given before the whole body was seen, and the answer's head waits for it: status and fields may still
    // change, and a failure is still an answer of the gateway's own. False: it works on parts as they come.
    virtual bool wants_whole() const = 0;
    // The most that it may be given, in bytes, codings undone; more is answer_too_large.
    virtual size_t max_body() const = 0;
    // True: what its policy makes of the head is known only once take() has run; it wants the whole. The policies further out wait
    // for that: each judges the head that those before it have made, never the service's own.
    virtual bool settles_head() const { return false; }
    // Takes the next part of the body (all of it where it wants the whole). `last`: it is the end. Appends what goes on to `out`.
    // @errors answer_not_json, answer_mapping, …: the answer is refused, or broken off where it has begun
    virtual Result<void> take(std::string_view part, bool last, std::string& out) = 0;

    // It has more to give of that part, which must live until then: it gives some 64 KiB at a time. Only of those that work on parts.
    virtual bool has_more() const { return false; }
    // Appends that. @requires has_more()  @errors as of take()
    virtual Result<void> go_on(std::string&) { return {}; }

    // Whose it is, for the log; set by the exchange.
    std::string_view policy() const { return policy_; }
    void set_policy(std::string_view name) { policy_ = name; }

  private:
    std::string_view policy_;
};

}  // namespace portico::gateway
