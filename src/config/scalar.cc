#include "config/scalar.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace portico::config {
namespace {

bool all(std::string_view s, std::string_view of) { return !s.empty() && s.find_first_not_of(of) == std::string_view::npos; }

bool is_number(std::string_view s) {
    constexpr std::string_view kDigits = "0123456789";
    if (s.starts_with("0o")) return all(s.substr(2), "01234567");
    if (s.starts_with("0x")) return all(s.substr(2), "0123456789abcdefABCDEF");
    if (s == ".nan" || s == ".NaN" || s == ".NAN") return true;
    if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
    if (s == ".inf" || s == ".Inf" || s == ".INF") return true;
    const size_t e = s.find_first_of("eE");
    std::string_view mantissa = s.substr(0, e);
    if (e != std::string_view::npos) {
        std::string_view exponent = s.substr(e + 1);
        if (!exponent.empty() && (exponent[0] == '-' || exponent[0] == '+')) exponent.remove_prefix(1);
        if (!all(exponent, kDigits)) return false;
    }
    const size_t dot = mantissa.find('.');
    if (dot == std::string_view::npos) return all(mantissa, kDigits);
    const std::string_view whole = mantissa.substr(0, dot), part = mantissa.substr(dot + 1);
    if (whole.empty() && part.empty()) return false;
    return (whole.empty() || all(whole, kDigits)) && (part.empty() || all(part, kDigits));
}

struct Unit {
    std::string_view name;
    double factor;
};

std::optional<double> with_unit(std::string_view text, const Unit* units, size_t count) {
    const size_t n = text.find_first_not_of("0123456789.");
    if (n == 0 || n == std::string_view::npos) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + n, value);
    if (error != std::errc{} || end != text.data() + n) return std::nullopt;
    for (size_t i = 0; i < count; ++i) {
        if (units[i].name == text.substr(n)) return value * units[i].factor;
    }
    return std::nullopt;
}

constexpr std::array<Unit, 6> kTimes = {{{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};
constexpr std::array<Unit, 7> kSizes = {
    {{"B", 1}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}}};

}  // namespace

NodeKind resolve_scalar(std::string_view s) {
    if (s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL") return NodeKind::null;
    if (s == "true" || s == "True" || s == "TRUE" || s == "false" || s == "False" || s == "FALSE") return NodeKind::boolean;
    return is_number(s) ? NodeKind::number : NodeKind::string;
}

NodeKind kind_where_wanted(const Node& node) { return node.quoted && node.variables_alone ? resolve_scalar(node.text) : node.kind; }

bool is_variable_name(std::string_view s) {
    if (s.empty() || (s[0] >= '0' && s[0] <= '9')) return false;
    for (const char c : s) {
        const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!ok) return false;
    }
    return true;
}

std::optional<Duration> parse_duration(std::string_view text) {
    const auto ns = with_unit(text, kTimes.data(), kTimes.size());
    if (!ns || *ns > 9e18) return std::nullopt;
    return Duration(static_cast<int64_t>(std::llround(*ns)));
}

std::optional<uint64_t> parse_size(std::string_view text) {
    const auto bytes = with_unit(text, kSizes.data(), kSizes.size());
    if (!bytes || *bytes > 9e18) return std::nullopt;
    return static_cast<uint64_t>(*bytes);
}

std::string duration_text(Duration d) {
    if (d == kForever) return "none";
    const int64_t us = d.count() / 1000;
    if (us % 1'000'000 == 0) return std::to_string(us / 1'000'000) + "s";
    if (us % 1000 == 0) return std::to_string(us / 1000) + "ms";
    return std::to_string(us) + "us";
}

}  // namespace portico::config
