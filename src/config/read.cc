#include "config/read.h"

#include <algorithm>

#include "base/text.h"
#include "config/scalar.h"
#include "http/fields.h"

namespace portico::config {

// `{TENANT}` may be a variable of the environment without its dollar.
static std::string instead_of_braces(std::string_view text, size_t brace) {
    const size_t end = text.find('}', brace);
    const std::string_view name = end == std::string_view::npos ? std::string_view{} : text.substr(brace + 1, end - brace - 1);
    const bool shouted = is_variable_name(name) && std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
    if (shouted) return "did you mean ${" + std::string(name) + "}, a variable of the environment?";
    return "write the value itself; one that holds a brace comes from the environment: ${NAME}";
}

bool check_no_braces(const Scope& scope, Mark mark, std::string_view text) {
    const size_t brace = text.find('{');
    if (brace == std::string_view::npos) return true;
    scope.error(mark, "no-template", "\"" + std::string(text) + "\" holds a \"{\" in a place that takes no template: it would be used as it stands",
                instead_of_braces(text, brace));
    return false;
}

Text text_of(const Node& node) { return {node.text, node.mark, true, node.substituted, node.as_template}; }

bool check_no_braces(const Scope& scope, const Node& node) { return node.substituted || check_no_braces(scope, node.mark, node.text); }

std::optional<std::string> read_string(const Scope& scope, const Node& node, std::string_view what, Braces braces) {
    if (!node.is_scalar() || node.kind == NodeKind::null) {
        scope.expected(node, what);
        return std::nullopt;
    }
    if (braces == Braces::refused && !check_no_braces(scope, node)) return std::nullopt;
    return node.text;
}

std::optional<Text> read_text(const Scope& scope, const Node& node, std::string_view what, Braces braces) {
    auto s = read_string(scope, node, what, braces);
    if (!s) return std::nullopt;
    return Text{std::move(*s), node.mark, true, node.substituted, node.as_template};
}

std::optional<Text> read_file_name(const Scope& scope, const Node& node, std::string_view what) {
    auto t = read_text(scope, node, what);
    if (t && !t->value.empty()) t->value = scope.faults().beside(t->value);
    return t;
}

std::optional<bool> read_bool(const Scope& scope, const Node& node) {
    if (kind_where_wanted(node) == NodeKind::boolean) return ascii_lower(node.text[0]) == 't';
    if (node.is_scalar() && (node.text == "on" || node.text == "yes")) {
        scope.expected(node, "true or false", "did you mean true?");
    } else if (node.is_scalar() && (node.text == "off" || node.text == "no")) {
        scope.expected(node, "true or false", "did you mean false?");
    } else {
        scope.expected(node, "true or false");
    }
    return std::nullopt;
}

std::optional<int64_t> read_integer(const Scope& scope, const Node& node, int64_t least, int64_t most) {
    const std::string wanted =
        "a whole number from " + std::to_string(least) + (most == INT64_MAX ? " up" : " to " + std::to_string(most));
    if (kind_where_wanted(node) != NodeKind::number) {
        scope.expected(node, wanted);
        return std::nullopt;
    }
    int64_t n = 0;
    const char* end = node.text.data() + node.text.size();
    const auto [at, error] = std::from_chars(node.text.data(), end, n);
    if (error != std::errc{} || at != end || n < least || n > most) {
        scope.expected(node, wanted);
        return std::nullopt;
    }
    return n;
}

std::optional<Duration> read_duration(const Scope& scope, const Node& node, bool none_allowed) {
    if (node.is_scalar() && none_allowed && node.text == "none") return kForever;
    if (kind_where_wanted(node) == NodeKind::number) {
        if (node.text == "0") {
            scope.error(node.mark, "bad-duration", "0 is not a duration here",
                        none_allowed ? "write none where there is to be no limit" : "write a time such as 500ms");
        } else {
            scope.error(node.mark, "bad-duration", "a duration carries its unit: " + node.text + " of what?",
                        "did you mean " + node.text + "s or " + node.text + "m? (us, ms, s, m, h, d)");
        }
        return std::nullopt;
    }
    const auto d = node.is_scalar() ? parse_duration(node.text) : std::nullopt;
    if (!d) {
        scope.expected(node, none_allowed ? "a duration such as 250ms, 60s or 5m, or none" : "a duration such as 250ms, 60s or 5m");
        return std::nullopt;
    }
    if (*d <= Duration::zero()) {
        scope.error(node.mark, "bad-duration", "0 is not a duration here",
                    none_allowed ? "write none where there is to be no limit" : "write a time such as 500ms");
        return std::nullopt;
    }
    return d;
}

std::optional<uint64_t> read_size(const Scope& scope, const Node& node, uint64_t most, bool none_allowed) {
    if (node.is_scalar() && none_allowed && node.text == "none") return kNoLimit;
    if (kind_where_wanted(node) == NodeKind::number) {
        scope.error(node.mark, "bad-size", "a size carries its unit: " + node.text + " of what?",
                    "did you mean " + node.text + "KiB or " + node.text + "MiB? (B, KiB, MiB, GiB, KB, MB, GB)");
        return std::nullopt;
    }
    const auto n = node.is_scalar() ? parse_size(node.text) : std::nullopt;
    if (!n || *n == 0) {
        scope.expected(node, none_allowed ? "a size such as 64KiB or 10MB, or none" : "a size such as 64KiB or 10MB");
        return std::nullopt;
    }
    if (*n > most) {
        scope.error(node.mark, "out-of-range", node.text + " is too large: at most " + std::to_string(most / 1024) + "KiB");
        return std::nullopt;
    }
    return n;
}

std::optional<uint64_t> read_rate(const Scope& scope, const Node& node) {
    if (node.is_scalar() && node.text == "none") return 0;
    constexpr std::string_view kEach = "/s";
    const std::string_view text = node.is_scalar() ? std::string_view(node.text) : std::string_view();
    const auto n = text.ends_with(kEach) ? parse_size(text.substr(0, text.size() - kEach.size())) : std::nullopt;
    if (!n || *n == 0) {
        scope.expected(node, "bytes a second such as 500B/s or 10KiB/s, or none");
        return std::nullopt;
    }
    constexpr uint64_t kMost = uint64_t{1} << 40;
    if (*n > kMost) {
        scope.error(node.mark, "out-of-range", node.text + " is too much: at most 1024GiB/s");
        return std::nullopt;
    }
    return n;
}

std::optional<SocketAddress> read_address(const Scope& scope, const Node& node) {
    constexpr std::string_view kWhat = "an address such as 0.0.0.0:8080 or [::1]:8080";
    const auto s = read_string(scope, node, kWhat);
    if (!s) return std::nullopt;
    if (auto a = SocketAddress::parse(*s)) return a;
    std::string hint;
    const std::string_view behind_colon = std::string_view(*s).substr(s->find_last_of(':') + 1);  // all of it where there is no colon
    const bool is_number = !behind_colon.empty() && behind_colon.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_number && !parse_decimal<uint16_t>(behind_colon)) hint = "a port is a number from 0 to 65535";
    else if (s->starts_with(":") && is_number) hint = "did you mean 0.0.0.0" + *s + "? (every IPv4 address of this machine)";
    else if (s->starts_with("localhost:") && is_number) hint = "did you mean 127.0.0.1" + s->substr(9) + "?";
    else if (parse_decimal<uint16_t>(*s)) hint = "did you mean 0.0.0.0:" + *s + "? (every IPv4 address of this machine)";
    else if (IpAddress::parse(*s)) hint = "the port is missing: " + SocketAddress{*IpAddress::parse(*s), 8080}.text();
    scope.expected(node, kWhat, hint);
    return std::nullopt;
}

std::optional<size_t> read_word(const Scope& scope, const Node& node, std::span<const std::string_view> words) {
    if (node.is_scalar()) {
        for (size_t i = 0; i < words.size(); ++i) {
            if (words[i] == node.text) return i;
        }
    }
    std::string what = "one of";
    for (const auto w : words) what += " " + std::string(w);
    const std::string_view near = node.is_scalar() ? nearest(node.text, words.data(), words.size()) : std::string_view{};
    scope.expected(node, what, near.empty() ? "" : "did you mean " + std::string(near) + "?");
    return std::nullopt;
}

namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Whether all of a value that could be a list came from the environment: what is written beside the variables holds a comma only where
// it holds nothing else. A comma that somebody wrote in a text is part of that text.
bool is_list_of_environment(const Node& node) {
    if (!node.is_scalar() || !node.substituted || node.unset) return false;
    std::string written;
    for (std::string_view raw = node.raw; !raw.empty();) {
        const size_t begin = raw.find("${"), end = begin == std::string_view::npos ? begin : raw.find('}', begin);
        if (end == std::string_view::npos) {
            written += raw;
            break;
        }
        written += raw.substr(0, begin);
        raw.remove_prefix(end + 1);
    }
    return written.find(',') == std::string::npos || written.find_first_not_of(", \t\r\n") == std::string::npos;
}

}  // namespace

PlainList::PlainList(const Scope& scope, const Node& node) : is_list_(node.is_sequence()) {
    if (!is_list_) add(scope, node);
    for (const Node* item : node.items) add(scope, *item);
}

void PlainList::add(const Scope& scope, const Node& node) {
    if (!is_list_of_environment(node)) return items_.push_back(&node);
    is_list_ = is_list_ || node.text.empty() || node.text.find(',') != std::string::npos;
    const auto take_piece = [](std::string_view& left) {
        const size_t comma = std::min(left.find(','), left.size());
        const std::string_view piece = left.substr(0, comma);
        left.remove_prefix(std::min(comma + 1, left.size()));
        const size_t first = piece.find_first_not_of(kSpace);
        return first == std::string_view::npos ? std::string_view{} : piece.substr(first, piece.find_last_not_of(kSpace) + 1 - first);
    };
    // Both texts have the same commas.
    std::string_view notation = node.as_template;
    for (std::string_view left = node.text; !left.empty();) {
        const std::string_view piece = take_piece(left), in_notation = take_piece(notation);
        if (piece.empty()) continue;
        Node& one = made_.emplace_back();
        one.kind = node.quoted ? NodeKind::string : resolve_scalar(piece);
        one.mark = node.mark;
        one.text = piece;
        one.quoted = node.quoted;
        one.variables_alone = node.variables_alone;
        one.substituted = true;
        one.as_template = in_notation;
        one.raw = node.raw;
        one.unset = node.unset;
        // The whole is hidden as its variable; so is what it is made of.
        scope.faults().hide(piece, node.raw);
        items_.push_back(&one);
    }
}

std::vector<Text> read_texts(const Scope& scope, const Node& node, std::string_view what, Braces braces) {
    std::vector<Text> out;
    const PlainList list(scope, node);
    if (!list.is_list()) {
        if (auto t = read_text(scope, *list.items().front(), std::string(what) + ", or a list of them", braces)) out.push_back(std::move(*t));
        return out;
    }
    if (list.items().empty()) scope.error(node.mark, "empty-list", "the list is empty: leave the key out, or name something");
    for (size_t i = 0; i < list.items().size(); ++i) {
        if (auto t = read_text(Scope(scope, i), *list.items()[i], what, braces)) out.push_back(std::move(*t));
    }
    return out;
}

std::string written_list(const Text& written) {
    if (written.literal) return {};
    const std::string_view text = written.value;
    std::string list;
    size_t count = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find_first_of(", \t|", at), text.size());
        if (end > at) list.append(count++ == 0 ? "" : ", ").append(text.substr(at, end - at));
        at = end + 1;
    }
    return count > 1 ? "[" + list + "]" : std::string();
}

std::vector<Cidr> read_cidrs(const Scope& scope, const Node& node, bool* unix_named) {
    std::vector<Cidr> out;
    for (const Text& t : read_texts(scope, node, "a CIDR such as 10.0.0.0/8")) {
        if (unix_named != nullptr && t.value == "unix") {
            *unix_named = true;
            continue;
        }
        if (const auto block = Cidr::parse(t.value)) {
            out.push_back(*block);
            continue;
        }
        const auto meant = Cidr::network_of(t.value);
        const std::string list = written_list(t);
        scope.error(t.mark, "bad-cidr", "expected a CIDR such as 10.0.0.0/8 or one address, found \"" + t.value + "\"",
                    meant  ? "bits behind the prefix must be zero: did you mean " + *meant + "?"
                    : list.empty() ? "" : "did you mean " + list + "?");
    }
    return out;
}

bool is_nearly_everybody(const Cidr& block) {
    // IPv4 stands behind 96 bits of its mapped form.
    return block.network.is_v4() ? block.bits < 96 + 8 : block.bits < 7;
}

static bool is_label(std::string_view label) {
    for (const char c : label) {
        const bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!ok) return false;
    }
    return !label.empty() && label.size() <= 63;
}

bool is_host(std::string_view host) {
    if (IpAddress::parse(host)) return true;
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.size() > 253) return false;
    for (;;) {
        const size_t dot = host.find('.');
        if (!is_label(host.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return host.find_first_not_of("0123456789") != std::string_view::npos;
        host.remove_prefix(dot + 1);
    }
}

bool is_manageable_header(std::string_view name) {
    constexpr std::string_view kNever[] = {"authorization", "connection", "cookie", "host", "keep-alive", "te", "trailer",
                                           "transfer-encoding", "upgrade"};
    // Managed is managed in every spelling: `content_length` would take Content-Length off too.
    const std::string folded = http::folded_name(name);
    return !folded.starts_with("content-") && std::ranges::find(kNever, folded) == std::end(kNever);
}

bool is_header_name(std::string_view text) { return http::is_token(text) && text != "*"; }

bool check_managed_header(const Scope& scope, Mark mark, std::string_view name) {
    if (!is_header_name(name)) {
        scope.error(mark, "bad-header-name", "\"" + std::string(name) + "\" is not a header's name");
        return false;
    }
    if (is_manageable_header(name)) return true;
    scope.error(mark, "unmanageable-header",
                std::string(name) + " cannot be a managed header: it is the client's own, or part of the message's form");
    return false;
}

}  // namespace portico::config
