// Whom a request counts as where proxies stand in front of the gateway.
#include "gateway/client_address.h"

#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

// The client's address and the X-Forwarded-For that goes before the peer; "none" for no address.
std::pair<std::string, std::string> seen(std::initializer_list<std::pair<std::string_view, std::string_view>> sent, std::string_view from = "X-Forwarded-For") {
    http::FieldList fields;
    for (const auto& [name, value] : sent) fields.add(name, value);
    const std::vector<Cidr> trusted = {*Cidr::parse("10.0.0.0/8")};
    const FoundClient found = find_client(read_forwarding(fields, ClientSource(from)), *IpAddress::parse("10.9.9.9"), trusted);
    return {found.address ? found.address->text() : "none", found.passed};
}
using Seen = std::pair<std::string, std::string>;

TEST(ClientAddress, is_the_first_from_the_right_that_is_no_trusted_proxy) {
    EXPECT_EQ(seen({}), Seen("10.9.9.9", ""));
    EXPECT_EQ(seen({{"X-Forwarded-For", "6.6.6.6, 8.8.8.8, 10.0.0.1"}}), Seen("8.8.8.8", "8.8.8.8, 10.0.0.1"));
    EXPECT_EQ(seen({{"X-Forwarded-For", "6.6.6.6"}, {"X-Forwarded-For", "8.8.8.8"}}), Seen("8.8.8.8", "8.8.8.8"));
    EXPECT_EQ(seen({{"X-Forwarded-For", "10.0.0.1, 10.0.0.2"}}), Seen("10.0.0.1", "10.0.0.1, 10.0.0.2"));
    EXPECT_EQ(seen({{"X-Forwarded-For", "[2001:db8::1]:443"}}), Seen("2001:db8::1", "2001:db8::1"));
    EXPECT_EQ(seen({{"X-Forwarded-For", "::ffff:8.8.8.8"}}), Seen("8.8.8.8", "8.8.8.8"));
    EXPECT_EQ(seen({{"Forwarded", "for=6.6.6.6, for=\"8.8.8.8:80\";proto=https;by=x"}}, "Forwarded"), Seen("8.8.8.8", "8.8.8.8"));
}

TEST(ClientAddress, A81_is_none_where_a_trusted_proxy_says_none_that_can_be_read) {
    for (const std::string_view value : {"unknown", "_hidden", "8.8.8.8, _x", "008.8.8.8", "8.8.8.8;", "fe80::1%eth0", "8.8.8.8.", "", "8.8.8.8,", "[::1", "[::1]x"}) {
        EXPECT_EQ(seen({{"X-Forwarded-For", value}}), Seen("none", "unknown")) << value;
    }
    for (const std::string_view value : {"for=_x", "for=unknown", "for=\"[2001:db8::1%25eth0]\"", "for =8.8.8.8", "for=\"8.8.8.8:1;x\"", "for=\"8.8.8.8"}) {
        EXPECT_EQ(seen({{"Forwarded", value}}, "Forwarded"), Seen("none", "unknown")) << value;
    }
    EXPECT_EQ(seen({{"X-Real-IP", "8.8.8.8, 1.1.1.1"}}, "X-Real-IP"), Seen("none", "unknown"));
    EXPECT_EQ(seen({{"X-Real-IP", "6.6.6.6"}, {"X-Real-IP", "8.8.8.8"}}, "X-Real-IP"), Seen("none", "unknown"));
    EXPECT_EQ(seen({{"X-Forwarded-For", "6.6.6.6, unknown, 10.0.0.1"}}), Seen("none", "unknown, 10.0.0.1"));
}

TEST(ClientAddress, A81_an_element_of_Forwarded_that_names_nobody_is_not_passed_over) {
    EXPECT_EQ(seen({{"Forwarded", "for=10.0.0.7, proto=https;by=10.0.0.1"}}, "Forwarded"), Seen("none", "unknown"));
    EXPECT_EQ(seen({{"Forwarded", "for=10.0.0.7;for=8.8.8.8"}}, "Forwarded"), Seen("none", "unknown"));
    EXPECT_EQ(seen({{"Forwarded", "for=10.0.0.7"}, {"Forwarded", ""}}, "Forwarded"), Seen("none", "unknown"));
}

TEST(ClientAddress, T80_one_header_is_asked_whatever_else_is_there) {
    EXPECT_EQ(seen({{"X-Real-IP", "8.8.8.8"}}), Seen("10.9.9.9", ""));
    EXPECT_EQ(seen({{"Forwarded", "for=8.8.8.8"}}), Seen("10.9.9.9", ""));
    EXPECT_EQ(seen({{"X-Forwarded-For", "8.8.8.8"}, {"X-Real-IP", "6.6.6.6"}, {"Forwarded", "for=6.6.6.6"}}), Seen("8.8.8.8", "8.8.8.8"));
    EXPECT_EQ(seen({{"X-Forwarded-For", "6.6.6.6"}}, "Forwarded"), Seen("10.9.9.9", ""));
    EXPECT_EQ(seen({{"X-Forwarded-For", "6.6.6.6"}, {"CF-Connecting-IP", "8.8.8.8"}}, "cf-connecting-ip"), Seen("8.8.8.8", "8.8.8.8"));
    EXPECT_EQ(seen({{"X-Forwarded-For", "6.6.6.6"}}, "CF-Connecting-IP"), Seen("10.9.9.9", ""));
    EXPECT_EQ(seen({{"X-Client", "6.6.6.6"}, {"X-Client", "8.8.8.8"}, {"X-Client", "9.9.9.9"}}, "X-Client"), Seen("none", "unknown"));
}

TEST(ClientAddress, what_a_client_quotes_in_Forwarded_stays_within_its_quotes) {
    EXPECT_EQ(seen({{"Forwarded", R"(for=8.8.8.8;host="a,for=10.9.9.9;x")"}}, "Forwarded"), Seen("8.8.8.8", "8.8.8.8"));
    EXPECT_EQ(seen({{"Forwarded", R"(for=6.6.6.6, for=8.8.8.8;host="a\",for=10.0.0.1;x=")"}}, "Forwarded"), Seen("8.8.8.8", "8.8.8.8"));
    // Where quotes do not end, nobody knows whose word is whose.
    for (const std::string_view value : {R"(for=10.1.1.1;x=", for=8.8.8.8;host="h")", R"(for=8.8.8.8;host="a)", R"(for=8.8.8.8;host="a"b)", R"(for=8.8.8.8 for=10.0.0.1)", R"(for=8.8.8.8;host)", R"(for=8.8.8.8;=a)"}) {
        EXPECT_EQ(seen({{"Forwarded", value}}, "Forwarded"), Seen("none", "unknown")) << value;
    }
    EXPECT_EQ(seen({{"Forwarded", R"(for="[2001:db8::1]:443" ; proto=https)"}}, "Forwarded"), Seen("2001:db8::1", "2001:db8::1"));
    EXPECT_EQ(seen({{"Forwarded", R"(for="8.8.8.8:_x";)"}}, "Forwarded"), Seen("8.8.8.8", "8.8.8.8"));
}

TEST(ClientAddress, what_a_stranger_says_of_scheme_and_host_is_not_believed) {
    const std::vector<Cidr> trusted = {*Cidr::parse("10.0.0.0/8")};
    const auto asked = [&](std::string_view forwarded) {
        http::FieldList fields;
        fields.add("Forwarded", forwarded);
        const FoundClient found = find_client(read_forwarding(fields, ClientSource("Forwarded")), *IpAddress::parse("10.9.9.9"), trusted);
        return std::string(found.proto) + " " + std::string(found.host);
    };
    EXPECT_EQ(asked("for=1.1.1.1;host=evil.example;proto=https, for=8.8.8.8;proto=http"), "http ");
    EXPECT_EQ(asked("for=1.1.1.1;host=evil.example;proto=https, for=8.8.8.8"), " ");
    // Of two trusted proxies the nearer one to the client knows how it asked.
    EXPECT_EQ(asked("for=8.8.8.8;proto=https;host=shop.example, for=10.0.0.1;proto=http;host=inner"), "https shop.example");
    EXPECT_EQ(asked("for=8.8.8.8, for=10.0.0.1;proto=https"), "https ");
}

TEST(ClientAddress, T80_scheme_host_and_port_are_said_by_the_same_proxy) {
    http::FieldList fields;
    fields.add("Forwarded", "for=8.8.8.8;proto=https;host=a.test");
    fields.add("X-Forwarded-Proto", "http");
    fields.add("X-Forwarded-Host", "b.test");
    fields.add("X-Forwarded-Port", "8080");
    const ForwardingFields by_forwarded = read_forwarding(fields, ClientSource("Forwarded"));
    const FoundClient found = find_client(by_forwarded, *IpAddress::parse("10.9.9.9"), {});
    EXPECT_EQ(found.proto, "https");
    EXPECT_EQ(found.host, "a.test");
    EXPECT_EQ(by_forwarded.port, "");
    const ForwardingFields by_others = read_forwarding(fields, ClientSource());
    EXPECT_EQ(by_others.proto, "http");
    EXPECT_EQ(by_others.host, "b.test");
    EXPECT_EQ(by_others.port, "8080");
}

TEST(ClientAddress, is_none_behind_more_proxies_than_are_looked_at) {
    const auto behind = [](size_t proxies, std::string first) {
        for (size_t i = 0; i < proxies; ++i) first += ", 10.0.0.1";
        return first;
    };
    EXPECT_EQ(seen({{"X-Forwarded-For", behind(kMostHops - 1, "8.8.8.8")}}), Seen("8.8.8.8", behind(kMostHops - 1, "8.8.8.8")));
    for (const size_t proxies : {kMostHops, kMostHops + 1, size_t{6000}}) {
        const std::string passed = behind(kMostHops, "unknown");
        EXPECT_EQ(seen({{"X-Forwarded-For", behind(proxies, "8.8.8.8")}}), Seen("none", passed)) << proxies;
        EXPECT_EQ(seen({{"X-Forwarded-For", passed}}), Seen("none", passed)) << "as the next one reads it";
    }
}

}  // namespace
}  // namespace portico::gateway
