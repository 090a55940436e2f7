#include "json/same_number.h"

#include <cstdint>
#include <optional>
#include <string>

#include "base/text.h"

namespace portico::json {
namespace {

// 0.DIGITS × 10^exponent, without zeros at either end; zero has no digits.
struct Decimal {
    bool negative = false;
    std::string digits;
    int64_t exponent = 0;
    bool operator==(const Decimal&) const = default;
};

std::optional<Decimal> parse(std::string_view text) {
    Decimal d;
    d.negative = text.starts_with('-');
    if (d.negative) text.remove_prefix(1);
    // Zero is zero, whatever its exponent.
    if (text.substr(0, text.find_first_of("eE")).find_first_of("123456789") == std::string_view::npos) return Decimal{};
    int64_t exponent = 0;
    if (const size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
        std::string_view power = text.substr(e + 1);
        const bool down = power.starts_with('-');
        if (down || power.starts_with('+')) power.remove_prefix(1);
        while (power.size() > 1 && power.front() == '0') power.remove_prefix(1);
        const auto n = power.size() > 18 ? std::nullopt : parse_decimal<int64_t>(power);
        if (!n) return std::nullopt;
        exponent = down ? -*n : *n;
        text = text.substr(0, e);
    }
    const size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    d.digits = whole;
    if (point != std::string_view::npos) d.digits += text.substr(point + 1);
    d.exponent = exponent + static_cast<int64_t>(whole.size());
    const size_t zeros = std::min(d.digits.find_first_not_of('0'), d.digits.size());
    d.digits.erase(0, zeros);
    d.exponent -= static_cast<int64_t>(zeros);
    d.digits.erase(d.digits.find_last_not_of('0') + 1);
    return d;
}

}  // namespace

bool is_comparable(std::string_view number) { return parse(number).has_value(); }

bool same_number(std::string_view a, std::string_view b) {
    if (a == b) return true;
    const auto left = parse(a);
    const auto right = parse(b);
    return left && right && *left == *right;
}

}  // namespace portico::json
