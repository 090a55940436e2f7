#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "http/h1/parser.h"
#include "http/h1/writer.h"

namespace portico::http::h1 {
namespace {

struct Decoded {
    std::string body;
    size_t consumed = 0;
    bool done = false;
    std::optional<Fault> fault;
    std::string trailers;
    bool operator==(const Decoded&) const = default;
};

// Feeds `bytes` in pieces: the first of `cut` bytes, the others of `step` bytes.
Decoded decode(std::string_view bytes, size_t cut, size_t step) {
    ChunkedDecoder decoder(SpaceBeforeColon::refused);
    Decoded all;
    for (size_t at = 0, size = cut; at < bytes.size() && !all.done; at += size, size = step) {
        size = std::min(size, bytes.size() - at);
        std::string piece(bytes.substr(at, size));
        const auto result = decoder.decode(piece.data(), piece.size());
        if (!result) {
            all.fault = result.error().fault;
            all.body.clear();  // how much came before depends on the pieces
            all.consumed = 0;
            return all;
        }
        if (!result->done) EXPECT_EQ(result->consumed, size);
        all.body.append(piece, 0, result->data);
        all.consumed += result->consumed;
        all.done = result->done;
    }
    for (const Field& f : decoder.trailers()) all.trailers.append(f.name).append("=").append(f.value).append(";");
    return all;
}

Decoded decode_in_every_way(std::string_view bytes) {
    SCOPED_TRACE(bytes.substr(0, 200));
    const Decoded whole = decode(bytes, bytes.size(), bytes.size());
    for (size_t cut = 1; cut < bytes.size(); ++cut)
        EXPECT_EQ(decode(bytes, cut, bytes.size()), whole) << "cut at " << cut;
    EXPECT_EQ(decode(bytes, 1, 1), whole) << "byte by byte";
    return whole;
}

TEST(ChunkedDecoder, joins_the_chunks) {
    const std::string bytes = "4\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n";
    const Decoded d = decode_in_every_way(bytes);
    EXPECT_TRUE(d.done);
    EXPECT_EQ(d.body, "Wikipedia in \r\n\r\nchunks.");
    EXPECT_EQ(d.consumed, bytes.size());
}

TEST(ChunkedDecoder, leaves_what_follows_the_body) {
    const Decoded d = decode_in_every_way("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(d.done);
    EXPECT_EQ(d.consumed, 11U);
}

TEST(ChunkedDecoder, accepts) {
    const struct {
        std::string_view bytes, body, trailers;
    } cases[] = {
        {"0\r\n\r\n", "", ""},
        {"00000000\r\n\r\n", "", ""},
        {"0000000000000001\r\nx\r\n0\r\n\r\n", "x", ""},
        {"a\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""},
        {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""},
        {"1;a\r\nx\r\n0;b=c\r\n\r\n", "x", ""},
        {"1;a=b;c;d=\"e;\\\" \\\\ \t\xFF\"\r\nx\r\n0\r\n\r\n", "x", ""},
        {"1;a=\"\"\r\nx\r\n0\r\n\r\n", "x", ""},
        {"0\r\nX-Sum: 1\r\nY:\r\n\r\n", "", "X-Sum=1;Y=;"},
    };
    for (const auto& c : cases) {
        const Decoded d = decode_in_every_way(c.bytes);
        EXPECT_TRUE(d.done) << c.bytes;
        EXPECT_EQ(d.body, c.body);
        EXPECT_EQ(d.trailers, c.trailers);
    }
}

TEST(ChunkedDecoder, refuses_what_is_malformed) {
    using namespace std::string_view_literals;
    for (const std::string_view bytes : {
             // sizes
             "\r\n"sv,
             "g\r\n"sv,
             "0x1\r\n"sv,
             "+1\r\n"sv,
             "-1\r\n"sv,
             " 1\r\n"sv,
             "1 \r\n"sv,
             "1\t\r\n"sv,
             "1,\r\n"sv,
             "1.0\r\n"sv,
             "1_0\r\n"sv,
             "\"1\"\r\n"sv,
             "1\0\r\n"sv,
             "8000000000000000\r\n"sv,
             "ffffffffffffffff\r\n"sv,
             "00000000000000001\r\n"sv,
             "10000000000000000\r\n"sv,
             "FFFFFFFFFFFFFFFFF\r\n"sv,
             "\xEF\xBB\xBF"
             "1\r\n"sv,
             // ends of lines
             "1\nx\r\n"sv,
             "1\r\rx"sv,
             "1\rx\r\n"sv,
             "1\n\r"sv,
             "1\r\nx\n"sv,
             "1\r\nx\rx"sv,
             "1\r\nxx"sv,
             "1\r\nx0\r\n\r\n"sv,
             "1\r\nx \r\n"sv,
             "1\r\nx\r\n\r\n"sv,
             "0\n\n"sv,
             "0\n"sv,
             "0\r\n\n"sv,
             "0\r\n\rx"sv,
             // extensions
             "1;\r\n"sv,
             "1; a\r\n"sv,
             "1 ;a\r\n"sv,
             "1;a \r\n"sv,
             "1;a =b\r\n"sv,
             "1;a= b\r\n"sv,
             "1;a=\r\n"sv,
             "1;=b\r\n"sv,
             "1;;a\r\n"sv,
             "1;a;\r\n"sv,
             "1;a=\"b\r\n"sv,
             "1;a=\"b\"c\r\n"sv,
             "1;a=\"\\\r\n"sv,
             "1;a=b\"c\"\r\n"sv,
             "1;a\nb\r\n"sv,
             "1;a\rb\r\n"sv,
             "1;a=\"\n\"\r\n"sv,
             "1;a=\"\0\"\r\n"sv,
             "1;a(b\r\n"sv,
             "1;a=b=c\r\n"sv,
             "1;\x80\r\n"sv,
             // trailers
             "0\r\n: x\r\n\r\n"sv,
             "0\r\nA : b\r\n\r\n"sv,
             "0\r\n A: b\r\n\r\n"sv,
             "0\r\nA: b\r\n c\r\n\r\n"sv,
             "0\r\nA: b\nC: d\r\n\r\n"sv,
             "0\r\nA\r\n\r\n"sv,
             "0\r\nA: \0\r\n\r\n"sv,
             "0\r\nA: b\rc\r\n\r\n"sv,
             "0\r\nContent-Length: 5\r\n\r\n"sv,
             "0\r\ntransfer-encoding: chunked\r\n\r\n"sv,
             "0\r\nHost: b\r\n\r\n"sv,
             "0\r\nGET / HTTP/1.1\r\n\r\n"sv,
         }) {
        const Decoded d = decode_in_every_way(bytes);
        ASSERT_TRUE(d.fault) << bytes;
        EXPECT_EQ(code_of(*d.fault), code_of(Fault::bad_chunk)) << bytes;
    }
}

TEST(ChunkedDecoder, the_largest_size_is_below_the_sign_bit) {
    std::string bytes = "7fffffffffffffff\r\nabc";
    ChunkedDecoder decoder(SpaceBeforeColon::refused);
    const auto step = decoder.decode(bytes.data(), bytes.size());
    ASSERT_TRUE(step);
    EXPECT_EQ(step->data, 3U);
    EXPECT_FALSE(step->done);
}

TEST(ChunkedDecoder, trailers_are_bounded) {
    const auto fault_of = [](const std::string& trailers) {
        const std::string bytes = "0\r\n" + trailers + "\r\n";
        const Decoded whole = decode(bytes, bytes.size(), bytes.size());
        EXPECT_EQ(decode(bytes, 1, 1), whole);
        EXPECT_EQ(decode(bytes, 7, 100), whole);
        return whole.fault;
    };
    std::string fields;
    for (int i = 0; i < 64; ++i) fields += "A: b\r\n";
    EXPECT_EQ(fault_of(fields), std::nullopt);
    EXPECT_EQ(fault_of(fields + "A: b\r\n"), Fault::too_many_fields);
    EXPECT_EQ(fault_of("A: " + std::string(8 * 1024 - 7, 'x') + "\r\n"), std::nullopt);
    EXPECT_EQ(fault_of("A: " + std::string(8 * 1024 - 6, 'x') + "\r\n"), Fault::head_too_large);
    EXPECT_EQ(fault_of("A: " + std::string(80 * 1024, 'x') + "\r\n"), Fault::head_too_large);
}

TEST(ChunkedDecoder, T73_of_a_responses_trailers_too_white_space_before_a_colon_is_dropped) {
    const std::string_view bytes = "0\r\nX-Sum \t: 1\r\n\r\n";
    EXPECT_EQ(decode_in_every_way(bytes).fault, Fault::bad_chunk) << "of a request's";
    ChunkedDecoder decoder(SpaceBeforeColon::dropped);
    std::string piece(bytes);
    const auto result = decoder.decode(piece.data(), piece.size());
    ASSERT_TRUE(result && result->done);
    ASSERT_EQ(decoder.trailers().size(), 1U);
    EXPECT_EQ(decoder.trailers().begin()->name, "X-Sum");
    EXPECT_EQ(decoder.trailers().begin()->value, "1");
}

TEST(ChunkedDecoder, extensions_may_not_outweigh_the_data) {
    const std::string one = "1;" + std::string(1000, 'e') + "\r\nx\r\n";
    const std::string four = one + one + one + one;
    EXPECT_EQ(decode(four + "0\r\n\r\n", 1, 1).fault, std::nullopt);
    EXPECT_EQ(decode(four + one + "0\r\n\r\n", 1, 1).fault, Fault::bad_chunk);
    EXPECT_EQ(decode("1;" + std::string(5000, 'e'), 5002, 1).fault, Fault::bad_chunk);
}

TEST(ChunkedDecoder, signed_chunks_of_any_number_pass) {
    const std::string chunk = "400;chunk-signature=" + std::string(64, 'a') + "\r\n" + std::string(0x400, 'x') + "\r\n";
    std::string bytes;
    for (int i = 0; i < 500; ++i) bytes += chunk;
    bytes += "0\r\n\r\n";
    const Decoded d = decode(bytes, bytes.size(), bytes.size());
    EXPECT_TRUE(d.done);
    EXPECT_EQ(d.body.size(), 500U * 0x400);
}

TEST(ChunkedDecoder, is_used_again_after_a_reset) {
    ChunkedDecoder decoder(SpaceBeforeColon::refused);
    std::string first = "1\r\nx\r\n0\r\nA: b\r\n\r\n";
    ASSERT_TRUE(decoder.decode(first.data(), first.size())->done);
    EXPECT_EQ(decoder.trailers().size(), 1U);
    decoder.reset();
    EXPECT_TRUE(decoder.trailers().empty());
    std::string second = "2\r\nyz\r\n0\r\nC: d\r\n\r\n";
    const auto step = decoder.decode(second.data(), second.size());
    ASSERT_TRUE(step);
    EXPECT_EQ(second.substr(0, step->data), "yz");
    EXPECT_EQ(decoder.trailers().all()[0].name, "C");
}

TEST(ChunkedDecoder, an_empty_piece_changes_nothing) {
    ChunkedDecoder decoder(SpaceBeforeColon::refused);
    const auto step = decoder.decode(nullptr, 0);
    ASSERT_TRUE(step);
    EXPECT_EQ(step->data + step->consumed, 0U);
    EXPECT_FALSE(step->done);
}

}  // namespace
}  // namespace portico::http::h1
