#include "json/same_number.h"

#include <gtest/gtest.h>

namespace portico::json {
namespace {

TEST(SameNumber, AreComparedByValueWhateverTheirSize) {
    EXPECT_TRUE(same_number("1", "1.0"));
    EXPECT_TRUE(same_number("10e-1", "1"));
    EXPECT_TRUE(same_number("1E+2", "100"));
    EXPECT_TRUE(same_number("-0", "0"));
    EXPECT_TRUE(same_number("0.0e9", "0"));
    EXPECT_TRUE(same_number("0.001", "1e-3"));
    EXPECT_TRUE(same_number("123456789012345678901234567890", "1.2345678901234567890123456789e29"));
    EXPECT_FALSE(same_number("9007199254740993", "9007199254740992"));
    EXPECT_FALSE(same_number("1", "-1"));
    EXPECT_FALSE(same_number("1e9999999999999999999", "1e99999999999999999999"));
    EXPECT_TRUE(same_number("1e0000000000000000000002", "100"));
}

}  // namespace
}  // namespace portico::json
