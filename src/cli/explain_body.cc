#include "cli/explain_body.h"

namespace portico::cli {

std::string body_in_words(const gateway::BodyTemplate& body) {
    constexpr size_t kMost = 16;
    const auto products = body.products();
    std::string text;
    size_t told = 0;
    for (const auto& product : products) {
        // `name` says nothing beside `name.first`.
        const auto inside = [&](const auto& other) {
            return other.path.size() > product.path.size() && other.path.starts_with(product.path) &&
                   (other.path[product.path.size()] == '.' || other.path[product.path.size()] == '[');
        };
        bool parted = false;
        for (const auto& other : products) parted |= inside(other);
        if (parted) continue;
        if (++told > kMost) return text + ", …";
        text.append(text.empty() ? "" : ", ").append(product.path).append(product.always ? "" : "?");
    }
    return text.empty() ? "one value" : text;
}

}  // namespace portico::cli
