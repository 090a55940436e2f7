// Bodies in motion: the request's towards the upstream, the answer's towards the client. Each step reads what is there and
// writes it whole before it reads again, so that back-pressure runs from one socket to the other.
#pragma once

#include "gateway/exchange.h"
#include "gateway/forward.h"
#include "upstream/connection.h"

namespace portico::gateway {

// How a body ended.
struct PipeEnd {
    enum class How : uint8_t { whole, client_failed, upstream_failed, refused } how = How::whole;
    Error error{Fault::internal};
    bool read_whole = false;  // refused, but to its end: what it came from is as good as ever
};

// The deadlines of one exchange: the nearer of a phase's own and the total.
class Deadlines {
  public:
    Deadlines(const config::EffectiveTimeouts& timeouts, Time begin) : timeouts_(timeouts), total_(after(begin, timeouts.total)) {}
    Time connect(Time now) const { return std::min(after(now, timeouts_.connect), total_); }
    Time first_byte(Time now) const { return std::min(after(now, timeouts_.first_byte), total_); }
    Time idle(Time now) const { return std::min(after(now, timeouts_.idle), total_); }
    Time total() const { return total_; }
    bool total_passed(Time now) const { return now >= total_; }
    // The exchange is over: whatever has to wait from now on, does so in vain.
    void end(Time now) { total_ = std::min(total_, now); }
    static Time after(Time t, Duration d) { return d == kForever ? io::Timer::kNever : t + d; }

  private:
    config::EffectiveTimeouts timeouts_;
    Time total_;
};

// Writes the client's body to the upstream, framed as the request's head said.
io::Task<PipeEnd> pipe_request(Exchange& x, upstream::Connection& to, const Deadlines& deadlines);

// Writes x.request_body, which the request's head has announced.
io::Task<PipeEnd> send_held_body(Exchange& x, upstream::Connection& to, const Deadlines& deadlines);

// Why the upstream's body ended before its end.
PipeEnd body_broken_off(Exchange& x, const Deadlines& deadlines, int error, const upstream::Connection& of);

// Writes the upstream's body to the client, after the head in x.response, as it is. `length` is the upstream's framing.
// @requires the policies have seen the head
io::Task<PipeEnd> pipe_response(Exchange& x, upstream::Connection& from, const Deadlines& deadlines, http::BodyLength length);

}  // namespace portico::gateway
