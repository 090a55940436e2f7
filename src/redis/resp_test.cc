#include "redis/resp.h"

#include <gtest/gtest.h>

#include "redis/redis_fixture.h"

namespace portico::redis {
namespace {

// The replies in `bytes`, in words, read in pieces of `step`; "!" and why, for what is refused; "…" for what is not whole.
std::string read(std::string_view bytes, size_t step, ReplyLimits limits = {}) {
    ReplyReader reader(limits);
    std::string out;
    bool whole = true;
    for (size_t begin = 0; begin < bytes.size(); begin += step) {
        std::string piece(bytes.substr(begin, step));
        for (size_t at = 0; at < piece.size();) {
            auto progress = reader.read(std::string_view(piece).substr(at));
            if (!progress) return out + "!" + progress.error().context;
            at += progress->consumed;
            whole = progress->done;
            if (whole) out += Caller::in_words(reader.take().value()) + ";";
        }
    }
    return whole ? out : out + "…";
}

struct Case {
    const char* bytes;
    const char* wanted;
};

class EveryReply : public testing::TestWithParam<Case> {};

TEST_P(EveryReply, ReadsTheSameHoweverItIsCut) {
    const std::string_view bytes = GetParam().bytes;
    for (size_t step = 1; step <= bytes.size(); ++step) EXPECT_EQ(read(bytes, step), GetParam().wanted) << step;
}

INSTANTIATE_TEST_SUITE_P(Good, EveryReply, testing::Values(
    Case{"+OK\r\n", "OK;"},
    Case{"+\r\n", ";"},
    Case{"-ERR no\r\n:1\r\n", "ERR no;1;"},
    Case{":0\r\n:-7\r\n:+7\r\n", "0;-7;7;"},
    Case{":9223372036854775807\r\n:-9223372036854775808\r\n", "9223372036854775807;-9223372036854775808;"},
    Case{"$0\r\n\r\n$5\r\na\r\nbc\r\n", ";a\r\nbc;"},
    Case{"$-1\r\n*-1\r\n_\r\n", "nil;nil;nil;"},
    Case{"*0\r\n", "[];"},
    Case{"*3\r\n:1\r\n$1\r\nx\r\n$-1\r\n", "[1 x nil];"},
    Case{"*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n+a\r\n", "[[1 []] [a]];"},
    Case{"*8\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n*1\r\n:7\r\n:8\r\n", "[1 2 3 4 5 6 [7] 8];"},
    Case{"#t\r\n#f\r\n,1.5\r\n(12345678901234567890\r\n", "1;0;1.5;12345678901234567890;"},
    Case{"%1\r\n+a\r\n:1\r\n~1\r\n:2\r\n=5\r\ntxt:x\r\n", "[a 1];[2];txt:x;"},
    Case{">2\r\n+message\r\n+x\r\n+OK\r\n", "[message x];OK;"}));

INSTANTIATE_TEST_SUITE_P(NotWhole, EveryReply, testing::Values(
    Case{"+OK", "…"}, Case{"+OK\r", "…"}, Case{"$3\r\nab", "…"}, Case{"$3\r\nabc\r", "…"}, Case{"*2\r\n:1\r\n", "…"}));

INSTANTIATE_TEST_SUITE_P(Bad, EveryReply, testing::Values(
    Case{"HTTP/1.1 400 Bad Request\r\n", "!a reply of no known kind"},
    Case{"\r\n", "!a reply of no known kind"},
    Case{":\r\n", "!not an integer"},
    Case{":1 \r\n", "!not an integer"},
    Case{":0x1\r\n", "!not an integer"},
    Case{":+-1\r\n", "!not an integer"},
    Case{":9223372036854775808\r\n", "!not an integer"},
    Case{"+OK\n", "!a line does not end in CR LF"},
    Case{"+a\rb\r\n", "!a bare CR in a line"},
    Case{"$-2\r\n", "!not a length"},
    Case{"$?\r\n", "!not a length"},
    Case{"$\r\n", "!not a length"},
    Case{"$4294967295\r\n", "!a string is too long"},
    Case{"$99999999999999999999\r\n", "!not a length"},
    Case{"$1\r\nab\r\n", "!a string is longer than its length"},
    Case{"$1\r\na\rb", "!a string is longer than its length"},
    Case{"*-2\r\n", "!not a count"},
    Case{"*4294967295\r\n", "!a reply has too many elements"},
    Case{"%-1\r\n", "!not a count"},
    Case{"*1\r\n>1\r\n", "!a push inside of a reply"},
    Case{"#x\r\n", "!not a boolean"},
    Case{"_x\r\n", "!not a null"},
    Case{"|1\r\n", "!a reply of no known kind"}));

TEST(ReplyReader, IsBoundedInDepthNumberAndSize) {
    const ReplyLimits limits{.depth = 3, .elements = 5, .line = 8, .string = 10, .total = 16};
    EXPECT_EQ(read("*1\r\n*1\r\n*1\r\n:1\r\n", 1, limits), "[[[1]]];");
    EXPECT_EQ(read("*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", 1, limits), "!a reply is nested too deeply");
    EXPECT_EQ(read("*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", 1, limits), "[1 1 1 1];");
    EXPECT_EQ(read("*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", 1, limits), "!a reply has too many elements");
    EXPECT_EQ(read("+12345678\r\n", 1, limits), "12345678;");
    EXPECT_EQ(read("+12345678901234", 1, limits), "!a line is too long");
    EXPECT_EQ(read("$11\r\n", 1, limits), "!a string is too long");
    EXPECT_EQ(read("*2\r\n$10\r\n0123456789\r\n$7\r\n", 1, limits), "!a string is too long");
}

TEST(ReplyReader, ACountThatLiesTakesNoMemory) {
    ReplyReader reader;
    EXPECT_TRUE(reader.read("*100000\r\n$1000000\r\nx"));
    EXPECT_FALSE(reader.read("\n")->done);
}

TEST(Value, IsReadWithoutKnowingWhatItIs) {
    ReplyReader reader;
    ASSERT_TRUE(reader.read("*3\r\n$2\r\n42\r\n*2\r\n:1\r\n:2\r\n+x\r\n")->done);
    const Reply reply = reader.take();
    const Value value = reply.value();
    EXPECT_EQ(value[0].integer(), 42);
    EXPECT_EQ(value[1].integer(), std::nullopt);
    EXPECT_EQ(value[1][1].integer(), 2);
    EXPECT_EQ(value[2].text(), "x");
    EXPECT_TRUE(value[3].is_nil());
    EXPECT_TRUE(value[3][7][1].is_nil());
    EXPECT_EQ(value[2].size(), 0u);
    EXPECT_EQ(value.text(), "");
}

TEST(Reply, CopiesAListOfNumbersAndNothingElse) {
    ReplyReader reader;
    const auto copied = [&](std::string_view bytes, size_t count) {
        EXPECT_TRUE(reader.read(bytes)->done);
        std::vector<int64_t> numbers(count, -1);
        const Reply reply = reader.take();
        return reply.value().copy_integers(numbers) ? numbers : std::vector<int64_t>{};
    };
    EXPECT_EQ(copied("*8\r\n:1\r\n$2\r\n22\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:-8\r\n", 8), (std::vector<int64_t>{1, 22, 3, 4, 5, 6, 7, -8}));
    EXPECT_TRUE(copied("*2\r\n:1\r\n:2\r\n", 3).empty());
    EXPECT_TRUE(copied("*2\r\n*1\r\n:1\r\n:2\r\n", 2).empty());
    EXPECT_TRUE(copied("*2\r\n:1\r\n$-1\r\n", 2).empty());
    EXPECT_TRUE(copied(":1\r\n", 1).empty());
}

TEST(Reply, KeepsItsValuesWhenItIsMoved) {
    ReplyReader reader;
    ASSERT_TRUE(reader.read("*7\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n$20\r\nabcdefghijklmnopqrst\r\n")->done);
    Reply first = reader.take();
    const Reply second = std::move(first);
    EXPECT_EQ(Caller::in_words(second.value()), "[1 2 3 4 5 6 abcdefghijklmnopqrst]");
    ASSERT_TRUE(reader.read("+a\r\n")->done);
    EXPECT_EQ(Caller::in_words(reader.take().value()), "a");
}

TEST(Command, IsWrittenAsAnArrayOfStrings) {
    EXPECT_EQ(wire({"SET", "k", ""}), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
    EXPECT_EQ(wire({"0123456789"}), "*1\r\n$10\r\n0123456789\r\n");
    EXPECT_EQ(encoded_head_size(10), 5u);
    EXPECT_EQ(encoded_size("0123456789"), 17u);
}

}  // namespace
}  // namespace portico::redis
