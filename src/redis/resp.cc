#include "redis/resp.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace portico::redis {
namespace {

std::unexpected<Error> malformed(std::string_view what) { return fail(Fault::store_protocol, what); }

// A number as the protocol writes it: digits, perhaps behind one sign.
std::optional<int64_t> number(std::string_view text) {
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

unsigned digits(size_t n) {
    unsigned d = 1;
    for (; n >= 10; n /= 10) ++d;
    return d;
}

}  // namespace

uint32_t Reply::add(Node node) {
    if (count_ < kInline) {
        few_[count_] = node;
    } else {
        if (more_.empty()) more_.assign(few_.begin(), few_.end());
        more_.push_back(node);
    }
    return count_++;
}

void Reply::clear() {
    few_[0] = {};
    more_.clear();
    bytes_.clear();
    count_ = 0;
}

const Reply::Node& Value::node() const {
    static constexpr Reply::Node kNil{};
    return at_ == kNowhere ? kNil : reply_->nodes()[at_];
}

std::optional<int64_t> Value::integer() const {
    if (kind() == Kind::integer) return node().number;
    return kind() == Kind::text ? number(text()) : std::nullopt;
}

std::string_view Value::text() const {
    if (kind() != Kind::text && kind() != Kind::error) return {};
    return std::string_view(reply_->bytes_).substr(static_cast<size_t>(node().number), node().size);
}

Value Value::operator[](uint32_t i) const {
    if (i >= size()) return {*reply_, kNowhere};
    Value element(*reply_, at_ + 1);
    for (; i > 0; --i) element.at_ = element.behind();
    return element;
}

uint32_t Value::behind() const {
    const Reply::Node& n = node();
    return at_ + (n.kind == Kind::array || n.kind == Kind::push ? static_cast<uint32_t>(n.number) : 1);
}

bool Value::copy_integers(std::span<int64_t> into) const {
    if (!is_array() || size() != into.size()) return false;
    for (uint32_t i = 0; i < into.size(); ++i) {
        // An array among them has no integer(), so that every value before this one was a single node.
        const auto number = Value(*reply_, at_ + 1 + i).integer();
        if (!number) return false;
        into[i] = *number;
    }
    return true;
}

Result<ReplyReader::Progress> ReplyReader::read(std::string_view bytes) {
    Progress progress;
    size_t at = 0;
    while (!done_ && at < bytes.size()) {
        if (in_string_) {
            if (auto r = read_string(bytes, at); !r) return fail(std::move(r).error());
            continue;
        }
        auto head = line(bytes, at);
        if (!head) return fail(std::move(head).error());
        if (!*head) break;
        if (auto r = begin_value(**head); !r) return fail(std::move(r).error());
        line_.clear();
    }
    progress.consumed = at;
    progress.done = done_;
    return progress;
}

Reply ReplyReader::take() {
    Reply reply = std::move(reply_);
    reset();
    return reply;
}

void ReplyReader::reset() {
    reply_.clear();
    line_.clear();
    in_string_ = done_ = false;
    depth_ = 0;
}

Result<std::optional<std::string_view>> ReplyReader::line(std::string_view bytes, size_t& at) {
    const std::string_view rest = bytes.substr(at);
    const size_t end = rest.find('\n');
    const std::string_view part = rest.substr(0, end == std::string_view::npos ? rest.size() : end + 1);
    // What is none of ours is refused before its end has come.
    const char kind = line_.empty() ? part[0] : line_[0];
    if (std::string_view("+-:$*_#,(=!~%>").find(kind) == std::string_view::npos) return malformed("a reply of no known kind");
    if (line_.size() + part.size() > limits_.line + 3) return malformed("a line is too long");
    at += part.size();
    // What is whole is read where it lies.
    std::string_view whole = part;
    if (!line_.empty() || end == std::string_view::npos) {
        line_.append(part);
        whole = line_;
    }
    if (end == std::string_view::npos) return std::optional<std::string_view>();
    if (whole.size() < 3 || whole[whole.size() - 2] != '\r') return malformed("a line does not end in CR LF");
    whole.remove_suffix(2);
    if (whole.find('\r') != std::string_view::npos) return malformed("a bare CR in a line");
    return std::optional(whole);
}

Result<void> ReplyReader::begin_value(std::string_view head) {
    const std::string_view rest = head.substr(1);
    switch (head[0]) {
        case '+': return add_text(Kind::text, rest);
        case '-': return add_text(Kind::error, rest);
        case ',':
        case '(':
            if (rest.empty()) return malformed("a number is empty");
            return add_text(Kind::text, rest);
        case ':': {
            const auto value = number(rest);
            if (!value) return malformed("not an integer");
            return add({Kind::integer, 0, *value});
        }
        case '#':
            if (rest != "t" && rest != "f") return malformed("not a boolean");
            return add({Kind::integer, 0, rest == "t"});
        case '_':
            if (!rest.empty()) return malformed("not a null");
            return add({});
        case '$':
        case '=': return begin_string(Kind::text, rest);
        case '!': return begin_string(Kind::error, rest);
        case '%': return begin_array(Kind::array, rest, 2);
        case '>':
            if (depth_ > 0) return malformed("a push inside of a reply");
            return begin_array(Kind::push, rest, 1);
        case '*':
            if (rest == "-1") return add({});
            [[fallthrough]];
        default: return begin_array(Kind::array, rest, 1);
    }
}

Result<void> ReplyReader::begin_string(Kind kind, std::string_view length) {
    if (length == "-1") return add({});
    const auto size = parse_decimal<uint32_t>(length);
    if (!size) return malformed("not a length");
    if (*size > limits_.string || reply_.bytes_.size() + *size > limits_.total) return malformed("a string is too long");
    in_string_ = true;
    string_left_ = *size + 2;
    string_kind_ = kind;
    if (reply_.count_ >= limits_.elements) return malformed("a reply has too many elements");
    reply_.add({kind, *size, static_cast<int64_t>(reply_.bytes_.size())});
    return {};
}

Result<void> ReplyReader::read_string(std::string_view bytes, size_t& at) {
    if (string_left_ > 2) {
        const auto n = std::min<size_t>(string_left_ - 2, bytes.size() - at);
        reply_.bytes_.append(bytes.substr(at, n));
        at += n;
        string_left_ -= static_cast<uint32_t>(n);
    }
    while (string_left_ <= 2 && string_left_ > 0 && at < bytes.size()) {
        if (bytes[at++] != (string_left_-- == 2 ? '\r' : '\n')) return malformed("a string is longer than its length");
    }
    if (string_left_ == 0) {
        in_string_ = false;
        value_ended();
    }
    return {};
}

Result<void> ReplyReader::begin_array(Kind kind, std::string_view count, unsigned each) {
    const auto size = parse_decimal<uint32_t>(count);
    if (!size) return malformed("not a count");
    if (*size > limits_.elements / each) return malformed("a reply has too many elements");
    if (depth_ >= std::min(limits_.depth, kMaxDepth)) return malformed("a reply is nested too deeply");
    if (*size == 0) return add({kind, 0, 1});
    if (reply_.count_ >= limits_.elements) return malformed("a reply has too many elements");
    frames_[depth_++] = {reply_.add({kind, *size * each, 1}), *size * each};
    return {};
}

Result<void> ReplyReader::add_text(Kind kind, std::string_view text) {
    if (reply_.bytes_.size() + text.size() > limits_.total) return malformed("a reply is too long");
    const auto begin = static_cast<int64_t>(reply_.bytes_.size());
    reply_.bytes_.append(text);
    return add({kind, static_cast<uint32_t>(text.size()), begin});
}

Result<void> ReplyReader::add(Reply::Node node) {
    if (reply_.count_ >= limits_.elements) return malformed("a reply has too many elements");
    reply_.add(node);
    value_ended();
    return {};
}

void ReplyReader::value_ended() {
    while (depth_ > 0) {
        Frame& frame = frames_[depth_ - 1];
        if (--frame.left > 0) return;
        reply_.nodes()[frame.node].number = reply_.count_ - frame.node;
        --depth_;
    }
    done_ = true;
}

size_t encoded_head_size(size_t count) { return 1 + digits(count) + 2; }
size_t encoded_size(std::string_view argument) { return 1 + digits(argument.size()) + 2 + argument.size() + 2; }

char* encode_head(char* to, size_t count) {
    *to++ = '*';
    to = std::to_chars(to, to + 20, count).ptr;
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

char* encode(char* to, std::string_view argument) {
    *to++ = '$';
    to = std::to_chars(to, to + 20, argument.size()).ptr;
    *to++ = '\r';
    *to++ = '\n';
    if (!argument.empty()) std::memcpy(to, argument.data(), argument.size());
    to += argument.size();
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

void append_command(std::string& to, std::span<const std::string_view> arguments) {
    size_t size = encoded_head_size(arguments.size());
    for (std::string_view a : arguments) size += encoded_size(a);
    const size_t begin = to.size();
    to.resize(begin + size);
    char* at = encode_head(to.data() + begin, arguments.size());
    for (std::string_view a : arguments) at = encode(at, a);
}

}  // namespace portico::redis
