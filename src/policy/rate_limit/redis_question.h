// What is sent to the script of redis_script.h: its keys and arguments for one limit, one client and the costs of its requests. What is
// the same for every request is written once (RedisForm); a question is written into memory of its own, without an allocation for
// usual sizes. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

// The constant part of a limit's questions. Immutable: any thread may use it.
class RedisForm {
  public:
    explicit RedisForm(const Limit& limit);

  private:
    friend class RedisQuestion;
    std::string prefix_;                // of its keys, up to the client
    std::array<char, 2> suffix_;        // "0w": the first window's
    std::string_view charge_refused_;
    std::vector<std::string> numbers_;  // three a window
};

// @requires outlived by the form
class RedisQuestion {
  public:
    // @param costs one for each request, in the order in which they are decided
    // @param mark repeated by the answer
    RedisQuestion(const RedisForm& form, std::string_view client, std::span<const uint64_t> costs, uint64_t mark);
    RedisQuestion(const RedisQuestion&) = delete;
    RedisQuestion& operator=(const RedisQuestion&) = delete;
    std::span<const std::string_view> keys() const { return std::span(keys_).first(windows_); }
    std::span<const std::string_view> arguments() const { return std::span(arguments_).first(4 + 3 * windows_); }

  private:
    size_t windows_;
    std::array<std::string_view, kMaxWindows> keys_;
    std::array<std::string_view, 4 + 3 * kMaxWindows> arguments_;
    std::array<char, 320> few_;
    std::unique_ptr<char[]> more_;
};

}  // namespace portico::policy::rate_limit
