#include "redis/call.h"

#include "redis/client.h"

namespace portico::redis {
namespace {

constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";
constexpr std::string_view kEval = "EVAL", kEvalSha = "EVALSHA";

// A count as EVAL takes it: the keys of a script are few.
struct CountText {
    char text[20];
    size_t size;
    explicit CountText(size_t n) : size(static_cast<size_t>(std::to_chars(text, text + sizeof text, n).ptr - text)) {}
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
    set(client_.store_.loop.timers(), deadline_);
}

void Call::on_timer() { client_.on_deadline(*this); }

void Call::finish(Result<Reply>&& result) {
    client_.forget(*this);
    cancel();
    result_ = std::move(result);
    waiter_.resume();
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
        size += encoded_size(CountText(keys_.size()).view());
        for (std::string_view word : keys_) size += encoded_size(word);
    }
    for (std::string_view word : arguments_) size += encoded_size(word);
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
        to = redis::encode(to, CountText(keys_.size()).view());
        for (std::string_view word : keys_) to = redis::encode(to, word);
    }
    for (std::string_view word : arguments_) to = redis::encode(to, word);
    return to;
}

}  // namespace portico::redis
