// Numbers of JSON compared by value, whatever their length: as decimals, never as doubles. For json/ only.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portico::json {

// What taking a number apart costs, in steps, beside what any value costs: nothing for those of usual length.
constexpr uint64_t number_cost(std::string_view text) { return text.size() / 32; }

// Where the exponent of a number begins; its size where it has none.
size_t exponent_place(std::string_view number);

// A number taken apart, once: what compares it with others reads no more digits than the shorter of two has.
class NumberKey {
  public:
    NumberKey() = default;
    // @param text  as JSON writes numbers (RFC 8259 §6); outlives the key
    explicit NumberKey(std::string_view text);

    // Exact; exponents beyond 10^17 on either side of zero count as that.
    friend std::strong_ordering operator<=>(const NumberKey& a, const NumberKey& b);

  private:
    size_t digits() const { return whole_.size() + fraction_.size(); }
    // The digits from the one at `i` on that stand together. @requires i < digits()
    std::string_view digits_from(size_t i) const {
        return i < whole_.size() ? whole_.substr(i) : fraction_.substr(i - whole_.size());
    }
    static std::strong_ordering compare_sizes(const NumberKey& a, const NumberKey& b);

    // 0.d1d2d3… times ten to the power of `magnitude_`; neither d1 nor the last digit is zero.
    std::string_view whole_;     // d1 … of before the point, where there are any
    std::string_view fraction_;  // and of behind it
    int64_t magnitude_ = 0;
    int sign_ = 0;  // -1, 0 or 1
};

// Both as JSON writes numbers. Costs as much as taking both apart.
std::strong_ordering compare_numbers(std::string_view a, std::string_view b);

}  // namespace portico::json
