#include "json/plan/decimal.h"

#include <algorithm>
#include <charconv>

#include "json/path/path_number.h"

namespace portico::json {
namespace {

struct Parts {
    bool negative = false;
    std::string digits;   // without zeros before them; empty: zero
    int64_t scale = 0;    // behind the point; may be negative
};

constexpr int64_t kFar = 1'000'000'000'000;

Parts parts_of(std::string_view text) {
    Parts p;
    p.negative = text.starts_with('-');
    if (p.negative) text.remove_prefix(1);
    if (const size_t e = exponent_place(text); e < text.size()) {
        std::string_view exponent = text.substr(e + 1);
        if (exponent.starts_with('+')) exponent.remove_prefix(1);
        int64_t n = 0;
        const auto read = std::from_chars(exponent.data(), exponent.data() + exponent.size(), n);
        if (read.ec != std::errc{}) n = exponent.starts_with('-') ? -kFar : kFar;
        p.scale = -std::clamp(n, -kFar, kFar);
        text = text.substr(0, e);
    }
    const size_t point = text.find('.');
    p.digits = text.substr(0, point);
    if (point != std::string_view::npos) {
        p.digits += text.substr(point + 1);
        p.scale += static_cast<int64_t>(text.size() - point - 1);
    }
    p.digits.erase(0, std::min(p.digits.find_first_not_of('0'), p.digits.size()));
    return p;
}

// Both of the same length.
std::string sum_of(const std::string& a, const std::string& b) {
    std::string sum(a.size() + 1, '0');
    int carry = 0;
    for (size_t i = a.size(); i-- > 0;) {
        const int digit = (a[i] - '0') + (b[i] - '0') + carry;
        sum[i + 1] = static_cast<char>('0' + digit % 10);
        carry = digit / 10;
    }
    sum[0] = static_cast<char>('0' + carry);
    return sum;
}

// `a` less `b`. @requires both of the same length, a >= b
std::string difference_of(const std::string& a, const std::string& b) {
    std::string difference(a.size(), '0');
    int borrowed = 0;
    for (size_t i = a.size(); i-- > 0;) {
        int digit = a[i] - b[i] - borrowed;
        borrowed = digit < 0 ? 1 : 0;
        if (digit < 0) digit += 10;
        difference[i] = static_cast<char>('0' + digit);
    }
    return difference;
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
    Parts p = parts_of(text);
    Decimal d;
    if (p.digits.empty()) {
        // Zeros behind the point stay, as in 0.00.
        d.scale_ = std::clamp<int64_t>(p.scale, 0, kMaxDigits);
        d.trim();
        return d;
    }
    const auto size = static_cast<int64_t>(p.digits.size());
    if (p.scale > kMaxDigits || size - p.scale > kMaxDigits) return std::nullopt;
    d.negative_ = p.negative;
    d.digits_ = std::move(p.digits);
    if (p.scale < 0) d.digits_.append(static_cast<size_t>(-p.scale), '0');
    d.scale_ = std::max<int64_t>(p.scale, 0);
    d.trim();
    return d;
}

// Digits stand at least one before the point.
void Decimal::trim() {
    const size_t least = static_cast<size_t>(scale_) + 1;
    if (digits_.size() < least) digits_.insert(0, least - digits_.size(), '0');
    size_t zeros = 0;
    while (digits_.size() - zeros > least && digits_[zeros] == '0') ++zeros;
    digits_.erase(0, zeros);
    if (digits_.find_first_not_of('0') == std::string::npos) negative_ = false;
}

bool Decimal::add(const Decimal& other) {
    std::string a = digits_;
    std::string b = other.digits_;
    const int64_t scale = std::max(scale_, other.scale_);
    a.append(static_cast<size_t>(scale - scale_), '0');
    b.append(static_cast<size_t>(scale - other.scale_), '0');
    const size_t size = std::max(a.size(), b.size());
    a.insert(0, size - a.size(), '0');
    b.insert(0, size - b.size(), '0');
    if (negative_ == other.negative_) {
        digits_ = sum_of(a, b);
    } else if (a >= b) {
        digits_ = difference_of(a, b);
    } else {
        digits_ = difference_of(b, a);
        negative_ = other.negative_;
    }
    scale_ = scale;
    trim();
    return static_cast<int64_t>(digits_.size()) - scale_ <= kMaxDigits;
}

void Decimal::round(unsigned places) {
    if (scale_ <= static_cast<int64_t>(places)) return;
    const size_t kept = digits_.size() - static_cast<size_t>(scale_ - static_cast<int64_t>(places));
    const bool up = digits_[kept] >= '5';
    digits_.resize(kept);
    scale_ = places;
    if (up) {
        std::string one(kept, '0');
        one.back() = '1';
        digits_ = sum_of(digits_, one);
    }
    trim();
}

bool Decimal::is_whole() const {
    const size_t before = digits_.size() - static_cast<size_t>(scale_);
    return digits_.find_first_not_of('0', before) == std::string::npos;
}

std::string Decimal::text(bool whole) const {
    const size_t before = digits_.size() - static_cast<size_t>(scale_);
    std::string out = negative_ ? "-" : "";
    out += digits_.substr(0, before);
    if (whole || scale_ == 0) return out == "-0" ? "0" : out;
    return out + "." + digits_.substr(before);
}

std::string canonical_number(std::string_view text) {
    Parts p = parts_of(text);
    while (!p.digits.empty() && p.digits.back() == '0') {
        p.digits.pop_back();
        --p.scale;
    }
    if (p.digits.empty()) return "0";
    return (p.negative ? "-" : "") + p.digits + "e" + std::to_string(-p.scale);
}

}  // namespace portico::json
