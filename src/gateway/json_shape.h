// JSON by configuration without a document at hand: `respond` bodies and `errors:` shapes. Mappings, lists and scalars as they
// stand, with template strings in texts. Compiled at load.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/document.h"
#include "gateway/template_string.h"

namespace portico::gateway {

class JsonShape {
  public:
    // Faults go to `scope`. @returns nullptr after one
    static std::unique_ptr<const JsonShape> compile(const config::Scope& scope, const config::Node& node, const TemplatePlace& place);
    void render(const Values& values, std::string& out) const;
    // The first value that is a list or an object where a text wants it, or nullptr.
    const TemplatePart* compound(const Values& values) const;

  private:
    enum class Kind : uint8_t { raw, text, object, list } kind_ = Kind::raw;
    std::string raw_;   // null, booleans, numbers as they were written
    Template text_;
    std::vector<std::pair<std::string, std::unique_ptr<const JsonShape>>> members_;
    std::vector<std::unique_ptr<const JsonShape>> items_;
};

// `errors:`: how the gateway's own errors look.
class ErrorShape {
  public:
    static std::unique_ptr<const ErrorShape> compile(const config::Scope& scope, const config::Node& node, TemplatePlace place);
    std::string render(const Values& values) const;
    bool is_text() const { return json_ == nullptr; }

  private:
    std::unique_ptr<const JsonShape> json_;
    Template text_;
};

}  // namespace portico::gateway
