#include "http/h1/writer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "http/h1/parser.h"

namespace portico::http::h1 {
namespace {

TEST(Output, writes_a_request_that_parses_to_itself) {
    char memory[256];
    Output out(memory, sizeof memory);
    out.request_line("POST", "/a?b");
    out.field("Host", "a");
    out.field("Content-Length", "3");
    out.put(kChunkEnd);
    ASSERT_FALSE(out.full());
    HeadParser parser;
    RequestHead head;
    ASSERT_EQ(parser.parse_request({memory, out.size()}, head), Progress::done);
    EXPECT_EQ(head.method, Method::post);
    EXPECT_EQ(head.target, "/a?b");
    EXPECT_EQ(head.body.length, 3U);
}

TEST(Output, a_status_line_has_the_usual_reason_unless_told) {
    char memory[64];
    Output usual(memory, sizeof memory);
    usual.status_line(404);
    EXPECT_EQ(std::string_view(memory, usual.size()), "HTTP/1.1 404 Not Found\r\n");
    Output told(memory, sizeof memory);
    told.status_line(404, "Gone Fishing");
    EXPECT_EQ(std::string_view(memory, told.size()), "HTTP/1.1 404 Gone Fishing\r\n");
    Output unknown(memory, sizeof memory);
    unknown.status_line(299);
    EXPECT_EQ(std::string_view(memory, unknown.size()), "HTTP/1.1 299 \r\n");
}

TEST(Output, writes_nothing_past_its_end_and_says_so) {
    char memory[9] = "--------";
    Output out(memory, 4);
    out.put("abc");
    EXPECT_FALSE(out.full());
    out.put("de");
    EXPECT_TRUE(out.full());
    EXPECT_EQ(std::string_view(memory, 8), "abc-----");
    EXPECT_EQ(out.size(), 3U);
}

TEST(Output, writes_decimals) {
    char memory[64];
    Output out(memory, sizeof memory);
    out.put_decimal(0);
    out.put(' ');
    out.put_decimal(18446744073709551615U);
    EXPECT_EQ(std::string_view(memory, out.size()), "0 18446744073709551615");
}

TEST(Output, writes_decimals_of_every_length) {
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; ++digits, power *= 10) {
        for (const uint64_t n : {power - 1, power, power + 1, power / 7 * 3}) {
            char memory[32];
            Output out(memory, sizeof memory);
            out.put_decimal(n);
            EXPECT_EQ(std::string_view(memory, out.size()), std::to_string(n));
        }
    }
}

TEST(Output, writes_every_status) {
    for (int status = 100; status <= 599; ++status) {
        char memory[64];
        Output out(memory, sizeof memory);
        out.status_line(status, "R");
        EXPECT_EQ(std::string_view(memory, out.size()), "HTTP/1.1 " + std::to_string(status) + " R\r\n");
    }
}

// Names and values of every length, each in memory of its own, so that a sanitizer sees a byte too many on either side.
TEST(Output, a_field_is_written_whole_or_not_at_all) {
    for (size_t name_size = 1; name_size <= 40; ++name_size) {
        for (size_t value_size = 0; value_size <= 70; ++value_size) {
            std::string name, value;
            for (size_t i = 0; i < name_size; ++i) name += static_cast<char>('a' + i % 26);
            for (size_t i = 0; i < value_size; ++i) value += static_cast<char>('A' + i % 26);
            const auto own_name = std::make_unique<char[]>(name_size);
            const auto own_value = std::make_unique<char[]>(value_size);
            name.copy(own_name.get(), name_size);
            value.copy(own_value.get(), value_size);
            const std::string whole = name + ": " + value + "\r\n";
            const auto memory = std::make_unique<char[]>(whole.size());
            Output out(memory.get(), whole.size());
            out.field({own_name.get(), name_size}, {own_value.get(), value_size});
            ASSERT_FALSE(out.full());
            ASSERT_EQ(std::string_view(memory.get(), out.size()), whole);
            Output narrow(memory.get(), whole.size() - 1);
            narrow.field(name, value);
            ASSERT_TRUE(narrow.full());
            ASSERT_EQ(narrow.size(), 0U);
        }
    }
}

#ifndef NDEBUG
TEST(OutputDeathTest, refuses_a_field_that_would_split_the_message) {
    char memory[64];
    Output out(memory, sizeof memory);
    EXPECT_DEATH(out.field("a b", "c"), "is_token");
    EXPECT_DEATH(out.field("", "c"), "is_token");
    EXPECT_DEATH(out.field("a", "b\r\nc: d"), "is_field_value");
    EXPECT_DEATH(out.field("a", std::string_view("\0", 1)), "is_field_value");
}
#endif

TEST(ChunkHeader, stands_just_before_its_data) {
    const struct {
        uint64_t size;
        std::string_view want;
    } cases[] = {{0, "0\r\n"},   {1, "1\r\n"},         {15, "f\r\n"},
                 {16, "10\r\n"}, {65536, "10000\r\n"}, {~uint64_t{0}, "ffffffffffffffff\r\n"}};
    for (const auto& c : cases) {
        char memory[kChunkHeaderRoom + 1];
        char* const data = memory + kChunkHeaderRoom;
        char* const at = write_chunk_header(data, c.size);
        EXPECT_GE(at, memory);
        EXPECT_EQ(std::string_view(at, data), c.want);
    }
}

std::string date(int64_t seconds) {
    char text[kDateSize];
    write_date(seconds, text);
    return {text, sizeof text};
}

TEST(Date, is_written_as_the_rfc_wants_it) {
    EXPECT_EQ(date(784887151), "Tue, 15 Nov 1994 08:12:31 GMT");
    EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
    EXPECT_EQ(date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_EQ(date(951868800), "Wed, 01 Mar 2000 00:00:00 GMT");
    EXPECT_EQ(date(4107542399), "Sun, 28 Feb 2100 23:59:59 GMT");
    EXPECT_EQ(date(4107542400), "Mon, 01 Mar 2100 00:00:00 GMT");
    EXPECT_EQ(date(1700000000), "Tue, 14 Nov 2023 22:13:20 GMT");
}

TEST(Date, agrees_with_the_system_on_every_day_of_four_centuries) {
    for (int64_t day = -60'000; day < 90'000; ++day) {
        const time_t t = day * 86400 + 45296;
        tm parts{};
        gmtime_r(&t, &parts);
        char want[64];
        std::strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        ASSERT_EQ(date(t), want);
    }
}

}  // namespace
}  // namespace portico::http::h1
