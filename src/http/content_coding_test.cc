#include "http/content_coding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/meter_fixture.h"

namespace portico::http {
namespace {

FieldList fields_of(std::string_view name, std::initializer_list<std::string_view> values) {
    FieldList fields;
    for (const std::string_view value : values) fields.add(name, value);
    return fields;
}

CodingList list_of(std::initializer_list<Coding> codings) {
    CodingList list;
    for (const Coding coding : codings) list.add(coding);
    return list;
}

std::string encode(Coding coding, std::string_view text, size_t step = SIZE_MAX) {
    Encoder encoder(coding);
    std::string out;
    for (; text.size() > step; text.remove_prefix(step)) encoder.take(text.substr(0, step), Encoder::Flush::none, out);
    encoder.take(text, Encoder::Flush::end, out);
    return out;
}

std::string raw_deflate(std::string_view text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 1024, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

// Decodes `bytes` in pieces. @returns the text, or what() of the fault
std::string decode(const CodingList& codings, std::string_view bytes, size_t step = SIZE_MAX,
                   const DecoderBounds& bounds = {}, size_t enough = SIZE_MAX) {
    Decoder decoder(codings, bounds);
    std::string out;
    do {
        std::string_view part = bytes.substr(0, step);
        bytes.remove_prefix(part.size());
        while (true) {
            const auto all = decoder.take(part, bytes.empty(), out, enough);
            if (!all) {
                std::string_view again;
                EXPECT_EQ(decoder.take(again, true, out).error(), all.error());
                return std::string(what(all.error()));
            }
            if (*all) break;
        }
        EXPECT_TRUE(part.empty());
    } while (!bytes.empty());
    EXPECT_EQ(decoder.bytes_out(), out.size());
    return out;
}

// About 200 KiB in which little repeats within a few bytes.
std::string long_text() {
    std::string text;
    for (unsigned i = 0; i < 20'000; ++i) text += "line " + std::to_string(i * 2654435761U) + "\n";
    return text;
}

TEST(ContentEncoding, NamesAreReadOverAllFieldsInOrder) {
    EXPECT_EQ(read_content_encoding({}), CodingList());
    EXPECT_EQ(read_content_encoding(fields_of("Content-Encoding", {"gzip"})), list_of({Coding::gzip}));
    EXPECT_EQ(read_content_encoding(fields_of("content-encoding", {"X-GZIP , br", "", "identity,Deflate"})),
              list_of({Coding::gzip, Coding::br, Coding::deflate}));
    EXPECT_EQ(read_content_encoding(fields_of("Content-Encoding", {"identity"})), CodingList());
}

TEST(ContentEncoding, WhatIsNotKnownIsSaid) {
    for (const std::string_view value : {"zstd", "gzip, zstd", "gzip;q=1", "compress", "aws-chunked", "gzip br"}) {
        EXPECT_EQ(read_content_encoding(fields_of("Content-Encoding", {value})).error(), CodingFault::unknown) << value;
    }
    EXPECT_EQ(read_content_encoding(fields_of("Content-Encoding", {"gzip, gzip", "br, br"})).error(),
              CodingFault::too_many);
}

struct Negotiation {
    std::string_view accept;
    std::string_view narrowed;
    std::string_view like_gzip;  // what an answer that came as gzip goes out as
    std::string_view like_br;
};

TEST(AcceptEncoding, IsNarrowedAndChosenFrom) {
    constexpr Negotiation kCases[] = {
        {"gzip, deflate, br, zstd", "gzip, deflate, br", "gzip", "br"},
        {"gzip", "gzip", "gzip", "gzip"},
        {"X-Gzip", "gzip", "gzip", "gzip"},
        {"br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip, deflate, br", "gzip", "br"},
        {"*", "gzip, deflate, br", "gzip", "br"},
        {"*;q=0", "identity", "", ""},
        {"gzip;q=0, *", "deflate, br", "br", "br"},
        {"gzip;q=0", "identity", "", ""},
        {"identity", "identity", "", ""},
        {"", "identity", "", ""},
        {"zstd", "identity", "", ""},
        {"identity;q=0, gzip;q=0.001", "gzip", "gzip", "gzip"},
        {"identity;q=0", "identity", "", ""},
        {"gzip;q=0.5, identity", "gzip", "", ""},
        {"gzip;q=0.5, identity;q=0.5", "gzip", "gzip", "gzip"},
        {"gzip;q=2, br; q=0.5", "br", "br", "br"},
        {"gzip;q=0.1234, deflate;Q=1.000", "deflate", "deflate", "deflate"},
        {"gzip;level=9, br ;\tq=0.", "identity", "", ""},
        {"gz ip, ;q=1, ,br", "br", "br", "br"},
    };
    const CodingList came_gzip = list_of({Coding::gzip});
    const CodingList came_br = list_of({Coding::br});
    for (const Negotiation& c : kCases) {
        const AcceptedCodings accepted = read_accept_encoding(fields_of("Accept-Encoding", {c.accept}));
        EXPECT_EQ(narrowed_accept_encoding(accepted), c.narrowed) << c.accept;
        const auto text = [](std::optional<Coding> coding) { return coding ? coding_text(*coding) : ""; };
        EXPECT_EQ(text(choose_coding(accepted, came_gzip)), c.like_gzip) << c.accept;
        EXPECT_EQ(text(choose_coding(accepted, came_br)), c.like_br) << c.accept;
        EXPECT_EQ(choose_coding(accepted, {}), std::nullopt) << "what came plain goes plain";
    }
}

TEST(AcceptEncoding, SeveralFieldsAreOneAndNoneAsksForNothing) {
    const AcceptedCodings both = read_accept_encoding(fields_of("Accept-Encoding", {"gzip;q=0.5", "br"}));
    EXPECT_EQ(both.weight(Coding::gzip), 500);
    EXPECT_EQ(both.weight(Coding::br), 1000);
    EXPECT_EQ(narrowed_accept_encoding(read_accept_encoding({})), "identity");
    EXPECT_EQ(choose_coding(read_accept_encoding({}), list_of({Coding::gzip})), std::nullopt);
}

class EveryCoding : public testing::TestWithParam<Coding> {};
INSTANTIATE_TEST_SUITE_P(Coding, EveryCoding, testing::Values(Coding::gzip, Coding::deflate, Coding::br),
                         [](const auto& info) { return std::string(coding_text(info.param)); });

TEST_P(EveryCoding, WhatIsEncodedDecodesInPiecesOfAnySize) {
    const CodingList codings = list_of({GetParam()});
    for (const std::string& text :
         {std::string(), std::string("x"), std::string("{\"a\":1}"), std::string(100'000, 'a'), long_text()}) {
        const std::string whole = encode(GetParam(), text);
        for (const size_t step : {SIZE_MAX, size_t{4096}, size_t{7}}) {
            EXPECT_TRUE(decode(codings, whole, step) == text) << text.size() << " in pieces of " << step;
        }
        EXPECT_TRUE(decode(codings, encode(GetParam(), text, 1000)) == text);
    }
}

TEST_P(EveryCoding, SplitsAtEveryByteAreOne) {
    const std::string text = R"({"id":12345,"name":"Ada","tags":["a","a","a","a"]})";
    const std::string bytes = encode(GetParam(), text);
    for (size_t at = 0; at <= bytes.size(); ++at) {
        Decoder decoder(list_of({GetParam()}));
        std::string out;
        std::string_view head = std::string_view(bytes).substr(0, at);
        std::string_view tail = std::string_view(bytes).substr(at);
        EXPECT_EQ(decoder.take(head, false, out), true);
        EXPECT_EQ(decoder.take(tail, true, out), true);
        EXPECT_EQ(out, text) << "split at " << at;
    }
}

TEST_P(EveryCoding, AnEndThatIsMissingIsAFaultAtEveryByte) {
    const std::string bytes = encode(GetParam(), "a text that is long enough");
    for (size_t size = 1; size < bytes.size(); ++size) {
        EXPECT_EQ(decode(list_of({GetParam()}), bytes.substr(0, size), 5), "its content coding ends early") << size;
    }
}

TEST_P(EveryCoding, WhatFollowsTheEndIsAFault) {
    const std::string bytes = encode(GetParam(), "text");
    for (const size_t step : {SIZE_MAX, size_t{1}}) {
        EXPECT_EQ(decode(list_of({GetParam()}), bytes + "x", step), "something follows the end of its content coding");
        EXPECT_EQ(decode(list_of({GetParam()}), bytes + '\0', step), "something follows the end of its content coding");
    }
}

TEST_P(EveryCoding, NoBytesAreAnEmptyBody) {
    EXPECT_EQ(decode(list_of({GetParam()}), ""), "");
    EXPECT_EQ(decode(list_of({GetParam(), Coding::gzip}), ""), "");
}

TEST_P(EveryCoding, WhatIsNotThatCodingIsAFault) {
    EXPECT_EQ(decode(list_of({GetParam()}), "<html>it works</html>"), "its bytes are not what its content coding says");
}

TEST_P(EveryCoding, ABombEndsEarly) {
    const std::string bomb = encode(GetParam(), std::string(size_t{64} << 20, '\0'));
    ASSERT_LT(bomb.size(), 128U << 10);
    for (const size_t step : {SIZE_MAX, size_t{16384}, size_t{100}}) {
        Decoder decoder(list_of({GetParam()}), {.max_size = UINT64_MAX});
        std::string out;
        std::string_view rest = bomb;
        std::expected<bool, CodingFault> all = true;
        while (all && !rest.empty()) {
            std::string_view part = rest.substr(0, step);
            rest.remove_prefix(part.size());
            all = decoder.take(part, rest.empty(), out);
        }
        ASSERT_FALSE(all);
        EXPECT_EQ(all.error(), CodingFault::ratio);
        EXPECT_LT(out.size(), 24U << 20);
        // By the size alone: as soon as one byte more is there.
        EXPECT_EQ(decode(list_of({GetParam()}), bomb, step, {.max_size = 100'000, .max_ratio = UINT32_MAX}),
                  "it is too large when its content coding is undone");
    }
}

TEST_P(EveryCoding, ABodyAsLargeAsMayBeIsNotTooLarge) {
    const std::string text = long_text();
    const std::string bytes = encode(GetParam(), text);
    EXPECT_TRUE(decode(list_of({GetParam()}), bytes, 999, {.max_size = text.size()}) == text);
    EXPECT_EQ(decode(list_of({GetParam()}), bytes, 999, {.max_size = text.size() - 1}), what(CodingFault::too_large));
}

TEST_P(EveryCoding, EnoughOutputStopsAPart) {
    const std::string text(1'000'000, 'a');
    const std::string bytes = encode(GetParam(), text);
    Decoder decoder(list_of({GetParam()}));
    std::string_view part = bytes;
    std::string all;
    size_t calls = 0;
    while (true) {
        std::string out;
        const auto done = decoder.take(part, true, out, 10'000);
        ASSERT_TRUE(done);
        EXPECT_LE(out.size(), 10'000U);
        all += out;
        ++calls;
        if (*done) break;
    }
    EXPECT_TRUE(all == text);
    EXPECT_GE(calls, 100U);
}

TEST_P(EveryCoding, AFlushMakesReadableWhatWasTaken) {
    Encoder encoder(GetParam());
    Decoder decoder(list_of({GetParam()}));
    std::string text;
    for (int i = 0; i < 100; ++i) {
        const std::string event = "data: " + std::to_string(i) + "\n\n";
        std::string bytes;
        encoder.take(event, Encoder::Flush::now, bytes);
        std::string_view part = bytes;
        std::string out;
        EXPECT_EQ(decoder.take(part, false, out), true);
        EXPECT_EQ(out, event);
    }
    std::string bytes;
    encoder.take("", Encoder::Flush::end, bytes);
    std::string_view part = bytes;
    EXPECT_EQ(decoder.take(part, true, text), true);
    EXPECT_EQ(text, "");
}

TEST(Decoder, CodingsAreUndoneFromTheLast) {
    const std::string text = long_text();
    const std::string bytes = encode(Coding::br, encode(Coding::gzip, encode(Coding::deflate, text)));
    for (const size_t step : {SIZE_MAX, size_t{1000}, size_t{1}}) {
        EXPECT_TRUE(decode(list_of({Coding::deflate, Coding::gzip, Coding::br}), bytes, step, {}, 5000) == text);
    }
    const std::string inner = encode(Coding::gzip, "text");
    EXPECT_EQ(decode(list_of({Coding::gzip, Coding::br}), encode(Coding::br, inner.substr(0, 20))),
              what(CodingFault::truncated));
    EXPECT_EQ(decode(list_of({Coding::gzip, Coding::br}), encode(Coding::br, inner + "x")),
              what(CodingFault::trailing));
    // A bomb in a bomb costs what one does.
    const std::string bomb = encode(Coding::gzip, encode(Coding::gzip, std::string(size_t{64} << 20, '\0')));
    EXPECT_EQ(decode(list_of({Coding::gzip, Coding::gzip}), bomb, 100, {.max_size = UINT64_MAX}),
              what(CodingFault::ratio));
}

// Empty blocks inside of empty blocks: nothing comes out at the end, and what stands in between is all the work.
TEST(Decoder, A14_EachOfSeveralCodingsIsHeldToTheBounds) {
    std::string blocks;
    for (int i = 0; i < 3'000'000; ++i) blocks += std::string_view("\0\0\0\xff\xff", 5);
    const std::string once = encode(Coding::gzip, "").substr(0, 10) + blocks;
    const std::string twice = encode(Coding::gzip, once);
    ASSERT_LT(twice.size(), once.size() / 200);
    EXPECT_EQ(decode(list_of({Coding::gzip, Coding::gzip}), twice), what(CodingFault::ratio));
    EXPECT_EQ(decode(list_of({Coding::gzip, Coding::gzip}), twice, SIZE_MAX, {.max_ratio = 1'000'000}), what(CodingFault::truncated));
    EXPECT_EQ(decode(list_of({Coding::gzip, Coding::gzip}), twice, SIZE_MAX, {.max_size = 1 << 20, .max_ratio = 1'000'000}), what(CodingFault::too_large));
    EXPECT_EQ(decode(list_of({Coding::gzip, Coding::gzip, Coding::gzip}), encode(Coding::gzip, twice)), what(CodingFault::ratio));
}

TEST_P(EveryCoding, SaysWhatItTakesAndEndsWhereItMayNotGoOn) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919);
    std::string coded;
    {
        CountingMeter price(UINT64_MAX);
        coded = encode(GetParam(), text);
        EXPECT_GT(price.told, text.size() / 16);
        EXPECT_LT(price.told, text.size());
    }
    {
        CountingMeter price(UINT64_MAX);
        EXPECT_EQ(decode(list_of({GetParam()}), coded), text);
        EXPECT_GT(price.told, text.size() / 32);
        EXPECT_LT(price.told, text.size());
        EXPECT_GE(price.looks, coded.size() / (GetParam() == Coding::br ? 512 : 4096)) << "few bytes may take long";
    }
    CountingMeter price(text.size() / 64);
    EXPECT_EQ(decode(list_of({GetParam()}), coded), what(CodingFault::too_costly));
}

TEST(Decoder, NoCodingIsTheBodyItself) {
    EXPECT_EQ(decode({}, "text", 1), "text");
    EXPECT_EQ(decode({}, "text", 1, {.max_size = 3}), what(CodingFault::too_large));
}

TEST(Decoder, MembersOfGzipFollowEachOther) {
    const std::string bytes = encode(Coding::gzip, "one ") + encode(Coding::gzip, "") + encode(Coding::gzip, "two");
    for (const size_t step : {SIZE_MAX, size_t{1}, size_t{24}}) {
        EXPECT_EQ(decode(list_of({Coding::gzip}), bytes, step), "one two");
    }
    EXPECT_EQ(decode(list_of({Coding::gzip}), bytes.substr(0, bytes.size() - 1)), what(CodingFault::truncated));
    EXPECT_EQ(decode(list_of({Coding::gzip}), encode(Coding::gzip, "one") + "\x1f"), what(CodingFault::truncated));
    EXPECT_EQ(decode(list_of({Coding::gzip}), encode(Coding::gzip, "one") + "\x1fz"), what(CodingFault::corrupt));
}

TEST(Decoder, DeflateIsReadWithAndWithoutZlibsFrame) {
    for (const std::string& text : {std::string("x"), std::string("{\"a\":[1,2,3]}"), long_text()}) {
        const std::string raw = raw_deflate(text);
        for (const size_t step : {SIZE_MAX, size_t{1}}) {
            EXPECT_TRUE(decode(list_of({Coding::deflate}), raw, step) == text);
        }
        EXPECT_EQ(decode(list_of({Coding::deflate}), raw.substr(0, raw.size() - 1)), what(CodingFault::truncated));
    }
    EXPECT_EQ(decode(list_of({Coding::deflate}), raw_deflate("")), "");
}

TEST(Decoder, AChecksumThatIsWrongIsAFault) {
    for (const Coding coding : {Coding::gzip, Coding::deflate}) {
        std::string bytes = encode(coding, "some text");
        bytes[bytes.size() - (coding == Coding::gzip ? 8 : 1)] ^= 1;
        EXPECT_EQ(decode(list_of({coding}), bytes), what(CodingFault::corrupt));
    }
}

TEST(ContentEncoding, WhatIsNoCodingIsToldFromOneThatIsNotKnown) {
    struct Case {
        const char* value;
        const char* unknown;
        bool none;
    };
    for (const Case& c : {Case{"utf-8", "utf-8", true}, Case{"UTF-8 , binary", "UTF-8", true}, Case{"identity, none", "none", true}, Case{"zstd", "zstd", false}, Case{"Compress", "Compress", false},
                          Case{"gzip, utf-8", "utf-8", false}, Case{"utf-8, zstd", "utf-8", false}, Case{"gzip", "", false}, Case{"identity", "", false}, Case{"", "", false}}) {
        FieldList fields;
        fields.add("Content-Encoding", c.value);
        EXPECT_EQ(unknown_coding(fields), c.unknown) << c.value;
        EXPECT_EQ(names_no_coding(fields), c.none) << c.value;
    }
    FieldList several;
    several.add("Content-Encoding", "utf-8");
    several.add("content-encoding", "gzip");
    EXPECT_FALSE(names_no_coding(several));
    EXPECT_EQ(explain(CodingFault::unknown, several), std::string(what(CodingFault::unknown)) + ": utf-8");
    EXPECT_EQ(explain(CodingFault::too_many, several), what(CodingFault::too_many));
    FieldList none;
    EXPECT_FALSE(names_no_coding(none));
    const std::string shouting(5000, 'x');
    FieldList longest;
    longest.add("Content-Encoding", shouting);
    EXPECT_LE(unknown_coding(longest).size(), 40u);
}

}  // namespace
}  // namespace portico::http
