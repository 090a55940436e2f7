// A body template read from the configuration into a json::Shape, with every fault located. For gateway/body_*.cc only; at load.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/model.h"
#include "config/schema.h"
#include "gateway/templates/body_template.h"
#include "gateway/templates/template_string.h"
#include "json/plan/shape.h"

namespace portico::gateway {

class BodyCompiler {
  public:
    struct Text {
        Template text;
        config::Mark mark;
    };
    // What was found on the way, beside the shape.
    struct Findings {
        std::vector<Text> texts;                  // by their numbers in the shape
        std::vector<BodyTemplate::Read> reads;
        std::vector<bool> roots_read;             // by place
    };

    explicit BodyCompiler(const TemplatePlace& place);
    // The whole body. @returns nullptr exactly after a fault
    json::ShapePtr body(const config::Scope& scope, const config::Node& node);
    Findings take_findings() { return std::move(findings_); }

  private:
    using Scope = config::Scope;
    using Node = config::Node;
    class Variable;

    json::ShapePtr value(const Scope& scope, const Node& node);
    json::ShapePtr number(const Scope& scope, const Node& node);
    json::ShapePtr string(const Scope& scope, const Node& node);
    json::ShapePtr list(const Scope& scope, const Node& node);
    json::ShapePtr object(const Scope& scope, const Node& node);
    json::ShapePtr literal(const Scope& scope, const Node& node);

    // body_directives.cc
    json::ShapePtr directive(const Scope& scope, const Node& node, std::string_view word);
    json::ShapePtr for_each(const Scope& scope, const Node& node);
    json::ShapePtr get(const Scope& scope, const Node& node);
    std::optional<std::string> variable_of(const Scope& scope, const Node& node);
    bool refine(const Scope& scope, const Node& node, json::LoopShape& loop);
    bool sort_keys(const Scope& scope, const Node& node, json::LoopShape& loop);
    bool sort_key(const Scope& scope, const Node& node, json::LoopShape& loop);
    bool known_keys(const Scope& scope, const Node& node, std::string_view word, std::initializer_list<std::string_view> keys);
    bool flag(const Scope& scope, const Node& node, std::string_view key, bool& into);
    bool get_source(const Scope& scope, const Node& node, json::GetShape& get);
    // What a key of a directive is where it must be a path. @returns none after a fault
    std::optional<json::BoundPath> path_of(const Scope& scope, const Node& node, std::string_view what, bool required = false);

    std::optional<json::BoundPath> one_value(const Scope& scope, const Node& node, std::string_view what);

    // Notes what is read.
    std::optional<json::BoundPath> read(const Scope& scope, const config::Text& text, bool required);
    void note(const json::BoundPath& path, config::Mark mark, bool required);
    std::optional<uint32_t> add_text(const Scope& scope, const Node& node);

    TemplatePlace place_;
    std::vector<std::string> names_;    // documents, then variables
    std::vector<std::string> origins_;
    size_t documents_;
    Findings findings_;
};

}  // namespace portico::gateway
