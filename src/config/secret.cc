// Secrets of a configuration: text, a file's, or bytes in base64.
#include <algorithm>
#include <array>

#include "base/base64url.h"
#include "config/concealed.h"
#include "config/file_text.h"
#include "config/read.h"
#include "config/scalar.h"

namespace portico::config {
namespace {

constexpr std::string_view kWanted = "a secret: text, ${NAME}, { file: /run/secrets/name }, or { base64: … }";

// Editors, `echo` and command substitutions leave one behind, and nobody means it to be part of a secret.
void drop_last_newline(std::string& text) {
    if (!text.empty() && text.back() == '\n') text.pop_back();
    if (!text.empty() && text.back() == '\r') text.pop_back();
}

// Either alphabet (RFC 4648 §4, §5), padded or not, in lines as `base64` writes them. @returns none where it is something else or nothing
std::optional<std::string> base64_decoded(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
        digits += c == '+' ? '-' : c == '/' ? '_' : c;
    }
    const std::string_view bare = without_padding(digits);
    return bare.empty() ? std::nullopt : base64url_decode(bare);
}

std::optional<std::string> text_of_file(const Scope& scope, const Node& file) {
    const std::string path = scope.faults().beside(file.text);
    auto text = read_file_text(path);
    if (!text) {
        scope.error(file.mark, "missing-file", "the file " + path + " cannot be read: " + text.error().context);
        return std::nullopt;
    }
    drop_last_newline(*text);
    scope.faults().hide(*text, "{ file: " + (file.substituted ? file.raw : file.text) + " }");
    return std::move(*text);
}

bool is_written(const Node& node) { return node.is_scalar() && node.kind != NodeKind::null; }

// The only member of a mapping, if that is its name.
const Node* only_member(const Node& node, std::string_view name) {
    return node.is_mapping() && node.entries.size() == 1 ? node.get(name) : nullptr;
}

// Text, or a file's. @returns none after a fault, and `fits` is false where it is neither
std::optional<std::string> read_plain(const Scope& scope, const Node& node, bool& fits) {
    if (is_written(node)) {
        std::string text = node.text;
        drop_last_newline(text);
        return text;
    }
    const Node* file = only_member(node, "file");
    fits = file != nullptr && is_written(*file);
    if (!fits) return std::nullopt;
    return text_of_file(Scope(scope, "file"), *file);
}

// Whether a variable is why there is no secret: one that is not set has its fault already.
bool is_told_empty(const Scope& scope, const Node& node) {
    if (node.unset) return true;
    if (!node.substituted || !node.text.empty()) return false;
    scope.error(node.mark, "empty-variable", node.raw + " is set and empty, and a secret is wanted here", "give it a value");
    return true;
}

std::string hint_for_mapping(const Node& node) {
    const Node* name = only_member(node, "env");
    if (name != nullptr && name->is_scalar() && is_variable_name(name->text)) return "did you mean \"${" + name->text + "}\"?";
    return "a text that begins with a brace or a bracket goes into quotes";
}

}  // namespace

std::optional<std::string> read_secret(const Scope& scope, const Node& node) {
    bool fits = true;
    const Node* coded = only_member(node, "base64");
    if (coded != nullptr) conceal(scope.faults(), *coded);
    const Node& written = coded != nullptr ? *coded : node;
    if (is_told_empty(scope, written)) return std::nullopt;
    auto text = read_plain(scope, written, fits);
    if (!fits) scope.expected(node, kWanted, hint_for_mapping(written));
    if (!text || coded == nullptr) return text;
    auto bytes = base64_decoded(*text);
    if (!bytes) scope.error(coded->mark, "bad-base64", "this is not base64 (" + std::to_string(text->size()) + " bytes)", "openssl rand -base64 32");
    return bytes;
}

bool looks_like_path(std::string_view text) {
    constexpr size_t kLongest = 255;
    constexpr std::array<std::string_view, 4> kBegins = {"/", "./", "../", "~/"};
    constexpr std::array<std::string_view, 9> kEnds = {".pem", ".crt", ".cer", ".key", ".pub", ".json", ".jwk", ".jwks", ".txt"};
    const bool plain = std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_' || c == '-' || c == '~';
    });
    if (!plain || text.size() > kLongest || text.starts_with("//")) return false;
    if (std::ranges::any_of(kEnds, [&](std::string_view end) { return text.ends_with(end); })) return true;
    // A random text in base64 may begin with a slash. Names of files are shorter than what stands between two of its slashes.
    constexpr size_t kLongestName = 40;
    size_t name = 0;
    const bool short_names = std::ranges::all_of(text, [&](char c) { return (name = c == '/' ? 0 : name + 1) <= kLongestName; });
    return short_names && std::ranges::any_of(kBegins, [&](std::string_view begin) { return text.size() > begin.size() && text.starts_with(begin); });
}

std::string file_hint(const Node& node) {
    if (!node.is_scalar() || !looks_like_path(node.text)) return {};
    return "did you mean { file: " + (node.substituted ? node.raw : node.text) + " }?";
}

}  // namespace portico::config
