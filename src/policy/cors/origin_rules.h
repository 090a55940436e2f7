// Which origins may read a route's answers: exact ones, whole families below a domain, every one. Pure.
//
// @spec Fetch, "Origin header": an origin is `scheme://host[:port]` in lower case without a default port, or `null`. Browsers send
// that one form, so what they send is compared as it comes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portico::policy::cors {

struct OriginFault {
    std::string message;
    std::string hint;  // the likely correction, or empty
};

class OriginRules {
  public:
    // Takes one origin of a configuration, or `*`, `null`, `https://*.example.com` (one or more labels in the star's place). Case
    // and a default port are put right.
    // @returns what is wrong with it, or none
    std::optional<OriginFault> add(std::string_view text);
    bool admits(std::string_view origin) const;
    bool any() const { return any_; }
    bool null() const { return null_; }

  private:
    struct Family {
        std::string front;  // "https://"
        std::string back;   // ".example.com", with a port where there is one
        bool holds(std::string_view origin) const;
    };
    bool any_ = false;
    bool null_ = false;
    std::vector<std::string> exact_;  // sorted
    std::vector<Family> families_;
};

}  // namespace portico::policy::cors
