// What templates make, as a tree, held against what a declared answer requires. At load; for the contract checks (gateway/contract/contract.h).
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/openapi.h"
#include "gateway/templates/body_template.h"

namespace portico::gateway {

// A value that a template makes. One without parts is what is copied, or a scalar: nothing is known of what is in it.
class Made {
  public:
    static Made of(std::span<const BodyTemplate::Product> products);

    bool is_opaque() const { return members_.empty() && element_ == nullptr; }
    Made& member(const std::string& name) { return members_[name]; }
    void set_always() { always_ = true; }

    struct Missing {
        std::string path;       // "name.first", "items[].id"
        std::string near;       // a member that is made there, by a name much like it
    };
    struct Findings {
        std::vector<Missing> missing;
        std::vector<std::string> maybe;  // made, but left out where what they are made of is not there
    };
    void compare(const config::OpenApi& api, std::span<const config::Node* const> declared, Findings& into,
                 const std::string& path = {}) const;

  private:
    void add(std::string_view path, bool always);
    std::map<std::string, Made, std::less<>> members_;
    std::unique_ptr<Made> element_;
    bool always_ = false;
};

}  // namespace portico::gateway
