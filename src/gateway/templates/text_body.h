// A body that is one text: what its values become depends on what it says that it is, so that none of them can be markup, another field or
// another member (LANGUAGE.md §4). Compiled at load, then pure.
#pragma once

#include <string>

#include "gateway/templates/template_string.h"

namespace portico::gateway {

class TextBody final : public Template {
  public:
    TextBody() = default;
    // @param declared its Content-Type; nullptr: it is plain text
    // Faults go to `scope`: a text that is declared as JSON, and values in one of a type for which nobody knows how to write them.
    static TextBody parse(const config::Scope& scope, const config::Text& text, const Template* declared, const TemplatePlace& place);
    // Appends. Values of a form are form-encoded, those of HTML and XML escaped, others as they are.
    void render(const Values& values, std::string& out) const;

  private:
    enum class Escape : uint8_t { none, form, markup };
    explicit TextBody(Template text, Escape escape) : Template(std::move(text)), escape_(escape) {}
    Escape escape_ = Escape::none;
};

// A response whose body is made as JSON, and that says that it is something which browsers read markup in, or what nobody knows yet: its
// values would be markup there. The fault goes to `scope`.
void check_json_type(const config::Scope& scope, config::Mark mark, const Template& declared);
// The same of a type that is given to a body which the route's own action has made, whose values were written for the type that it had.
void check_made_type(const config::Scope& scope, config::Mark mark, const Template& declared);

}  // namespace portico::gateway
