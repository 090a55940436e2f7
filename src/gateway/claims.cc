#include "gateway/claims.h"

#include <algorithm>

#include "base/meter.h"

namespace portico::gateway {
namespace {

bool is_plain(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

}  // namespace

std::optional<ClaimPath> ClaimPath::parse(std::string_view text, std::string& fault) {
    ClaimPath path;
    const std::string_view whole = text;
    while (!text.empty()) {
        if (text.starts_with("['")) {
            const size_t end = text.find("']");
            if (end == std::string_view::npos || end == 2) {
                fault = "a quoted name ends with ']";
                return std::nullopt;
            }
            path.names_.emplace_back(text.substr(2, end - 2));
            text.remove_prefix(end + 2);
        } else {
            const size_t end = std::min(text.find_first_of(".["), text.size());
            if (!is_plain(text.substr(0, end))) {
                fault = "a name with other characters than letters, digits, _ and - is quoted: ['" + std::string(whole) + "']";
                return std::nullopt;
            }
            path.names_.emplace_back(text.substr(0, end));
            text.remove_prefix(end);
        }
        if (text.starts_with('.')) {
            text.remove_prefix(1);
            if (text.empty()) fault = "a name is missing behind the dot";
            if (text.empty()) return std::nullopt;
        }
    }
    if (path.names_.empty()) {
        fault = "the name of a claim is missing";
        return std::nullopt;
    }
    return path;
}

json::Value ClaimPath::find(const json::Document& claims) const {
    json::Value at = claims.root();
    for (const std::string& name : names_) {
        Meter::spend(1 + at.size() / 8);
        at = at.find(name);
        if (!at) break;
    }
    return at;
}

std::string ClaimPath::text() const {
    std::string out;
    for (const std::string& name : names_) {
        if (!is_plain(name)) out.append("['").append(name).append("']");
        else out.append(out.empty() ? "" : ".").append(name);
    }
    return out;
}

std::optional<std::string_view> claim_text(json::Value value) {
    switch (value.kind()) {
        case json::Kind::string: return value.string();
        case json::Kind::number:
        case json::Kind::boolean: return value.source();
        default: return std::nullopt;
    }
}

}  // namespace portico::gateway
