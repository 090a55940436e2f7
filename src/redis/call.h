// One command on its way: what `co_await client.eval(…)` waits on. Lives in the frame of whoever waits, and may be destroyed
// at any time: the command is then abandoned, and its reply, if it was sent, still consumed in its turn. One thread.
#pragma once

#include <coroutine>
#include <span>
#include <string_view>

#include "base/intrusive_list.h"
#include "base/result.h"
#include "io/timer.h"
#include "redis/resp.h"
#include "redis/script.h"

namespace portico::redis {

class Client;
class Node;

class [[nodiscard]] Call final : public ListHook<Call>, private io::Timer {
  public:
    using Words = std::span<const std::string_view>;

    Call(Client& client, const Script* script, Words keys, Words arguments, Time deadline, Node* node = nullptr)
        : client_(client), script_(script), keys_(keys), arguments_(arguments), deadline_(deadline), pinned_(node) {}
    ~Call() override;

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h);
    Result<Reply> await_resume() { return std::move(result_); }

  private:
    friend class Client;
    friend class Cluster;
    friend class Node;
    // How a script is sent.
    enum class Form : uint8_t { digest, text };

    void on_timer() override;
    // The key that decides on the node; empty when there is none.
    std::string_view key() const;
    // Bytes on the wire, its ASKING included.
    size_t measure() const;
    char* encode(char* to) const;
    // Ends the wait. The call may be gone afterwards.
    void finish(Result<Reply>&& result);

    Client& client_;
    const Script* script_;
    Words keys_, arguments_;
    Time deadline_;
    Node* pinned_;  // where it must go, whatever its key
    Result<Reply> result_;
    std::coroutine_handle<> waiter_;

    // Where it is: in a node's list of the unsent ones (linked), or the number under which it was sent.
    Node* node_ = nullptr;
    uint64_t number_ = 0;
    size_t size_ = 0;
    Form form_ = Form::digest;
    bool asking_ = false;
    uint8_t redirects_ = 0;
    uint8_t reloads_ = 0;
};

}  // namespace portico::redis
