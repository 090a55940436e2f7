#include "gateway/templates/document_paths.h"

#include <algorithm>

#include "base/text.h"

namespace portico::gateway {
namespace {

using config::Mark;
using config::Scope;
using config::Text;

size_t code_points(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

bool is_name_part(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool knows(const TemplatePlace& place, std::string_view root) {
    return place.roots != nullptr && std::ranges::find(*place.roots, root) != place.roots->end();
}

void fault_of(const Scope& scope, const Text& text, size_t offset, const json::BindError& error, const TemplatePlace& place) {
    const Mark mark = mark_within(text, offset + error.offset);
    if (!error.unknown_root) {
        const std::string hint = offset == 0 ? "write $$ for a text that begins with a dollar" : "";
        scope.error(mark, "bad-path-query", "this is no JSONPath: " + error.what, hint);
        return;
    }
    if (place.roots == nullptr || place.roots->empty()) {
        const std::string why = place.no_body.empty() ? "there is no document here to ask" : std::string(place.no_body);
        scope.error(mark, "bad-template", "a text that begins with \"$\" is a JSONPath, and " + why, "write $$ for a text that begins with a dollar");
        return;
    }
    std::vector<std::string_view> names(place.roots->begin(), place.roots->end());
    const bool whole = error.root.empty();
    if (whole && !place.no_body.empty()) {
        scope.error(mark, "unknown-root", "$ is nothing here: " + std::string(place.no_body));
        return;
    }
    std::string known;
    for (const std::string_view name : names) known.append(known.empty() ? "$" : ", $").append(name);
    const std::string_view near = nearest(error.root, names.data(), names.size());
    std::string hint = "known here: " + known;
    if (!near.empty()) hint = "did you mean $" + std::string(near) + "?";
    else if (knows(place, "")) hint = "a member of the body stands behind a dot: $." + error.root;
    scope.error(mark, "unknown-root", whole ? "$ is nothing here" : "nothing is known as $" + error.root + " here", std::move(hint));
}

}  // namespace

std::vector<json::RootName> root_names(const TemplatePlace& place) {
    std::vector<json::RootName> names;
    for (size_t i = 0; place.roots != nullptr && i < place.roots->size(); ++i) {
        const std::string& name = (*place.roots)[i];
        names.push_back({name, place.origins != nullptr ? (*place.origins)[i] : "$" + name});
    }
    return names;
}

Mark mark_within(const Text& text, size_t offset) {
    const uint32_t width = text.mark.end_column - text.mark.column;
    const size_t points = code_points(text.value);
    const size_t quotes = width == points + 2 ? 1 : 0;
    if (text.mark.line == 0 || (width != points && quotes == 0)) return text.mark;
    Mark mark = text.mark;
    mark.column += static_cast<uint32_t>(quotes + code_points(std::string_view(text.value).substr(0, offset)));
    mark.end_column = mark.column + 1;
    return mark;
}

std::optional<json::BoundPath> read_path(const Scope& scope, const Text& text, size_t offset, size_t size, const TemplatePlace& place) {
    const auto names = root_names(place);
    auto path = json::BoundPath::compile(std::string_view(text.value).substr(offset, size), names);
    if (path) return std::move(*path);
    fault_of(scope, text, offset, path.error(), place);
    return std::nullopt;
}

std::optional<json::BoundCondition> read_condition(const Scope& scope, const Text& text, const TemplatePlace& place) {
    const auto names = root_names(place);
    auto condition = json::BoundCondition::compile(text.value, names);
    if (condition) return std::move(*condition);
    if (condition.error().unknown_root) {
        fault_of(scope, text, 0, condition.error(), place);
    } else {
        scope.error(mark_within(text, condition.error().offset), "bad-condition", "this is no condition: " + condition.error().what,
                    "such as $.status == 'open' && $.total > 10");
    }
    return std::nullopt;
}

void warn_of_bare_paths(const Scope& scope, const Text& text, const TemplatePlace& place) {
    const std::string_view in = text.value;
    for (size_t at = in.find('$', 1); at != std::string_view::npos; at = in.find('$', at + 1)) {
        if (in[at - 1] == '{' || in[at - 1] == '$') continue;
        size_t end = at + 1;
        while (end < in.size() && is_name_part(in[end])) ++end;
        if (!knows(place, in.substr(at + 1, end - at - 1)) || end + 1 >= in.size()) continue;
        if (in[end] != '.' || !is_name_part(in[end + 1]) || (in[end + 1] >= '0' && in[end + 1] <= '9')) continue;
        ++end;
        while (end < in.size() && (is_name_part(in[end]) || (in[end] == '.' && end + 1 < in.size() && is_name_part(in[end + 1])))) ++end;
        const std::string path(in.substr(at, end - at));
        scope.warning(mark_within(text, at), "bare-path", "\"" + path + "\" is text here: a $ within a text is itself",
                      "was {" + path + "} meant?");
    }
}

std::string first_of(std::string path) {
    for (size_t at = path.find("[*]"); at != std::string::npos; at = path.find("[*]", at)) path[at + 1] = '0';
    const bool plain = path.find_first_of("?:,") == std::string::npos && path.find("..") == std::string::npos;
    return plain ? path : "$.list[0]";
}

}  // namespace portico::gateway
