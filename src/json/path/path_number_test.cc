#include "json/path/path_number.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace portico::json {
namespace {

// One number, written in many ways: the point anywhere among its digits or beside them, and zeros on both sides.
std::vector<std::string> spellings(const std::string& digits, int exponent) {
    std::vector<std::string> all;
    const auto size = static_cast<int>(digits.size());
    for (int point = 1; point <= size; ++point) {
        const std::string whole = digits.substr(0, static_cast<size_t>(point));
        const std::string fraction = digits.substr(static_cast<size_t>(point));
        const std::string power = "e" + std::to_string(exponent + size - point);
        all.push_back(whole + "." + fraction + "0" + power);
        all.push_back(whole + "." + fraction + std::string(40, '0') + power);
    }
    all.push_back(digits + std::string(30, '0') + "E" + std::to_string(exponent - 30));
    all.push_back("0.000" + digits + "e" + std::to_string(exponent + size + 3));
    return all;
}

TEST(NumberKey, IsTheSameForEverySpellingOfANumber) {
    for (const int exponent : {-50, 0, 7}) {
        for (const std::string digits : {"1", "12", "907", "12345678901234567890123", "99999999999999999999"}) {
            const auto some = spellings(digits, exponent);
            const auto greater = spellings(digits + "1", exponent - 1);
            for (const std::string& a : some) {
                for (const std::string& b : some) EXPECT_TRUE((NumberKey(a) <=> NumberKey(b)) == 0) << a << " and " << b;
                for (const std::string& b : greater) {
                    EXPECT_EQ(compare_numbers(a, b), std::strong_ordering::less) << a << " and " << b;
                    EXPECT_EQ(compare_numbers(b, a), std::strong_ordering::greater) << a << " and " << b;
                    EXPECT_EQ(compare_numbers("-" + a, "-" + b), std::strong_ordering::greater) << a << " and " << b;
                    EXPECT_EQ(compare_numbers("-" + b, a), std::strong_ordering::less) << a << " and " << b;
                }
            }
        }
    }
}

}  // namespace
}  // namespace portico::json
