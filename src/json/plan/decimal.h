// Numbers of JSON as exact decimals: added, rounded, made whole, without ever being a double. Layer 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portico::json {

class Decimal {
  public:
    // More digits than this, before or behind the point, are refused: a number such as 1e999999 is short to write.
    static constexpr int64_t kMaxDigits = 400;

    Decimal() = default;
    // @param text  as JSON writes numbers. @returns none where it has too many digits
    static std::optional<Decimal> parse(std::string_view text);

    // Keeps as many digits behind the point as the longer of the two has: 1.10 + 2 is 3.10.
    // @returns false where the sum has too many digits
    bool add(const Decimal& other);
    // How many it is written with.
    size_t digits() const { return digits_.size(); }
    // To `places` digits behind the point, halves away from zero.
    void round(unsigned places);
    // Whether nothing but zeros stands behind the point.
    bool is_whole() const;
    // In full: no exponent. `whole`: without what stands behind the point.
    std::string text(bool whole = false) const;

  private:
    void trim();

    bool negative_ = false;
    std::string digits_ = "0";  // most significant first; no zeros before, but for zero itself
    int64_t scale_ = 0;         // how many of them stand behind the point
};

// One spelling for all that are equal: 1.0, 1 and 10e-1.
std::string canonical_number(std::string_view text);

}  // namespace portico::json
