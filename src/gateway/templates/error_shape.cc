#include "gateway/templates/error_shape.h"

#include "config/read.h"

namespace portico::gateway {

std::unique_ptr<const ErrorShape> ErrorShape::compile(const config::Scope& scope, const config::Node& node, TemplatePlace place) {
    auto shape = std::make_unique<ErrorShape>();
    place.error = true;
    const size_t before = scope.faults().errors();
    if (node.is_mapping() || node.is_sequence()) {
        shape->json_ = BodyTemplate::compile(scope, node, place);
    } else if (node.kind == config::NodeKind::null) {
        scope.expected(node, "the shape of errors, such as { error: \"{error.title}\" }");
    } else {
        shape->text_ = Template::parse(scope, config::text_of(node), place);
    }
    if (scope.faults().errors() != before) return nullptr;
    return shape;
}

std::optional<std::string> ErrorShape::render(const Values& values) const {
    std::string out;
    if (json_ == nullptr) text_.render(values, out);
    else if (!json_->render(values, out)) return std::nullopt;
    return out;
}

}  // namespace portico::gateway
