#include "gateway/contract/contract_made.h"

#include "base/text.h"

namespace portico::gateway {
namespace {

std::string_view nearest_of(std::string_view name, const std::map<std::string, Made, std::less<>>& members) {
    std::vector<std::string_view> names;
    for (const auto& [made, value] : members) names.push_back(made);
    return nearest(name, names.data(), names.size());
}

// Takes the first name off `path`, which is not empty: a character at least.
std::string take_name(std::string_view& path) {
    std::string name;
    if (!path.starts_with("['")) {
        name = path.substr(0, path.find_first_of(".[", 1));
        path.remove_prefix(name.size());
        return name;
    }
    size_t at = 2;
    for (; at < path.size() && path[at] != '\''; ++at) {
        if (path[at] == '\\' && at + 1 < path.size()) ++at;
        name += path[at];
    }
    path.remove_prefix(std::min(at + 2, path.size()));
    return name;
}

}  // namespace

Made Made::of(std::span<const BodyTemplate::Product> products) {
    Made root;
    for (const BodyTemplate::Product& product : products) root.add(product.path, product.always);
    return root;
}

// As gateway/templates/body_products spells it: `a.b`, `a[].b`, `a['odd.name']`, `a['it\'s']`.
void Made::add(std::string_view path, bool always) {
    Made* at = this;
    while (!path.empty()) {
        if (path.starts_with('.') && path.size() > 1) path.remove_prefix(1);
        if (path.starts_with("[]")) {
            if (at->element_ == nullptr) at->element_ = std::make_unique<Made>();
            at = at->element_.get();
            path.remove_prefix(2);
            continue;
        }
        at = &at->members_[take_name(path)];
    }
    at->always_ = at->always_ || always;
}

void Made::compare(const config::OpenApi& api, std::span<const config::Node* const> declared, Findings& into,
                   const std::string& path) const {
    const auto inside = [&](std::string_view name) {
        return path.empty() ? std::string(name) : path + "." + std::string(name);
    };
    if (element_ != nullptr) {
        const auto step = api.element(declared);
        if (!step.schemas.empty()) element_->compare(api, step.schemas, into, path + "[]");
    }
    if (members_.empty()) return;
    for (const std::string_view name : api.required(declared)) {
        const auto made = members_.find(name);
        if (made == members_.end()) {
            into.missing.push_back({inside(name), std::string(nearest_of(name, members_))});
        } else if (!made->second.always_)
            into.maybe.push_back(inside(name));
    }
    for (const auto& [name, made] : members_) {
        if (made.is_opaque()) continue;
        const auto step = api.member(declared, name);
        if (step.verdict == config::SchemaStep::Verdict::declared) made.compare(api, step.schemas, into, inside(name));
    }
}

}  // namespace portico::gateway
