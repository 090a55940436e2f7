#include "config/concealed.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/scalar.h"

namespace portico::config {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Each character an asterisk.
std::string asterisks(std::string_view text) {
    return std::string(static_cast<size_t>(std::ranges::count_if(text, [](char c) { return !is_continuation(c); })), '*');
}

// The same, where nobody knows how far the secret goes: names of variables and what may only be the form of YAML are kept.
std::string asterisks_between_signs(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const size_t end = text.starts_with("${") ? text.find('}') : std::string_view::npos;
        size_t kept = 0;
        if (end != std::string_view::npos && is_variable_name(text.substr(2, end - 2))) kept = end + 1;
        else if (std::string_view(" \t\"'{}[],").contains(text.front())) kept = 1;
        out += kept > 0 ? text.substr(0, kept) : is_continuation(text.front()) ? "" : "*";
        text.remove_prefix(std::max<size_t>(kept, 1));
    }
    return out;
}

bool is_key_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// Keys of the language whose values are secrets, or may hold one by mistake, and whose names do not say so.
bool holds_secrets_here(std::string_view key) {
    constexpr std::array<std::string_view, 5> kKeys = {"keys", "public_key", "sha256", "htpasswd", "redis"};
    return std::ranges::find(kKeys, key) != kKeys.end();
}

// Where the value of the first key of a secret begins. @returns npos where the line has none
size_t secret_value_in(std::string_view line) {
    for (size_t colon = line.find(':'); colon != std::string_view::npos; colon = line.find(':', colon + 1)) {
        size_t end = colon;
        while (end > 0 && (is_space(line[end - 1]) || line[end - 1] == '"' || line[end - 1] == '\'')) --end;
        size_t begin = end;
        while (begin > 0 && is_key_character(line[begin - 1])) --begin;
        const std::string_view key = line.substr(begin, end - begin);
        if (names_a_secret(key, line.find('=', colon) != std::string_view::npos ? "=" : "") || holds_secrets_here(key)) return colon + 1;
    }
    return std::string_view::npos;
}

size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }

// Whether the line stands inside of a value whose key, further up and further to the left, is that of a secret.
bool belongs_to_secret(std::span<const std::string_view> lines, size_t number) {
    size_t indent = indent_of(lines[number - 1]);
    for (size_t at = number - 1; at > 0 && indent > 0; --at) {
        const std::string_view above = lines[at - 1];
        const size_t its = indent_of(above);
        if (its >= indent || its == above.size()) continue;
        if (secret_value_in(above) != std::string_view::npos) return true;
        indent = its;
    }
    return false;
}

// What the file itself says in a text with variables: all but their names, and the texts that stand in for them.
std::string written_in(std::string_view raw, FaultList& faults) {
    std::string written;
    while (!raw.empty()) {
        const size_t begin = std::min(raw.find("${"), raw.size());
        const size_t end = raw.find('}', begin);
        written += raw.substr(0, begin);
        if (end == std::string_view::npos) return written.append(raw.substr(begin));
        const std::string_view inside = raw.substr(begin, end - begin);
        if (const size_t dash = inside.find(":-"); dash != std::string_view::npos) {
            faults.hide(inside.substr(dash + 2), kInsteadOfSecret);
            written += inside.substr(dash + 2);
        }
        raw.remove_prefix(end + 1);
    }
    return written;
}

}  // namespace

bool names_a_secret(std::string_view key, std::string_view value) {
    constexpr std::array<std::string_view, 10> kEnds = {"secret", "password", "passwd", "passphrase", "token", "base64", "private_key",
                                                        "authorization", "api-key", "credential"};
    if (value.contains('{') && !value.contains("${")) return false;  // a template, whose own faults are shown in it, or a mapping
    const std::string lower = to_lower(key);
    if (lower.ends_with("cookie")) return value.contains('=');  // a cookie's name stands behind this word as well
    // What stands there by mistake is often a file's name, which a hint shows.
    return lower != "htpasswd" && std::ranges::any_of(kEnds, [&](std::string_view end) { return lower.ends_with(end); });
}

size_t secret_behind_word(std::string_view text, bool is_key) {
    const auto word = static_cast<size_t>(std::ranges::find_if_not(text, is_key_character) - text.begin());
    if (word == 0 || word == text.size() || !may_hold_secrets(text.substr(0, word))) return std::string_view::npos;
    const size_t sign = std::min(text.find_first_not_of(" \t", word), text.size());
    const bool has_sign = sign < text.size() && (text[sign] == ':' || text[sign] == '=');
    const size_t begin = text.find_first_not_of(" \t", has_sign ? sign + 1 : sign);
    if (begin == std::string_view::npos || begin == word) return std::string_view::npos;
    const std::string_view rest = text.substr(begin);
    if (rest.starts_with("//")) return std::string_view::npos;  // of a URL
    // What is written in prose, and what is a template or a pattern, is none.
    const bool looks_made = rest.find_first_of(" {[(*\\^") == std::string_view::npos && (has_sign || rest.find_first_of("0123456789") != std::string_view::npos);
    return is_key || looks_made ? begin : std::string_view::npos;
}

bool may_hold_secrets(std::string_view key) { return names_a_secret(key, {}) || holds_secrets_here(key); }

std::string asterisks_but_names(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const size_t escape = text.find("$${");
        const size_t begin = std::min(text.find("${"), text.size());
        if (escape < begin) {  // `$${NAME}` is text
            out += asterisks(text.substr(0, escape + 3));
            text.remove_prefix(escape + 3);
            continue;
        }
        out += asterisks(text.substr(0, begin));
        text.remove_prefix(begin);
        const size_t end = text.find('}');
        const std::string_view inside = end == std::string_view::npos ? std::string_view{} : text.substr(2, end - 2);
        const size_t dash = std::min(inside.find(":-"), inside.size());
        if (!is_variable_name(inside.substr(0, dash))) {
            const size_t sign = std::min<size_t>(2, text.size());
            out += asterisks(text.substr(0, sign));
            text.remove_prefix(sign);
            continue;
        }
        const size_t kept = std::min(dash + 2, inside.size());
        out.append("${").append(inside.substr(0, kept)).append(asterisks(inside.substr(kept))).append("}");
        text.remove_prefix(end + 1);
    }
    return out;
}

std::string without_passwords(std::string_view text) {
    constexpr std::string_view kScheme = "://";
    std::string out;
    for (size_t at = text.find(kScheme); at != std::string_view::npos; at = text.find(kScheme)) {
        out += text.substr(0, at + kScheme.size());
        text.remove_prefix(at + kScheme.size());
        const std::string_view url = text.substr(0, text.find_first_of(" \t\"'`<>[]{},"));
        // A password with a slash in it is no part of a good URL, and is a password all the same.
        const bool in_authority = url.find('@') < url.find('/') || out.ends_with("redis://") || out.ends_with("rediss://");
        const size_t end = in_authority ? url.rfind('@') : std::string_view::npos;
        if (end == std::string_view::npos) continue;
        out += asterisks(text.substr(0, end));
        text.remove_prefix(end);
    }
    return out.append(text);
}

std::string without_written_secrets(std::span<const std::string_view> lines, size_t number) {
    const std::string_view line = lines[number - 1];
    const size_t from = belongs_to_secret(lines, number) ? indent_of(line) : secret_value_in(line);
    return from == std::string_view::npos ? std::string(line) : std::string(line.substr(0, from)) + asterisks_between_signs(line.substr(from));
}

void conceal(FaultList& faults, const Node& node) {
    for (const Node* item : node.items) conceal(faults, *item);
    for (const Entry& e : node.entries) {
        if (e.key == "file") continue;
        if (e.key != "base64") faults.hide_source(e.key_mark, e.key_mark);  // `secret: {text}` is a mapping to YAML, and the text its key
        conceal(faults, *e.value);
    }
    if (!node.is_scalar() || node.kind == NodeKind::null) return;
    if (node.substituted) {
        if (written_in(node.raw, faults).empty()) return;
        faults.hide(node.raw, kInsteadOfSecret);  // messages show this in place of the value
    }
    faults.hide_source(node.mark, node.end);
}

}  // namespace portico::config
