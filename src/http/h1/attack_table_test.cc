// Runs tests/attacks/attack_table.txt, whose head describes its format, through AttackPipeline.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "http/h1/attack_pipeline.h"

namespace portico::http::h1 {
namespace {

struct Attack {
    std::string name, rule, fault, stage;
    int status = 0;
    std::string bytes;
};

std::string unescape(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        switch (text.at(++i)) {
            case 'r': out += '\r'; break;
            case 'n': out += '\n'; break;
            case 't': out += '\t'; break;
            case 'x':
                out += static_cast<char>(hex_value(text.at(i + 1)) * 16 + hex_value(text.at(i + 2)));
                i += 2;
                break;
            default: out += text[i];
        }
    }
    return out;
}

std::vector<Attack> read_table() {
    std::vector<Attack> attacks;
    std::ifstream file(PORTICO_SOURCE_DIR "/tests/attacks/attack_table.txt");
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.front() == '#') continue;
        const size_t space = line.find(' ');
        const std::string key = line.substr(0, space);
        const std::string value = line.substr(space + 1);
        if (key == "attack") {
            attacks.emplace_back().name = value;
            continue;
        }
        Attack& attack = attacks.back();
        if (key == "rule") {
            attack.rule = value;
        } else if (key == "fault") {
            attack.fault = value;
        } else if (key == "stage") {
            attack.stage = value;
        } else if (key == "status") {
            attack.status = parse_decimal<int>(value).value();
        } else if (key == "send") {
            attack.bytes += unescape(value);
        } else if (key == "repeat") {
            const size_t gap = value.find(' ');
            const std::string unit = unescape(std::string_view(value).substr(gap + 1));
            for (int n = parse_decimal<int>(value.substr(0, gap)).value(); n > 0; --n) attack.bytes += unit;
        } else {
            ADD_FAILURE() << "unknown key: " << line;
        }
    }
    return attacks;
}

// Feeds `bytes` cut at `cut`, then in pieces of `step`, until they are refused.
void expect_refused(const Attack& attack, size_t cut, size_t step) {
    AttackPipeline pipeline;
    Result<void> result;
    for (size_t at = 0, size = cut; at < attack.bytes.size() && result; at += size, size = step) {
        result = pipeline.feed(std::string_view(attack.bytes).substr(at, size));
    }
    ASSERT_FALSE(result) << attack.name << " passed, cut at " << cut;
    EXPECT_EQ(result.error().code(), attack.fault)
        << attack.name << " cut at " << cut << ": " << result.error().context;
    EXPECT_EQ(pipeline.stage() == AttackPipeline::Stage::body ? "body" : "head", attack.stage) << attack.name;
    EXPECT_EQ(pipeline.accepted(), 0U) << attack.name << " cut at " << cut;
}

TEST(AttackTable, has_rows_with_unique_names_that_are_complete) {
    const auto attacks = read_table();
    EXPECT_GE(attacks.size(), 170U);
    std::set<std::string> names;
    for (const Attack& attack : attacks) {
        EXPECT_TRUE(names.insert(attack.name).second) << attack.name;
        EXPECT_TRUE(!attack.rule.empty() && !attack.bytes.empty()) << attack.name;
        EXPECT_TRUE(attack.stage == "head" || attack.stage == "body") << attack.name;
        EXPECT_GE(attack.status, 400) << attack.name;
    }
}

TEST(AttackTable, every_row_is_refused_whole) {
    for (const Attack& attack : read_table()) expect_refused(attack, attack.bytes.size(), 1);
}

TEST(AttackTable, every_row_is_refused_byte_by_byte) {
    for (const Attack& attack : read_table()) expect_refused(attack, 1, 1);
}

TEST(AttackTable, every_row_is_refused_split_at_every_byte) {
    constexpr size_t kEveryByte = 2048;  // of longer rows, which are one byte repeated, every 512th
    for (const Attack& attack : read_table()) {
        const size_t stride = attack.bytes.size() <= kEveryByte ? 1 : 512;
        for (size_t cut = 1; cut < attack.bytes.size(); cut += stride) expect_refused(attack, cut, attack.bytes.size());
    }
}

TEST(AttackPipeline, passes_what_is_in_order) {
    const std::string good =
        "GET /a/b?c HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /x%20y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        "POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        "DELETE /../x HTTP/1.0\r\n\r\n";
    for (size_t cut = 1; cut <= good.size(); ++cut) {
        AttackPipeline pipeline;
        ASSERT_TRUE(pipeline.feed(std::string_view(good).substr(0, cut)));
        ASSERT_TRUE(pipeline.feed(std::string_view(good).substr(cut)));
        EXPECT_EQ(pipeline.accepted(), 6U) << "cut at " << cut;
    }
}

}  // namespace
}  // namespace portico::http::h1
