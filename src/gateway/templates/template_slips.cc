#include "gateway/templates/template_slips.h"

#include <algorithm>

#include "gateway/templates/template_parser.h"

namespace portico::gateway {
namespace {

constexpr const char* kCode = "looks-like-template";

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::string_view word_at(std::string_view text, size_t at) {
    size_t end = std::min(at, text.size());
    const size_t begin = end;
    while (end < text.size() && is_word(text[end])) ++end;
    return text.substr(begin, end - begin);
}

// A text of the path that was likely meant to be a value.
struct Slip {
    std::string written;  // as the file has it
    std::string meant;    // without its braces
    size_t end = 0;       // where the text goes on
};

// The slip that begins at `at`; `written` is empty where there is none.
Slip slip_at(std::string_view text, size_t at, const std::vector<std::string>& parameters) {
    const auto is_parameter = [&](std::string_view name) { return std::ranges::find(parameters, name) != parameters.end(); };
    const auto named = [&](std::string_view closing) -> std::string_view {
        const std::string_view name = word_at(text, at + 1);
        return is_parameter(name) && text.substr(at + 1 + name.size()).starts_with(closing) ? name : std::string_view{};
    };
    const auto slip = [&](std::string_view name, std::string_view before, std::string_view behind, size_t size) {
        return Slip{std::string(before).append(name).append(behind), std::string(name), at + size};
    };
    const bool begins = at > 0 && std::string_view("/?&=").contains(text[at - 1]);
    switch (text[at]) {
        case '$':
            if (const auto name = named(""); !name.empty()) return slip(name, "$", "", 1 + name.size());
            break;
        case ':':
            if (const auto name = named(""); begins && !name.empty()) return slip(name, ":", "", 1 + name.size());
            break;
        case '<':
            if (const auto name = named(">"); !name.empty()) return slip(name, "<", ">", 2 + name.size());
            break;
        case '{':  // of `{{`, which is a brace
            if (const auto name = named("}"); !name.empty()) return slip(name, "{{", "}}", 2 + name.size());
            break;
        case '*': {
            if (at == 0 || text[at - 1] != '/') break;
            const size_t end = text.substr(at).starts_with("**") ? at + 2 : at + 1;
            if (end == text.size() || text[end] == '/' || text[end] == '?') return {std::string(text.substr(at, end - at)), "**", end};
            break;
        }
        default: break;
    }
    return {};
}

}  // namespace

void warn_of_path_slips(const config::Scope& scope, config::Mark mark, std::span<const TemplatePart> parts, const std::vector<std::string>* parameters, bool rest) {
    static const std::vector<std::string> kNone;
    for (const TemplatePart& part : parts) {
        if (part.source != Source::literal) continue;
        for (size_t at = 0; at < part.text.size(); ++at) {
            const Slip slip = slip_at(part.text, at, parameters != nullptr ? *parameters : kNone);
            if (slip.written.empty()) continue;
            at = slip.end - 1;
            const bool has_value = slip.meant != "**" || rest;
            scope.warning(mark, kCode, "\"" + slip.written + "\" is plain text here, and no value",
                          has_value ? "did you mean {" + slip.meant + "}?" : "{**} is what \"**\" at the end of the route's paths stands for, and there is none on each of them");
        }
    }
}

void warn_of_bare_value(const config::Scope& scope, const config::Text& text, const TemplatePlace& place) {
    if (text.literal) return;  // what came from the environment is text
    std::string_view name = text.value;
    const bool braced = name.size() > 4 && name.starts_with("{{") && name.ends_with("}}");
    if (braced) name = name.substr(2, name.size() - 4);
    const bool is_parameter = braced && place.parameters != nullptr && std::ranges::find(*place.parameters, name) != place.parameters->end();
    if (!is_parameter && !is_value_name(name, place)) return;
    scope.warning(text.mark, kCode, "\"" + text.value + "\" is sent as this text, and is no value", "did you mean \"{" + std::string(name) + "}\"?");
}

}  // namespace portico::gateway
