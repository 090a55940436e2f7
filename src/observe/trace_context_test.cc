#include "observe/trace_context.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace portico::observe {
namespace {

// From the W3C's own suite (trace-context/test) and the specification's examples.
TEST(TraceParent, valid_ones_are_taken_apart) {
    const struct {
        std::string_view text, trace, parent;
        int flags;
    } cases[] = {
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 1},
        {"00-12345678901234567890123456789012-1234567890123456-00", "12345678901234567890123456789012", "1234567890123456", 0},
        {"00-00000000000000000000000000000001-0000000000000001-ff", "00000000000000000000000000000001", "0000000000000001", 255},
        // Versions to come are read by the fields that this one knows.
        {"cc-12345678901234567890123456789012-1234567890123456-01", "12345678901234567890123456789012", "1234567890123456", 1},
        {"cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
         "12345678901234567890123456789012", "1234567890123456", 1},
        {"01-12345678901234567890123456789012-1234567890123456-01-", "12345678901234567890123456789012", "1234567890123456", 1},
    };
    for (const auto& c : cases) {
        const auto t = parse_traceparent(c.text);
        ASSERT_TRUE(t) << c.text;
        EXPECT_EQ(t->trace(), c.trace);
        EXPECT_EQ(std::string_view(t->parent_id.data(), 16), c.parent);
        EXPECT_EQ(t->flags, c.flags);
    }
}

TEST(TraceParent, invalid_ones_are_refused) {
    for (const std::string_view text : {
             "",
             "00",
             // a version that is none
             "ff-12345678901234567890123456789012-1234567890123456-01",
             ".0-12345678901234567890123456789012-1234567890123456-01",
             "0.-12345678901234567890123456789012-1234567890123456-01",
             "0-12345678901234567890123456789012-1234567890123456-01",
             "000-12345678901234567890123456789012-1234567890123456-01",
             "0A-12345678901234567890123456789012-1234567890123456-01",
             // version 00 is exactly 55 characters
             "00-12345678901234567890123456789012-1234567890123456-01.",
             "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
             "00-12345678901234567890123456789012-1234567890123456-01-",
             "cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-not-be-like",
             // the trace id
             "00-00000000000000000000000000000000-1234567890123456-01",
             "00-.2345678901234567890123456789012-1234567890123456-01",
             "00-1234567890123456789012345678901.-1234567890123456-01",
             "00-1234567890123456789012345678901-1234567890123456-01",
             "00-123456789012345678901234567890123-1234567890123456-01",
             "00-1234567890123456789012345678901A-1234567890123456-01",
             // the parent id
             "00-12345678901234567890123456789012-0000000000000000-01",
             "00-12345678901234567890123456789012-.234567890123456-01",
             "00-12345678901234567890123456789012-123456789012345.-01",
             "00-12345678901234567890123456789012-123456789012345-01",
             "00-12345678901234567890123456789012-12345678901234567-01",
             "00-12345678901234567890123456789012-123456789012345A-01",
             // the flags
             "00-12345678901234567890123456789012-1234567890123456-.0",
             "00-12345678901234567890123456789012-1234567890123456-0.",
             "00-12345678901234567890123456789012-1234567890123456-1",
             "00-12345678901234567890123456789012-1234567890123456-0A",
             "00-12345678901234567890123456789012-1234567890123456-",
             // the dashes
             "00_12345678901234567890123456789012-1234567890123456-01",
             "00-12345678901234567890123456789012_1234567890123456-01",
             "00-12345678901234567890123456789012-1234567890123456_01",
             " 00-12345678901234567890123456789012-1234567890123456-01",
         }) {
        EXPECT_FALSE(parse_traceparent(text)) << text;
    }
}

TEST(TraceParent, every_prefix_of_a_valid_one_is_refused) {
    const std::string_view whole = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_traceparent(whole.substr(0, n))) << n;
}

TEST(Random, equal_seeds_give_equal_numbers_and_others_do_not) {
    Random a(42), b(42), c(43), zero(0);
    const uint64_t first = a.next();
    EXPECT_EQ(first, b.next());
    EXPECT_NE(first, c.next());
    EXPECT_NE(zero.next(), zero.next());
}

TEST(RequestId, a_new_one_is_32_hex_digits_and_valid) {
    Random random(7);
    std::string id(kRequestIdSize, '?'), other(kRequestIdSize, '?');
    write_request_id(random, id.data());
    write_request_id(random, other.data());
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    EXPECT_TRUE(is_valid_request_id(id));
    EXPECT_NE(id, other);
}

TEST(RequestId, a_clients_own_is_passed_on_only_where_it_is_harmless) {
    for (const std::string_view ok : {"a", "0-9_A.z", "550e8400-e29b-41d4-a716-446655440000"}) EXPECT_TRUE(is_valid_request_id(ok)) << ok;
    EXPECT_TRUE(is_valid_request_id(std::string(128, 'x')));
    EXPECT_FALSE(is_valid_request_id(std::string(129, 'x')));
    for (const std::string_view bad : {"", " ", "a b", "a\"", "a\r\nb", "{a}", "a/b", "\xc3\xa4", "a,b", "a=b"}) {
        EXPECT_FALSE(is_valid_request_id(bad)) << bad;
    }
    EXPECT_FALSE(is_valid_request_id(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace portico::observe
