#include "redis/call.h"

#include "redis/client.h"

namespace portico::redis {
namespace {

constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";
constexpr std::string_view kMark = "PING";
constexpr std::string_view kEval = "EVAL", kEvalSha = "EVALSHA";

// A number as a word of a command.
struct NumberText {
    char text[20];
    size_t size;
    explicit NumberText(uint64_t n) : size(static_cast<size_t>(std::to_chars(text, text + sizeof text, n).ptr - text)) {}
    std::string_view view() const { return {text, size}; }
};

}  // namespace

Call::~Call() {
    // Without a node, the client may be gone.
    if (node_ != nullptr) client_.forget(*this);
}

bool Call::await_ready() { return !client_.begin(*this); }

void Call::await_suspend(std::coroutine_handle<> h) {
    waiter_ = h;
    set(client_.store_.loop.timers(), since_ + timeout_);
}

void Call::on_timer() { client_.on_timer(*this); }

void Call::on_deferred() {
    if (ended_) waiter_.resume();
    else client_.on_overdue(*this);
}

bool Call::fits(const Reply& reply) const {
    if (is_marked()) return reply.value().kind() == Kind::text || reply.value().is_nil();
    return script_ == nullptr || script_->check() == nullptr || script_->check()(reply.value(), arguments_);
}

bool Call::is_mark(const Reply& reply) const {
    const std::string_view text = reply.value().text();
    if (reply.is_error()) return text.starts_with("NOPERM");
    return text == NumberText(mark_).view() || text == "PONG";
}

void Call::stop_waiting() {
    cancel();
    static_cast<ListHook<io::Loop>&>(*this).unlink();
}

void Call::finish(Result<Reply>&& result) {
    end(std::move(result));
    waiter_.resume();
}

void Call::finish_as_one_of_many(Result<Reply>&& result) {
    end(std::move(result));
    ended_ = true;
    client_.store_.loop.defer_one_of_many(*this);
}

void Call::end(Result<Reply>&& result) {
    client_.forget(*this);
    stop_waiting();
    result_ = std::move(result);
}

std::string_view Call::key() const {
    if (script_ != nullptr) return keys_.empty() ? std::string_view() : keys_[0];
    return arguments_.size() > 1 ? arguments_[1] : std::string_view();
}

size_t Call::measure() const {
    size_t words = arguments_.size(), size = asking_ ? kAsking.size() : 0;
    if (script_ != nullptr) {
        words += 3 + keys_.size();
        size += form_ == Form::digest ? encoded_size(kEvalSha) + encoded_size(script_->digest())
                                      : encoded_size(kEval) + encoded_size(script_->text());
        size += encoded_size(NumberText(keys_.size()).view());
        for (std::string_view word : keys_) size += encoded_size(word);
    }
    for (std::string_view word : arguments_) size += encoded_size(word);
    if (is_marked()) size += encoded_head_size(2) + encoded_size(kMark) + encoded_size(NumberText(mark_).view());
    return size + encoded_head_size(words);
}

char* Call::encode(char* to) const {
    if (asking_) to = std::copy(kAsking.begin(), kAsking.end(), to);
    if (script_ == nullptr) {
        to = encode_head(to, arguments_.size());
    } else {
        to = encode_head(to, 3 + keys_.size() + arguments_.size());
        to = redis::encode(to, form_ == Form::digest ? kEvalSha : kEval);
        to = redis::encode(to, form_ == Form::digest ? script_->digest() : script_->text());
        to = redis::encode(to, NumberText(keys_.size()).view());
        for (std::string_view word : keys_) to = redis::encode(to, word);
    }
    for (std::string_view word : arguments_) to = redis::encode(to, word);
    if (!is_marked()) return to;
    return redis::encode(redis::encode(encode_head(to, 2), kMark), NumberText(mark_).view());
}

}  // namespace portico::redis
