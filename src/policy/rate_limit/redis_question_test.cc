#include "policy/rate_limit/redis_question.h"

#include <gtest/gtest.h>

#include "policy/rate_limit/redis_counter.h"
#include "policy/rate_limit/redis_script.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;
using enum Algorithm;

std::vector<std::string> words(const Limit& limit, std::string_view client, uint64_t cost) {
    const RedisForm form(limit);
    const uint64_t costs[] = {cost};
    const RedisQuestion question(form, client, costs, 7);
    std::vector<std::string> out;
    for (const auto part : {question.keys(), question.arguments()}) out.insert(out.end(), part.begin(), part.end());
    return out;
}

TEST(RedisQuestion, WritesItsWordsPlainly) {
    const Limit l{.name = "fair use", .windows = {{100, 60s}, {5, 1h}}, .charge_refused = true};
    EXPECT_EQ(words(l, "10.0.0.1", 2),
              (std::vector<std::string>{"portico:{fair%20use:10.0.0.1}:0w", "portico:{fair%20use:10.0.0.1}:1w", "w", "2",
                                        "1", "100", "60000000", "0", "5", "3600000000", "0", "7"}));
    const Limit b{.name = "b", .algorithm = token_bucket, .windows = {{5, 1s, 20}}};
    EXPECT_EQ(words(b, "", UINT64_MAX),
              (std::vector<std::string>{"portico:{b:}:0b", "b", "1000000001", "0", "5", "1000000", "20", "7"}));
}

TEST(RedisQuestion, EncodesWhatAKeyOrAHashTagGivesAMeaningTo) {
    const Limit l{.name = "a}{:%", .algorithm = fixed_window, .windows = {{1, 1s}}};
    EXPECT_EQ(words(l, std::string_view("2001:db8::/64}\0\xff", 16), 1)[0],
              "portico:{a%7d%7b%3a%25:2001%3adb8%3a%3a%2f64%7d%00%ff}:0f");
}

TEST(RedisQuestion, TakesTheDigestOfALongClientAndFitsAnySize) {
    Limit l{.name = std::string(3000, '/'), .algorithm = sliding_counter};
    for (int i = 1; i <= 6; ++i) l.windows.push_back({kMaxQuota, i * 24h});
    const auto encoded = words(l, std::string(128, '{'), 1);
    ASSERT_EQ(encoded.size(), 6 + 4 + 18u);
    for (size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(encoded[i].size(), std::string("portico:{:}:0c").size() + 3 * 3128);
        EXPECT_EQ(encoded[i].substr(encoded[i].size() - 4), "}:" + std::to_string(i) + "c");
    }
    const auto digested = words(l, std::string(129, '{'), 1);
    EXPECT_EQ(digested[5].size(), std::string("portico:{:#}:0c").size() + 3 * 3000 + 64);
    EXPECT_NE(digested[0], words(l, std::string(130, '{'), 1)[0]);
}

Result<Decision> read(const Limit& limit, std::string_view text) {
    redis::ReplyReader reader;
    EXPECT_TRUE(reader.read(text));
    const redis::Reply reply = reader.take();
    RedisDecisions answer;
    if (auto whole = answer.read(limit, 1, reply.value()); !whole) return fail(whole.error());
    return answer.decision(limit, 0, 1);
}

TEST(RedisCounter, ReadsADecision) {
    const Limit l{.name = "l", .windows = {{5, 1s}}};
    const auto d = read(l, "*5\r\n$1\r\n7\r\n:1\r\n:2\r\n:0\r\n:900000\r\n");
    ASSERT_TRUE(d);
    EXPECT_TRUE(d->admitted);
    EXPECT_EQ(d->deciding().remaining, 3u);
    EXPECT_EQ(d->deciding().reset, 900ms);
    EXPECT_TRUE(read(l, "*5\r\n$1\r\n7\r\n:1\r\n$1\r\n2\r\n:0\r\n:900000\r\n"));
}

TEST(RedisCounter, WhatIsNoDecisionIsAFaultOfTheStore) {
    const Limit l{.name = "l", .windows = {{5, 1s}}};
    std::string longest = "*20\r\n";
    for (int i = 0; i < 20; ++i) longest += ":1\r\n";
    for (const std::string& text : {std::string("$2\r\nOK\r\n"), std::string("*0\r\n"), std::string("*1\r\n:1\r\n"),
                                    std::string("*4\r\n:1\r\n:2\r\n:0\r\n:900000\r\n"),
                                    std::string("*5\r\n$1\r\n7\r\n:1\r\n:2\r\n$1\r\nx\r\n:0\r\n"), std::string("*5\r\n$1\r\n7\r\n*1\r\n:1\r\n:2\r\n:0\r\n:0\r\n"), std::string("$-1\r\n"), longest}) {
        const auto d = read(l, text);
        ASSERT_FALSE(d) << text;
        EXPECT_EQ(d.error().fault, Fault::store_protocol);
    }
}

TEST(RedisQuestion, WritesTheCostsOfAllRequestsThatWait) {
    const RedisForm form(Limit{.name = "l", .windows = {{5, 1s}}});
    const uint64_t costs[] = {1, 1, 1'000'000, 3};
    const RedisQuestion question(form, "c", costs, 1);
    EXPECT_EQ(question.arguments()[1], "1,1,1000000,3");
    const std::vector<uint64_t> many(128, UINT64_MAX);
    EXPECT_EQ(RedisQuestion(form, "c", many, UINT64_MAX).arguments()[1].size(), 128 * 11 - 1u);
}

TEST(RedisCounter, A46_an_answer_is_known_by_its_questions_mark_and_by_its_length) {
    const RedisForm form(Limit{.name = "l", .windows = {{5, 1s}}});
    const uint64_t costs[] = {1, 1};
    const RedisQuestion question(form, "c", costs, 12);
    const auto is_of_it = [&](std::string_view text) {
        redis::ReplyReader reader;
        EXPECT_TRUE(reader.read(text));
        const redis::Reply reply = reader.take();
        return redis_counter().check()(reply.value(), question.arguments());
    };
    EXPECT_TRUE(is_of_it("*9\r\n$2\r\n12\r\n:1\r\n:1\r\n:0\r\n:9\r\n:1\r\n:2\r\n:0\r\n:9\r\n"));
    EXPECT_FALSE(is_of_it("*9\r\n$2\r\n11\r\n:1\r\n:1\r\n:0\r\n:9\r\n:1\r\n:2\r\n:0\r\n:9\r\n")) << "another question's";
    EXPECT_FALSE(is_of_it("*5\r\n$2\r\n12\r\n:1\r\n:1\r\n:0\r\n:9\r\n")) << "of one request only";
    EXPECT_FALSE(is_of_it("+OK\r\n"));
    EXPECT_FALSE(is_of_it("$-1\r\n"));
    EXPECT_FALSE(is_of_it("*0\r\n"));
}

TEST(RedisCounter, SendsTheScriptByItsDigest) {
    EXPECT_EQ(redis_counter().text(), redis_script());
    EXPECT_EQ(redis_counter().digest(), redis_script_digest());
}

}  // namespace
}  // namespace portico::policy::rate_limit
