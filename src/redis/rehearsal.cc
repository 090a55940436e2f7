#include "redis/rehearsal.h"

#include "redis/client.h"

namespace portico::redis {

std::unique_ptr<Rehearsal> Rehearsal::of(Client& client, Node& node, const Call& call) {
    if (call.script_ == nullptr && !call.is_marked()) return nullptr;
    if (call.script_ != nullptr && call.script_->rehearsal() == nullptr) return nullptr;
    Script::Words words = call.script_ != nullptr ? call.script_->rehearsal()(call.keys_, call.arguments_)
                                                  : Script::Words{{}, {call.arguments_.begin(), call.arguments_.end()}};
    return std::unique_ptr<Rehearsal>(new Rehearsal(client, node, call.script_, std::move(words)));
}

Rehearsal::Rehearsal(Client& client, Node& node, const Script* script, Script::Words words)
    : client_(client),
      node_(node),
      script_(script),
      words_(std::move(words)),
      keys_(words_.keys.begin(), words_.keys.end()),
      arguments_(words_.arguments.begin(), words_.arguments.end()) {}

void Rehearsal::start() {
    if (!root_.running()) root_.start(run(), nullptr);
}

io::Task<void> Rehearsal::run() {
    Call call(client_, script_, keys_, arguments_, client_.timeout(), &node_, script_ == nullptr ? client_.next_mark() : 0);
    call.trial_ = true;
    (void)co_await call;
}

}  // namespace portico::redis
