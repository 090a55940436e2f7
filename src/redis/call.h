// One command on its way: what `co_await client.eval(…)` waits on. Lives in the frame of whoever waits, and may be destroyed
// at any time: the command is then abandoned, and its reply, if it was sent, still consumed in its turn. One thread.
#pragma once

#include <coroutine>
#include <optional>
#include <span>
#include <string_view>

#include "base/intrusive_list.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/timer.h"
#include "redis/resp.h"
#include "redis/script.h"

namespace portico::redis {

class Client;
class Node;

class [[nodiscard]] Call final : public ListHook<Call>, private io::Timer, private io::Deferred {
  public:
    using Words = std::span<const std::string_view>;

    Call(Client& client, const Script* script, Words keys, Words arguments, Duration timeout, Node* node = nullptr, uint64_t mark = 0,
         uint32_t work = 1)
        : client_(client), script_(script), keys_(keys), arguments_(arguments), timeout_(timeout), pinned_(node), mark_(mark), work_(work) {}
    ~Call() override;

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h);
    Result<Reply> await_resume() { return std::move(result_); }
    // Whether it is still here, behind others that its server has to do first.
    bool stands_in_line() const { return ListHook<Call>::linked(); }

  private:
    friend class Client;
    friend class Cluster;
    friend class Node;
    friend class Rehearsal;
    // How a script is sent.
    enum class Form : uint8_t { digest, text };

    void on_timer() override;
    void on_deferred() override;
    // Whether a reply that is no error can be this call's.
    bool fits(const Reply& reply) const;
    // Nothing is due of it any more.
    void stop_waiting();
    // The key that decides on the node; empty when there is none.
    std::string_view key() const;
    // Whether the server is asked to repeat a mark behind this command, by which the reply is known to be this one's.
    bool is_marked() const { return mark_ != 0; }
    // Whether a reply is the one to that. A proxy may answer it in its own way, and an account may have no right to it.
    bool is_mark(const Reply& reply) const;
    // Bytes on the wire, its ASKING and its mark included.
    size_t measure() const;
    char* encode(char* to) const;
    // Ends the wait. The call may be gone afterwards.
    void finish(Result<Reply>&& result);
    // The same for one of many that end together: who waits goes on when it is his turn.
    void finish_as_one_of_many(Result<Reply>&& result);
    void end(Result<Reply>&& result);

    Client& client_;
    const Script* script_;
    Words keys_, arguments_;
    Duration timeout_;
    Node* pinned_;  // where it must go, whatever its key
    uint64_t mark_;
    uint32_t work_;  // what it takes of a server, in usual commands
    Result<Reply> result_;
    std::optional<Reply> held_;  // until the server has repeated the mark
    std::coroutine_handle<> waiter_;

    // Where it is: in a node's list of the unsent ones (linked), or the number under which it was sent.
    Node* node_ = nullptr;
    uint64_t number_ = 0;
    size_t size_ = 0;
    Time since_{};  // when it was asked for; once it is sent, when the server had it
    Form form_ = Form::digest;
    bool asking_ = false;
    bool trial_ = false;  // sent although the breaker is open: its reply decides whether that closes
    bool ended_ = false;  // its result stands
    bool late_ = false;   // its time is over, and what had come by then is being read
    uint8_t redirects_ = 0;
    uint8_t reloads_ = 0;
    uint64_t read_by_ = 0;  // late: of the node's bytes_read(), when all of that will have been read
};

#ifdef PORTICO_WATCH_WAITS
inline io::wait_watch::Ending ending_of(const Result<Reply>& result) {
    if (result) return io::wait_watch::Ending::resumed;
    return result.error().fault == Fault::store_timeout ? io::wait_watch::Ending::timed_out : io::wait_watch::Ending::broken;
}
#endif

}  // namespace portico::redis
