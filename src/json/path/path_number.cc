#include "json/path/path_number.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace portico::json {
namespace {

constexpr int64_t kMaxExponent = 100'000'000'000'000'000;

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

void drop_zeros_behind(std::string_view& digits) {
    digits.remove_suffix(digits.size() - (digits.find_last_not_of('0') + 1));
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

size_t exponent_place(std::string_view number) {
    if (number.size() > 32) return std::min({number.find('e'), number.find('E'), number.size()});
    // Most are short: a call costs more than they do.
    size_t at = 0;
    while (at < number.size() && (number[at] | 0x20) != 'e') ++at;
    return at;
}

NumberKey::NumberKey(std::string_view text) {
    sign_ = text.starts_with('-') ? -1 : 1;
    if (sign_ < 0) text.remove_prefix(1);
    if (const size_t e = exponent_place(text); e < text.size()) {
        magnitude_ = exponent_of(text.substr(e + 1));
        text = text.substr(0, e);
    }
    const size_t point = text.find('.');
    whole_ = text.substr(0, point);
    if (point != std::string_view::npos) fraction_ = text.substr(point + 1);
    drop_zeros(whole_);
    magnitude_ += static_cast<int64_t>(whole_.size());
    if (whole_.empty()) magnitude_ -= static_cast<int64_t>(drop_zeros(fraction_));
    drop_zeros_behind(fraction_);
    if (fraction_.empty()) drop_zeros_behind(whole_);
    if (digits() == 0) sign_ = 0;
}

std::strong_ordering NumberKey::compare_sizes(const NumberKey& a, const NumberKey& b) {
    if (a.magnitude_ != b.magnitude_) return a.magnitude_ <=> b.magnitude_;
    const size_t both = std::min(a.digits(), b.digits());
    for (size_t i = 0; i < both;) {
        const std::string_view left = a.digits_from(i);
        const std::string_view right = b.digits_from(i);
        if (left.front() != right.front()) return left.front() <=> right.front();
        const size_t size = std::min(left.size(), right.size());
        if (const auto order = left.substr(0, size) <=> right.substr(0, size); order != 0) return order;
        i += size;
    }
    return a.digits() <=> b.digits();
}

std::strong_ordering operator<=>(const NumberKey& a, const NumberKey& b) {
    if (a.sign_ != b.sign_ || a.sign_ == 0) return a.sign_ <=> b.sign_;
    return a.sign_ > 0 ? NumberKey::compare_sizes(a, b) : NumberKey::compare_sizes(b, a);
}

std::strong_ordering compare_numbers(std::string_view a, std::string_view b) {
    if (const auto left = short_integer(a)) {
        if (const auto right = short_integer(b)) return *left <=> *right;
    }
    return NumberKey(a) <=> NumberKey(b);
}

}  // namespace portico::json
