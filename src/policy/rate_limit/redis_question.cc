#include "policy/rate_limit/redis_question.h"

#include <openssl/sha.h>

#include <algorithm>
#include <charconv>

namespace portico::policy::rate_limit {
namespace {

constexpr size_t kLongestClient = 128;
constexpr size_t kLongestNumber = 20;
constexpr char kHex[] = "0123456789abcdef";
// In the order of Algorithm.
constexpr char kLetters[] = {'w', 'c', 'b', 'f'};

char* write(char* to, std::string_view text) {
    return std::ranges::copy(text, to).out;
}

char* write_hex(char* to, unsigned char byte) {
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 15];
    return to;
}

bool is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_';
}

// Reversible, and free of what a key's form or a hash tag gives a meaning to. Up to three times as long.
char* write_encoded(char* to, std::string_view bytes) {
    for (const char c : bytes) {
        if (is_plain(c)) {
            *to++ = c;
        } else {
            *to++ = '%';
            to = write_hex(to, static_cast<unsigned char>(c));
        }
    }
    return to;
}

char* write_client(char* to, std::string_view client) {
    if (client.size() <= kLongestClient) return write_encoded(to, client);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(client.data()), client.size(), digest);
    *to++ = '#';
    for (const unsigned char byte : digest) to = write_hex(to, byte);
    return to;
}

}  // namespace

RedisForm::RedisForm(const Limit& limit)
    : suffix_{'0', kLetters[static_cast<size_t>(limit.algorithm)]}, charge_refused_(limit.charge_refused ? "1" : "0") {
    prefix_.resize(9 + 3 * limit.name.size() + 1);
    char* end = write(prefix_.data(), "portico:{");
    end = write_encoded(end, limit.name);
    *end++ = ':';
    prefix_.resize(static_cast<size_t>(end - prefix_.data()));
    for (const Window& w : limit.windows) {
        numbers_.push_back(std::to_string(w.quota));
        numbers_.push_back(std::to_string(w.length.count()));
        const bool bucket = limit.algorithm == Algorithm::token_bucket;
        numbers_.push_back(std::to_string(bucket ? w.capacity(limit.algorithm) : 0));
    }
}

RedisQuestion::RedisQuestion(const RedisForm& form, std::string_view client, std::span<const uint64_t> costs, uint64_t mark)
    : windows_(form.numbers_.size() / 3) {
    const size_t longest_key = form.prefix_.size() + 3 * std::min(client.size(), kLongestClient) + 4;
    const size_t most = (1 + costs.size()) * kLongestNumber + windows_ * longest_key;
    if (most > few_.size()) more_ = std::make_unique_for_overwrite<char[]>(most);
    char* const begin = more_ ? more_.get() : few_.data();

    char* at = begin;
    for (const uint64_t cost : costs) {
        if (at != begin) *at++ = ',';
        // Any cost above every capacity is refused for good; capped, it stays exact in the script.
        at = std::to_chars(at, at + kLongestNumber, std::min(cost, kMaxQuota + 1)).ptr;
    }
    arguments_[0] = std::string_view(form.suffix_).substr(1);
    arguments_[1] = {begin, at};
    arguments_[2] = form.charge_refused_;
    std::ranges::copy(form.numbers_, arguments_.begin() + 3);
    char* const marked = at;
    at = std::to_chars(at, at + kLongestNumber, mark).ptr;
    arguments_[3 + 3 * windows_] = {marked, at};

    char* const first = at;
    at = write_client(write(at, form.prefix_), client);
    at = write(write(at, "}:"), std::string_view(form.suffix_));
    keys_[0] = {first, at};
    for (size_t i = 1; i < windows_; ++i) {
        char* const key = at;
        at = write(at, keys_[0]);
        at[-2] = static_cast<char>('0' + i);
        keys_[i] = {key, at};
    }
}

}  // namespace portico::policy::rate_limit
