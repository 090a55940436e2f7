#include <gtest/gtest.h>

#include <functional>

#include "http/h1/head_feed_test.h"
#include "http/h1/parser.h"

namespace portico::http::h1 {
namespace {

void accepts(std::string_view bytes, const std::function<void(const ResponseHead&)>& check,
             Method request = Method::get, HeadLimits limits = {}) {
    SCOPED_TRACE(bytes);
    ResponseHead head;
    deliver_in_every_way(
        bytes, limits, [&](HeadParser& p, std::string_view data) { return p.parse_response(data, request, head); },
        [&](const Result<Progress>& result, Delivery& d) {
            ASSERT_TRUE(result) << result.error().code() << ": " << result.error().context;
            ASSERT_EQ(*result, Progress::done);
            EXPECT_EQ(d.parser().consumed(), bytes.size());
            check(head);
        });
}

void refuses(std::string_view bytes, Fault fault = Fault::upstream_protocol, Method request = Method::get,
             HeadLimits limits = {}) {
    SCOPED_TRACE(bytes);
    ResponseHead head;
    deliver_in_every_way(
        bytes, limits, [&](HeadParser& p, std::string_view data) { return p.parse_response(data, request, head); },
        [&](const Result<Progress>& result, Delivery&) {
            ASSERT_FALSE(result);
            EXPECT_EQ(code_of(result.error().fault), code_of(fault)) << result.error().context;
        });
}

std::string response(std::string_view fields, std::string_view line = "HTTP/1.1 200 OK") {
    return std::string(line) + "\r\n" + std::string(fields) + "\r\n";
}

TEST(ResponseParser, reads_a_typical_response) {
    accepts(response("Content-Type: text/plain\r\nContent-Length: 5\r\n"), [](const ResponseHead& head) {
        EXPECT_EQ(head.status, 200);
        EXPECT_EQ(head.reason, "OK");
        EXPECT_EQ(head.version, Version::http11);
        EXPECT_EQ(head.fields.size(), 2U);
        EXPECT_EQ(head.body, (BodyLength{Framing::length, 5}));
        EXPECT_TRUE(head.keep_alive);
    });
}

TEST(ResponseParser, the_reason_may_be_empty_and_its_space_missing) {
    accepts(response("", "HTTP/1.1 404 "), [](const ResponseHead& h) { EXPECT_EQ(h.reason, ""); });
    accepts(response("", "HTTP/1.1 404"), [](const ResponseHead& h) { EXPECT_EQ(h.reason, ""); });
    accepts(response("", "HTTP/1.1 404 Not \xFF\tFound"),
            [](const ResponseHead& h) { EXPECT_EQ(h.reason, "Not \xFF\tFound"); });
}

TEST(ResponseParser, refuses_a_status_line_of_any_other_shape) {
    for (const std::string_view line : {"HTTP/1.1",           "HTTP/1.1 ",           "HTTP/1.1 20",
                                        "HTTP/1.1 20 OK",     "HTTP/1.1 2000 OK",    "HTTP/1.1 099 x",
                                        "HTTP/1.1 600 x",     "HTTP/1.1 999 x",      "HTTP/1.1  200 OK",
                                        "HTTP/1.1 200\tOK",   "HTTP/1.1 200OK",      "HTTP/1.1 +20 OK",
                                        "HTTP/1.1 2a0 OK",    "HTTP/2.0 200 OK",     "HTTP/1.x 200 OK",
                                        "HTTP/1.10 200 OK",   "http/1.1 200 OK",     "ICY 200 OK",
                                        " HTTP/1.1 200 OK",   "HTTP/1.1 200 O\x01K", "HTTP/1.1 200 O\x7fK",
                                        "HTTP/1.1 200 OK\rx", "HTTP/1.1\t200 OK",    "HTTP /1.1 200 OK"}) {
        refuses(response("", line));
    }
    refuses("\r\n" + response(""));
    refuses("HTTP/1.1 200 OK\n\r\n");
    refuses("HTTP/1.1 200\n\r\n");
    refuses("HTTP/1.1 200 OK\r\nA: b\n\r\n");
}

TEST(ResponseParser, T72_a_later_minor_version_is_read_as_the_highest_known) {
    accepts(response("", "HTTP/1.2 200 OK"), [](const ResponseHead& h) {
        EXPECT_EQ(h.version, Version::http11);
        EXPECT_TRUE(h.keep_alive || h.body.framing == Framing::until_close);
    });
}

TEST(ResponseParser, T73_white_space_before_a_colon_is_dropped) {
    for (const std::string_view line : {"X-Name : value\r\n", "X-Name\t \t: value\r\n", "X-Name :value\r\n"}) {
        accepts(response(line), [](const ResponseHead& h) {
            const Field* const field = h.fields.find("x-name");
            ASSERT_NE(field, nullptr);
            EXPECT_EQ(field->name, "X-Name");
            EXPECT_EQ(field->value, "value");
        });
    }
    // What frames the message is known by its name alone.
    accepts(response("Content-Length : 3\r\n"), [](const ResponseHead& h) { EXPECT_EQ(h.body.length, 3U); });
    refuses(response("Content-Length: 3\r\nContent-Length : 4\r\n"));
    accepts(response("Transfer-Encoding : chunked\r\n"), [](const ResponseHead& h) { EXPECT_EQ(h.body.framing, Framing::chunked); });
}

TEST(ResponseParser, refuses_malformed_fields_as_the_upstreams_fault) {
    for (const std::string_view fields :
         {" folded: x\r\n", "A: b\r\n folded\r\n", ": x\r\n", " : x\r\n", "A b: c\r\n", "A \r\n", "A: \x01\r\n", "A\r\n"}) {
        refuses(response(fields));
    }
    refuses(response("A: 1\r\nB: 2\r\n"), Fault::upstream_head_too_large, Method::get, {.fields = 1});
    refuses(response("A: 1\r\nB: 2\r\n"), Fault::upstream_head_too_large, Method::get, {.head = 25});
}

TEST(ResponseParser, frames_the_body_by_its_fields) {
    const struct {
        std::string_view fields;
        BodyLength body;
        bool keep_alive;
    } cases[] = {
        {"", {Framing::until_close, 0}, false},
        {"Content-Length: 0\r\n", {Framing::length, 0}, true},
        {"Content-Length: 70\r\nConnection: close\r\n", {Framing::length, 70}, false},
        {"Transfer-Encoding: Chunked\r\n", {Framing::chunked, 0}, true},
    };
    for (const auto& c : cases) {
        accepts(response(c.fields), [&](const ResponseHead& head) {
            EXPECT_EQ(head.body, c.body);
            EXPECT_EQ(head.keep_alive, c.keep_alive);
        });
    }
}

TEST(ResponseParser, refuses_ambiguous_framing) {
    for (const std::string_view fields :
         {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n",
          "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 5\r\n", "Content-Length:\r\n",
          "Content-Length: +5\r\n", "Content-Length: x\r\n", "Content-Length: 99999999999999999999\r\n",
          "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding:\r\n",
          "Transfer_Encoding: chunked\r\n"}) {
        refuses(response(fields));
        refuses(response(fields), Fault::upstream_protocol, Method::head);
        refuses(response(fields, "HTTP/1.1 304 x"));
    }
    refuses(response("Transfer-Encoding: chunked\r\n", "HTTP/1.0 200 OK"));
}

TEST(ResponseParser, some_responses_have_no_body_whatever_their_fields_say) {
    const auto no_body = [](const ResponseHead& head) {
        EXPECT_EQ(head.body, BodyLength{});
        EXPECT_TRUE(head.keep_alive);
    };
    for (const std::string_view fields : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
        for (const std::string_view line :
             {"HTTP/1.1 100 Continue", "HTTP/1.1 103 x", "HTTP/1.1 204 x", "HTTP/1.1 304 x"}) {
            accepts(response(fields, line), no_body);
        }
        accepts(response(fields), no_body, Method::head);
        accepts(response(fields), no_body, Method::connect);
    }
}

TEST(ResponseParser, connection_may_list_as_many_names_as_there_may_be_fields) {
    std::string names = "Connection: a";
    for (int i = 0; i < 128; ++i) names += ",b";
    refuses(response(names + "\r\nContent-Length: 0\r\n"));
}

TEST(ResponseParser, http10_closes_unless_it_says_otherwise) {
    accepts(response("Content-Length: 1\r\n", "HTTP/1.0 200 OK"), [](const ResponseHead& head) {
        EXPECT_EQ(head.version, Version::http10);
        EXPECT_FALSE(head.keep_alive);
    });
    accepts(response("Content-Length: 1\r\nConnection: keep-alive\r\n", "HTTP/1.0 200 OK"),
            [](const ResponseHead& head) { EXPECT_TRUE(head.keep_alive); });
}

TEST(ResponseParser, tells_a_switch_of_protocols) {
    accepts(response("Upgrade: websocket\r\nConnection: Upgrade\r\n", "HTTP/1.1 101 Switching Protocols"),
            [](const ResponseHead& head) {
                EXPECT_EQ(head.status, 101);
                EXPECT_TRUE(head.upgrade);
            });
}

TEST(ResponseParser, garbage_is_refused_at_its_first_byte) {
    HeadParser parser;
    ResponseHead head;
    ASSERT_TRUE(parser.parse_response("HTTP/1.1 2", Method::get, head));
    EXPECT_FALSE(parser.parse_response("HTTP/1.1 2x", Method::get, head));
    parser.reset();
    EXPECT_FALSE(parser.parse_response("<", Method::get, head));
}

TEST(ResponseParser, is_used_again_after_a_reset) {
    HeadParser parser;
    ResponseHead head;
    const std::string interim = response("", "HTTP/1.1 100 Continue");
    const std::string last = response("Content-Length: 1\r\n", "HTTP/1.1 201 Created");
    ASSERT_EQ(parser.parse_response(interim + last, Method::post, head), Progress::done);
    const size_t first = parser.consumed();
    EXPECT_EQ(first, interim.size());
    parser.reset();
    ASSERT_EQ(parser.parse_response(last, Method::post, head), Progress::done);
    EXPECT_EQ(head.status, 201);
    EXPECT_EQ(head.reason, "Created");
}

}  // namespace
}  // namespace portico::http::h1
