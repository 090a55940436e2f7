#include "json/path/path_number.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace portico::json {
namespace {

constexpr int64_t kMaxExponent = 100'000'000'000'000'000;

// A number as 0.d1d2d3… times ten to the power of `magnitude`, d1 not zero.
struct Decimal {
    bool negative = false;
    std::string_view whole;     // d1 … of before the point, where there are any
    std::string_view fraction;  // and of behind it
    int64_t magnitude = 0;

    bool is_zero() const { return whole.empty() && fraction.empty(); }
    size_t digits() const { return whole.size() + fraction.size(); }
    char digit(size_t i) const {
        if (i < whole.size()) return whole[i];
        i -= whole.size();
        return i < fraction.size() ? fraction[i] : '0';
    }
};

// @returns how many zeros stood in front
size_t drop_zeros(std::string_view& digits) {
    const size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
    digits.remove_prefix(zeros);
    return zeros;
}

int64_t exponent_of(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    int64_t n = 0;
    for (const char c : text) {
        n = n * 10 + (c - '0');
        if (n < kMaxExponent) continue;
        n = kMaxExponent;
        break;
    }
    return negative ? -n : n;
}

Decimal decimal_of(std::string_view text) {
    Decimal d;
    d.negative = text.starts_with('-');
    if (d.negative) text.remove_prefix(1);
    if (const size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
        d.magnitude = exponent_of(text.substr(e + 1));
        text = text.substr(0, e);
    }
    const size_t point = text.find('.');
    d.whole = text.substr(0, point);
    if (point != std::string_view::npos) d.fraction = text.substr(point + 1);
    drop_zeros(d.whole);
    d.magnitude += static_cast<int64_t>(d.whole.size());
    if (d.whole.empty()) d.magnitude -= static_cast<int64_t>(drop_zeros(d.fraction));
    return d;
}

std::strong_ordering compare_sizes(const Decimal& a, const Decimal& b) {
    if (a.magnitude != b.magnitude) return a.magnitude <=> b.magnitude;
    const size_t digits = std::max(a.digits(), b.digits());
    for (size_t i = 0; i < digits; ++i) {
        if (a.digit(i) != b.digit(i)) return a.digit(i) <=> b.digit(i);
    }
    return std::strong_ordering::equal;
}

// An integer of at most 18 digits, which is what most numbers are.
std::optional<int64_t> short_integer(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    if (text.size() > 18) return std::nullopt;
    int64_t n = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        n = n * 10 + (c - '0');
    }
    return negative ? -n : n;
}

}  // namespace

std::strong_ordering compare_numbers(std::string_view a, std::string_view b) {
    if (const auto left = short_integer(a)) {
        if (const auto right = short_integer(b)) return *left <=> *right;
    }
    const Decimal left = decimal_of(a);
    const Decimal right = decimal_of(b);
    const int left_sign = left.is_zero() ? 0 : left.negative ? -1 : 1;
    const int right_sign = right.is_zero() ? 0 : right.negative ? -1 : 1;
    if (left_sign != right_sign || left_sign == 0) return left_sign <=> right_sign;
    return left_sign > 0 ? compare_sizes(left, right) : compare_sizes(right, left);
}

}  // namespace portico::json
