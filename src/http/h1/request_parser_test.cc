#include <gtest/gtest.h>

#include <functional>

#include "http/h1/head_feed_test.h"
#include "http/h1/parser.h"

namespace portico::http::h1 {
namespace {

// Expects `bytes` to be accepted in every delivery, with `check` holding for what came out.
void accepts(std::string_view bytes, const std::function<void(const RequestHead&)>& check, HeadLimits limits = {},
             size_t rest = 0) {
    SCOPED_TRACE(bytes);
    RequestHead head;
    deliver_in_every_way(
        bytes, limits, [&](HeadParser& p, std::string_view data) { return p.parse_request(data, head); },
        [&](const Result<Progress>& result, Delivery& d) {
            ASSERT_TRUE(result) << result.error().code() << ": " << result.error().context;
            ASSERT_EQ(*result, Progress::done);
            EXPECT_EQ(d.parser().consumed(), bytes.size() - rest);
            check(head);
        });
}

void refuses(std::string_view bytes, Fault fault, HeadLimits limits = {}) {
    SCOPED_TRACE(bytes);
    RequestHead head;
    deliver_in_every_way(
        bytes, limits, [&](HeadParser& p, std::string_view data) { return p.parse_request(data, head); },
        [&](const Result<Progress>& result, Delivery&) {
            ASSERT_FALSE(result);
            EXPECT_EQ(code_of(result.error().fault), code_of(fault)) << result.error().context;
        });
}

void accepts(std::string_view bytes) {
    accepts(bytes, [](const RequestHead&) {});
}

// Expects the refusal as soon as the last byte of `bytes` is there, and not before.
void refuses_at_the_last_byte(std::string_view bytes, Fault fault, HeadLimits limits = {}) {
    SCOPED_TRACE(bytes.substr(0, 200));
    RequestHead head;
    HeadParser parser(limits);
    const auto before = parser.parse_request(bytes.substr(0, bytes.size() - 1), head);
    ASSERT_TRUE(before) << before.error().code();
    EXPECT_EQ(*before, Progress::more);
    const auto result = parser.parse_request(bytes, head);
    ASSERT_FALSE(result);
    EXPECT_EQ(code_of(result.error().fault), code_of(fault));
}

std::string with(std::string_view fields, std::string_view line = "GET / HTTP/1.1") {
    return std::string(line) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

TEST(RequestParser, reads_a_typical_request) {
    accepts(
        "POST /a/b?c=d HTTP/1.1\r\nHost: example.com:8080\r\nAccept:*/*\r\nX-Empty:\r\nX-Space: \t v w \t\r\n"
        "Content-Length: 12\r\n\r\n",
        [](const RequestHead& head) {
            EXPECT_EQ(head.method, Method::post);
            EXPECT_EQ(head.method_text, "POST");
            EXPECT_EQ(head.target, "/a/b?c=d");
            EXPECT_EQ(head.version, Version::http11);
            EXPECT_EQ(head.host, "example.com:8080");
            ASSERT_EQ(head.fields.size(), 5U);
            EXPECT_EQ(head.fields.all()[0].id, FieldName::host);
            EXPECT_EQ(head.fields.all()[1].name, "Accept");
            EXPECT_EQ(head.fields.all()[1].value, "*/*");
            EXPECT_EQ(head.fields.all()[2].value, "");
            EXPECT_EQ(head.fields.all()[3].value, "v w");
            EXPECT_EQ(head.body, (BodyLength{Framing::length, 12}));
            EXPECT_TRUE(head.keep_alive);
            EXPECT_FALSE(head.expect_continue || head.upgrade);
        });
}

TEST(RequestParser, leaves_what_follows_the_head) {
    const std::string bytes = with("") + "GET /next";
    accepts(bytes, [](const RequestHead& head) { EXPECT_EQ(head.target, "/"); }, {}, 9);
}

TEST(RequestParser, skips_one_empty_line_before_the_request_and_no_more) {
    accepts("\r\n" + with(""), [](const RequestHead& head) { EXPECT_EQ(head.method, Method::get); });
    refuses("\r\n\r\n" + with(""), Fault::bad_request);
    refuses("\n" + with(""), Fault::bad_request);
    refuses("\r" + with(""), Fault::bad_request);
}

TEST(RequestParser, knows_any_method_that_is_a_token) {
    accepts(with("", "M-SEARCH / HTTP/1.1"), [](const RequestHead& head) {
        EXPECT_EQ(head.method, Method::other);
        EXPECT_EQ(head.method_text, "M-SEARCH");
    });
    accepts(with("", std::string(64, 'M') + " / HTTP/1.1"));
    refuses(with("", std::string(65, 'M') + " / HTTP/1.1"), Fault::bad_method);
}

TEST(RequestParser, refuses_a_start_line_of_any_other_shape) {
    for (const std::string_view line : {"GET /",
                                        "GET",
                                        "GET ",
                                        "GET  HTTP/1.1",
                                        " GET / HTTP/1.1",
                                        "GET  / HTTP/1.1",
                                        "GET /  HTTP/1.1",
                                        "GET / HTTP/1.1 ",
                                        "GET\t/ HTTP/1.1",
                                        "GET /\tHTTP/1.1",
                                        "GET / a HTTP/1.1",
                                        "G(T / HTTP/1.1",
                                        "GET / http/1.1",
                                        "GET / HTTP/1",
                                        "GET / HTTP",
                                        "GET / HTTP/1.10",
                                        "GET / HTTP/11",
                                        "GET / HTTP/01.1",
                                        "GET / HTTP/1,1",
                                        "GET / HTTP/a.1",
                                        "GET / HTTP/1.a",
                                        "GET / HTTP /1.1",
                                        "GET / HTTPS/1.1",
                                        "GET / HTTP/-1.1",
                                        "GET / ICY/1.1",
                                        "GET / HTTP/1.1\t",
                                        "G\x80T / HTTP/1.1",
                                        "GET /\x01 HTTP/1.1",
                                        "GET /\x7f HTTP/1.1",
                                        "GET /\rx HTTP/1.1",
                                        "GET / HTTP/1.1\r",
                                        "GET / HTTP/1.1\rx"}) {
        refuses(with("", line), Fault::bad_request);
    }
}

TEST(RequestParser, refuses_other_versions_of_http) {
    for (const std::string_view line : {"GET / HTTP/0.9", "GET / HTTP/2.0", "GET / HTTP/2.1", "GET / HTTP/3.0",
                                         "PRI * HTTP/2.0", "GET / HTTP/9.9", "GET / HTTP/0.0"}) {
        refuses(with("", line), Fault::bad_version);
    }
}

TEST(RequestParser, T72_a_later_minor_version_is_read_as_the_highest_known) {
    for (const std::string_view line : {"GET / HTTP/1.2", "GET / HTTP/1.9"}) {
        accepts(with("", line), [](const RequestHead& h) {
            EXPECT_EQ(h.version, Version::http11);
            EXPECT_TRUE(h.keep_alive);
        });
    }
    refuses("GET / HTTP/1.2\r\n\r\n", Fault::bad_host);
}

TEST(RequestParser, T71_a_default_port_names_the_same_authority) {
    const auto request = [](std::string_view target, std::string_view host) {
        return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
    };
    for (const auto& [target, host] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"http://a.test:80/x", "a.test"},
             {"http://a.test/x", "A.test:80"},
             {"http://a.test/x", "a.test:"},
             {"http://a.test:080/x", "a.test"},
             {"https://a.test/x", "a.test:443"},
             {"https://[::1]:443/x", "[::1]"},
             {"http://[::1]/x", "[::1]:80"},
         }) {
        accepts(request(target, host), [](const RequestHead& h) { EXPECT_EQ(h.fields.size(), 1U); });
    }
    for (const auto& [target, host] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"http://a.test:443/x", "a.test"},
             {"https://a.test:80/x", "a.test"},
             {"http://a.test:8080/x", "a.test"},
             {"http://a.test/x", "a.test:81"},
             {"http://a.test:80/x", "b.test"},
             {"http://[::1]:80/x", "[::2]"},
             {"http://a.test:80/x", "a.test.:80"},
         }) {
        refuses(request(target, host), Fault::bad_host);
    }
}

TEST(RequestParser, refuses_a_bare_cr_or_lf) {
    refuses("GET / HTTP/1.1\nHost: a\r\n\r\n", Fault::bad_request);
    refuses("GET / HTTP/1.1\r\nHost: a\n\r\n", Fault::bad_header);
    refuses("GET / HTTP/1.1\r\nHost: a\r\n\n", Fault::bad_header);
    refuses("GET / HTTP/1.1\r\nHost: a\r\rx\r\n\r\n", Fault::bad_header);
    refuses("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", Fault::bad_header);
    refuses("GET / HTTP/1.1\r\nHost: a\r\n\rx", Fault::bad_header);
    refuses("GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n", Fault::bad_header);
    refuses("GET / HTTP/1.1\r\nHo\nst: a\r\n\r\n", Fault::bad_header);
}

TEST(RequestParser, refuses_a_field_line_of_any_other_shape) {
    for (const std::string_view fields :
         {" folded: x\r\n", "\tfolded: x\r\n", "A: b\r\n folded\r\n", "A: b\r\n\tfolded\r\n", ": empty\r\n",
          "A : b\r\n", "A\t: b\r\n", "no colon\r\n", "nocolon\r\n", "A b: c\r\n", "A(: c\r\n", "A\x80: c\r\n",
          "\"A\": c\r\n", "A/b: c\r\n", "A[]: c\r\n", "@: c\r\n"}) {
        refuses(with(fields), Fault::bad_header);
    }
    refuses("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Fault::bad_header);
}

TEST(RequestParser, a_control_in_a_name_or_a_value_is_refused) {
    for (int i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        if (c == '\r') continue;  // has tests of its own
        const std::string value = with(std::string("X: ab") + c + "d\r\n");
        if ((i < 0x20 && c != '\t') || i == 0x7F) {
            refuses(value, Fault::bad_header);
        } else {
            accepts(value);
        }
        const std::string name = with(std::string("Xa") + c + "d: v\r\n");
        if (is_token({&c, 1}) || c == ':') {
            accepts(name);
        } else {
            refuses(name, Fault::bad_header);
        }
    }
}

TEST(RequestParser, bytes_above_ascii_may_stand_in_a_value) {
    accepts(with("X: \x80\xff caf\xC3\xA9\r\n"),
            [](const RequestHead& head) { EXPECT_EQ(head.fields.find("x")->value, "\x80\xff caf\xC3\xA9"); });
}

TEST(RequestParser, wants_exactly_one_host_in_http11) {
    refuses("GET / HTTP/1.1\r\n\r\n", Fault::bad_host);
    refuses("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Fault::bad_host);
    refuses("GET / HTTP/1.1\r\nhost: a\r\nHOST: b\r\n\r\n", Fault::bad_host);
    for (const std::string_view host :
         {"", "a b", "a,b", "u@a", "a:x", "a:65536", "http://a", "a/b", "[::1", "a#", "\x80"}) {
        refuses("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", Fault::bad_host);
    }
}

TEST(RequestParser, wants_at_most_one_host_in_http10) {
    accepts("GET / HTTP/1.0\r\n\r\n", [](const RequestHead& head) { EXPECT_EQ(head.host, ""); });
    accepts("GET / HTTP/1.0\r\nHost: a\r\n\r\n", [](const RequestHead& head) { EXPECT_EQ(head.host, "a"); });
    refuses("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Fault::bad_host);
}

TEST(RequestParser, the_authority_of_an_absolute_target_is_the_host) {
    accepts("GET http://A:80/x HTTP/1.1\r\nHost: a:80\r\n\r\n",
            [](const RequestHead& head) { EXPECT_EQ(head.host, "A:80"); });
    accepts("GET http://a HTTP/1.0\r\n\r\n", [](const RequestHead& head) { EXPECT_EQ(head.host, "a"); });
    refuses("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", Fault::bad_host);
    accepts("GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", [](const RequestHead& head) { EXPECT_EQ(head.host, "a:80"); });
    refuses("GET http://a/ HTTP/1.1\r\n\r\n", Fault::bad_host);
    refuses("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Fault::bad_target);
    refuses("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Fault::bad_target);
    refuses("GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", Fault::bad_target);
}

TEST(RequestParser, asterisk_and_authority_targets_go_with_their_methods) {
    accepts(with("", "OPTIONS * HTTP/1.1"));
    accepts("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    refuses(with("", "GET * HTTP/1.1"), Fault::bad_target);
    refuses(with("", "CONNECT a HTTP/1.1"), Fault::bad_target);
    refuses(with("", "CONNECT http://a:1/ HTTP/1.1"), Fault::bad_target);
}

TEST(RequestParser, frames_the_body_by_its_fields) {
    const struct {
        std::string_view fields;
        BodyLength body;
    } cases[] = {
        {"", {Framing::none, 0}},
        {"Content-Length: 0\r\n", {Framing::length, 0}},
        {"content-length:\t007 \r\n", {Framing::length, 7}},
        {"Content-Length: 9223372036854775807\r\n", {Framing::length, 9223372036854775807U}},
        {"Transfer-Encoding: chunked\r\n", {Framing::chunked, 0}},
        {"transfer-encoding:  CHUNKED\t\r\n", {Framing::chunked, 0}},
    };
    for (const auto& c : cases) {
        accepts(with(c.fields), [&](const RequestHead& head) { EXPECT_EQ(head.body, c.body); });
    }
}

TEST(RequestParser, refuses_a_length_that_is_not_one_plain_number) {
    for (const std::string_view value :
         {"", "+5", "-5", "5,5", "5, 5", "5 5", "0x5", "5a", "a", "5.0", "1e1", "\"5\"", ",5", "5,",
          "9223372036854775808", "18446744073709551616", "99999999999999999999999", "\x80"}) {
        refuses(with("Content-Length: " + std::string(value) + "\r\n"), Fault::bad_framing);
    }
    refuses(with("Content-Length: 5\r\nContent-Length: 5\r\n"), Fault::bad_framing);
    refuses(with("Content-Length: 5\r\nContent-Length: 6\r\n"), Fault::bad_framing);
    refuses(with("Content_Length: 5\r\n"), Fault::bad_framing);
}

TEST(RequestParser, refuses_a_transfer_coding_that_is_not_exactly_chunked) {
    for (const std::string_view value :
         {"", "identity", "gzip", "xchunked", "chunkedx", "chunked, chunked", "gzip, chunked", "chunked, gzip",
          "chunked,", ",chunked", "chunked;q=1", "\"chunked\"", "'chunked'", "chunk ed", "chunked identity",
          "\x80"
          "chunked"}) {
        refuses(with("Transfer-Encoding: " + std::string(value) + "\r\n"), Fault::bad_framing);
    }
    refuses(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Fault::bad_framing);
    refuses(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), Fault::bad_framing);
    refuses(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Fault::bad_framing);
    refuses(with("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0"), Fault::bad_framing);
    refuses(with("Transfer_Encoding: chunked\r\n"), Fault::bad_framing);
}

TEST(RequestParser, expectation_is_100_continue_or_refused) {
    const auto expects = [](bool wanted) {
        return [wanted](const RequestHead& head) { EXPECT_EQ(head.expect_continue, wanted); };
    };
    accepts(with("Expect: 100-Continue\r\nContent-Length: 5\r\n"), expects(true));
    accepts(with("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"), expects(true));
    accepts(with("Expect: 100-continue\r\n"), expects(false));
    accepts(with("Expect: 100-continue\r\nContent-Length: 0\r\n"), expects(false));
    accepts(with("Expect: 100-continue\r\nContent-Length: 5\r\n", "POST / HTTP/1.0"), expects(false));
    refuses(with("Expect: 200-ok\r\n"), Fault::expectation_failed);
    refuses(with("Expect: 100-continue, x\r\n"), Fault::expectation_failed);
    refuses(with("Expect:\r\n"), Fault::expectation_failed);
    refuses(with("Expect: 100-continue\r\nExpect: y\r\nContent-Length: 5\r\n"), Fault::expectation_failed);
}

TEST(RequestParser, keep_alive_follows_version_and_connection) {
    const struct {
        std::string_view line, fields;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1", "", true},
        {"GET / HTTP/1.1", "Connection: close\r\n", false},
        {"GET / HTTP/1.1", "Connection: keep-alive\r\nConnection: x, CLOSE\r\n", false},
        {"GET / HTTP/1.0", "", false},
        {"GET / HTTP/1.0", "Connection: Keep-Alive\r\n", true},
        {"GET / HTTP/1.0", "Connection: keep-alive, close\r\n", false},
    };
    for (const auto& c : cases) {
        accepts(with(c.fields, c.line), [&](const RequestHead& head) { EXPECT_EQ(head.keep_alive, c.keep_alive); });
    }
}

TEST(RequestParser, an_upgrade_wants_both_fields_and_http11) {
    const auto upgrades = [](bool wanted) {
        return [wanted](const RequestHead& head) { EXPECT_EQ(head.upgrade, wanted); };
    };
    accepts(with("Upgrade: websocket\r\nConnection: upgrade\r\n"), upgrades(true));
    accepts(with("Upgrade: websocket\r\n"), upgrades(false));
    accepts(with("Connection: upgrade\r\n"), upgrades(false));
    accepts(with("Upgrade: websocket\r\nConnection: upgrade\r\n", "GET / HTTP/1.0"), upgrades(false));
}

TEST(RequestParser, judges_each_byte_as_it_comes) {
    refuses_at_the_last_byte(std::string_view("\x16"), Fault::bad_request);  // TLS on the wrong port
    refuses_at_the_last_byte("{", Fault::bad_request);
    refuses_at_the_last_byte("GET\x01", Fault::bad_request);
    refuses_at_the_last_byte("GET / F", Fault::bad_request);
    refuses_at_the_last_byte("GET / HTTP/2.0\r\n", Fault::bad_version);
    refuses_at_the_last_byte("GET / HTTP/1.1\r\n ", Fault::bad_header);
    refuses_at_the_last_byte("GET / HTTP/1.1\r\nA ", Fault::bad_header);
    refuses_at_the_last_byte(std::string_view("GET / HTTP/1.1\r\nA: \0", 20), Fault::bad_header);
}

TEST(RequestParser, a_target_may_be_as_long_as_its_limit) {
    const HeadLimits limits{.target = 20};
    accepts(with("", "GET /" + std::string(19, 'x') + " HTTP/1.1"), [](const RequestHead&) {}, limits);
    refuses(with("", "GET /" + std::string(20, 'x') + " HTTP/1.1"), Fault::target_too_long, limits);
    refuses(with("", "GET /" + std::string(20, 'x') + "\x01 HTTP/1.1"), Fault::target_too_long, limits);
    refuses_at_the_last_byte("GET /" + std::string(20, 'x'), Fault::target_too_long, limits);
}

TEST(RequestParser, a_head_may_be_as_long_as_its_limit) {
    const std::string head = with("X: " + std::string(50, 'x') + "\r\n");
    const auto size = static_cast<uint32_t>(head.size());
    accepts(head, [](const RequestHead&) {}, {.head = size});
    accepts(head + std::string(100, 'y'), [](const RequestHead&) {}, {.head = size}, 100);
    refuses(head, Fault::head_too_large, {.head = size - 1});
    for (uint32_t limit = 1; limit < size; ++limit) {
        refuses_at_the_last_byte(head.substr(0, limit), Fault::head_too_large, {.head = limit});
    }
}

TEST(RequestParser, a_head_may_have_as_many_fields_as_its_limit) {
    accepts(with("A: 1\r\nB: 2\r\n"), [](const RequestHead& head) { EXPECT_EQ(head.fields.size(), 3U); },
            {.fields = 3});
    refuses(with("A: 1\r\nB: 2\r\n"), Fault::too_many_fields, {.fields = 2});
    refuses_at_the_last_byte("GET / HTTP/1.1\r\nA: 1\r\nB", Fault::too_many_fields, {.fields = 1});
}

TEST(RequestParser, connection_may_list_as_many_names_as_there_may_be_fields) {
    accepts(with("Connection: a, b\r\n"), [](const RequestHead& head) { EXPECT_EQ(head.connection.names.size(), 2U); },
            {.fields = 2});
    refuses(with("Connection: a, b, c\r\n"), Fault::too_many_fields, {.fields = 2});
}

TEST(RequestParser, names_and_values_at_the_edges_of_small_integers_keep_their_length) {  // FIELD-CASES R12
    for (const size_t size : {255U, 256U, 257U, 32767U, 32768U, 65535U, 65536U}) {
        const HeadLimits limits{.head = 1 << 20};
        const std::string name(size, 'n'), value(size, 'v');
        const std::string bytes = with(name + ": " + value + "\r\nContent-Length: 1\r\n");
        RequestHead head;
        HeadParser parser(limits);
        ASSERT_EQ(parser.parse_request(bytes, head), Progress::done);
        EXPECT_EQ(head.fields.all()[1].name, name);
        EXPECT_EQ(head.fields.all()[1].value, value);
        EXPECT_EQ(head.body.length, 1U);
    }
}

TEST(RequestParser, is_used_again_after_a_reset) {
    HeadParser parser;
    RequestHead head;
    EXPECT_FALSE(parser.started());
    ASSERT_TRUE(parser.parse_request("GET / HTTP/1.1\r\nA: b\r\nC", head));
    EXPECT_TRUE(parser.started());
    parser.reset();
    EXPECT_FALSE(parser.started());
    const std::string bytes = with("D: e\r\n", "PUT /x HTTP/1.0");
    ASSERT_EQ(parser.parse_request(bytes, head), Progress::done);
    EXPECT_EQ(head.method, Method::put);
    EXPECT_EQ(head.fields.size(), 2U);
    parser.reset();
    ASSERT_FALSE(parser.parse_request("\n", head));
    parser.reset();
    ASSERT_EQ(parser.parse_request(bytes, head), Progress::done);
}

}  // namespace
}  // namespace portico::http::h1
