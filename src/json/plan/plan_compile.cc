#include "json/plan/plan_compile.h"

#include <algorithm>

#include "json/writer.h"

namespace portico::json::detail {
namespace {

using Kind = Shape::Kind;

size_t frame_of(const PlanNode& node) {
    size_t most = node.loop != nullptr ? node.loop->place + 1 : 0;
    if (node.inner != nullptr) most = std::max(most, frame_of(*node.inner));
    for (const auto& item : node.items) most = std::max(most, frame_of(*item));
    for (const PlanMember& member : node.members) {
        if (member.value != nullptr) most = std::max(most, frame_of(*member.value));
    }
    return most;
}

void note_lookup(PlanMember& member) {
    if (member.value->kind != Kind::path || !member.value->path->is_singular()) return;
    const BoundPath& path = *member.value->path;
    member.is_lookup = !path.steps().empty() && path.steps().back().named;
    if (!member.is_lookup) return;
    member.is_direct = path.steps().size() == 1;
    member.place = static_cast<uint32_t>(path.root());
    member.name = path.steps().back().name;
}

void compile_object(Shape& shape, PlanNode& node) {
    std::string waiting;  // constant members that stand before the next other one
    for (auto& [name, value] : shape.members) {
        auto compiled = compile_shape(std::move(value));
        const size_t constant = waiting.size();
        waiting += ',';
        append_string(waiting, name);
        waiting += ':';
        if (compiled->kind == Kind::constant) {
            waiting += compiled->constant;
            continue;
        }
        node.members.push_back({std::move(waiting), constant, std::move(compiled)});
        note_lookup(node.members.back());
        waiting.clear();
    }
    if (node.members.empty()) {
        node.kind = Kind::constant;
        node.constant = "{" + (waiting.empty() ? waiting : waiting.substr(1)) + "}";
        return;
    }
    if (!waiting.empty()) {
        const size_t size = waiting.size();
        node.members.push_back({std::move(waiting), size, nullptr});
    }
}

void compile_list(Shape& shape, PlanNode& node) {
    bool constant = true;
    for (ShapePtr& item : shape.items) {
        node.items.push_back(compile_shape(std::move(item)));
        constant &= node.items.back()->kind == Kind::constant;
    }
    if (!constant) return;
    node.kind = Kind::constant;
    node.constant = "[";
    for (const auto& item : node.items) node.constant += (node.constant.size() > 1 ? "," : "") + item->constant;
    node.constant += ']';
    node.items.clear();
}

}  // namespace

std::unique_ptr<PlanNode> compile_shape(ShapePtr shape) {
    auto node = std::make_unique<PlanNode>();
    node->kind = shape->kind;
    node->text = shape->text;
    node->text_is_json = shape->text_is_json;
    node->constant = std::move(shape->constant);
    node->path = std::move(shape->path);
    if (shape->loop != nullptr) node->inner = compile_shape(std::move(shape->loop->item));
    if (shape->get != nullptr && shape->get->fallback != nullptr) node->inner = compile_shape(std::move(shape->get->fallback));
    node->loop = std::move(shape->loop);
    node->get = std::move(shape->get);
    if (shape->kind == Kind::object) compile_object(*shape, *node);
    if (shape->kind == Kind::list) compile_list(*shape, *node);
    return node;
}

PlanProgram compile_program(ShapePtr shape, size_t roots) {
    PlanProgram program{compile_shape(std::move(shape)), roots, roots};
    program.frame = std::max(roots, frame_of(*program.root));
    return program;
}

}  // namespace portico::json::detail
