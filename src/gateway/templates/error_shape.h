// `errors:`: how the gateway's own errors look (LANGUAGE.md §7). Compiled at load, used by every worker at once.
#pragma once

#include <memory>
#include <string>

#include "gateway/templates/body_template.h"

namespace portico::gateway {

class ErrorShape {
  public:
    // Faults go to `scope`. @returns nullptr after one
    static std::unique_ptr<const ErrorShape> compile(const config::Scope& scope, const config::Node& node, TemplatePlace place);
    // @returns none where a value cannot be put into it: the error is shown in its own shape then
    std::optional<std::string> render(const Values& values) const;
    bool is_text() const { return json_ == nullptr; }

  private:
    std::unique_ptr<const BodyTemplate> json_;
    Template text_;
};

}  // namespace portico::gateway
