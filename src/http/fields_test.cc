#include "http/fields.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"

namespace portico::http {
namespace {

std::string upper(std::string_view s) {
    std::string r(s);
    for (char& c : r) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return r;
}

struct Known {
    std::string_view text;
    FieldName id;
};

constexpr Known kKnown[] = {
    {"host", FieldName::host},
    {"connection", FieldName::connection},
    {"content-length", FieldName::content_length},
    {"transfer-encoding", FieldName::transfer_encoding},
    {"te", FieldName::te},
    {"trailer", FieldName::trailer},
    {"upgrade", FieldName::upgrade},
    {"keep-alive", FieldName::keep_alive},
    {"proxy-connection", FieldName::proxy_connection},
    {"proxy-authenticate", FieldName::proxy_authenticate},
    {"proxy-authorization", FieldName::proxy_authorization},
    {"expect", FieldName::expect},
    {"http2-settings", FieldName::http2_settings},
    {"forwarded", FieldName::forwarded},
    {"via", FieldName::via},
    {"x-forwarded-for", FieldName::x_forwarded_for},
    {"x-forwarded-host", FieldName::x_forwarded_host},
    {"x-forwarded-proto", FieldName::x_forwarded_proto},
    {"x-forwarded-port", FieldName::x_forwarded_port},
    {"x-forwarded-prefix", FieldName::x_forwarded_prefix},
    {"x-forwarded-server", FieldName::x_forwarded_other},
    {"x-real-ip", FieldName::x_real_ip},
    {"x-request-id", FieldName::x_request_id},
    {"traceparent", FieldName::traceparent},
    {"tracestate", FieldName::tracestate},
    {"authorization", FieldName::authorization},
    {"cookie", FieldName::cookie},
    {"set-cookie", FieldName::set_cookie},
    {"content-type", FieldName::content_type},
    {"content-encoding", FieldName::content_encoding},
    {"date", FieldName::date},
    {"server", FieldName::server},
    {"location", FieldName::location},
    {"origin", FieldName::origin},
    {"accept-encoding", FieldName::accept_encoding},
    {"access-control-request-method", FieldName::access_control_request_method},
    {"www-authenticate", FieldName::www_authenticate},
};

TEST(FieldName, every_known_name_is_found_in_any_case) {
    for (const Known& known : kKnown) {
        EXPECT_EQ(field_name(known.text), known.id) << known.text;
        EXPECT_EQ(field_name(upper(known.text)), known.id) << known.text;
    }
}

TEST(FieldName, the_table_above_names_every_identity) {
    std::set<FieldName> seen{FieldName::other};
    for (const Known& known : kKnown) seen.insert(known.id);
    EXPECT_EQ(seen.size(), static_cast<size_t>(FieldName::count_));
}

TEST(FieldName, a_name_changed_in_any_one_byte_is_another) {
    for (const Known& known : kKnown) {
        if (known.text.starts_with("x-forwarded-")) continue;
        for (size_t i = 0; i < known.text.size(); ++i) {
            for (int c = 0; c < 256; ++c) {
                std::string name(known.text);
                name[i] = static_cast<char>(c);
                if (iequals(name, known.text)) continue;
                EXPECT_EQ(field_name(name), FieldName::other) << name;
            }
        }
    }
}

TEST(FieldName, a_name_that_is_longer_or_shorter_is_another) {
    for (const Known& known : kKnown) {
        if (known.text.starts_with("x-forwarded-")) continue;
        EXPECT_EQ(field_name(std::string(known.text) + "x"), FieldName::other);
        EXPECT_EQ(field_name(known.text.substr(1)), FieldName::other);
        EXPECT_EQ(field_name(known.text.substr(0, known.text.size() - 1)), FieldName::other);
    }
}

TEST(FieldName, every_x_forwarded_name_is_recognised_as_one) {
    for (const std::string_view name :
         {"x-forwarded-", "X-Forwarded-Fo", "x-forwarded-for2", "x-forwarded-by", "X-FORWARDED-CLIENT-CERT"}) {
        EXPECT_EQ(field_name(name), FieldName::x_forwarded_other) << name;
    }
    EXPECT_EQ(field_name("x-forwarded"), FieldName::other);
    EXPECT_EQ(field_name("x_forwarded_for"), FieldName::other);
    EXPECT_EQ(field_name(""), FieldName::other);
}

TEST(FieldList, finds_the_first_of_several) {
    FieldList fields;
    fields.add("Accept", "a");
    fields.add("Cookie", "1");
    fields.add("cookie", "2");
    EXPECT_EQ(fields.find(FieldName::cookie)->value, "1");
    EXPECT_EQ(fields.find("ACCEPT")->value, "a");
    EXPECT_EQ(fields.count(FieldName::cookie), 2U);
    EXPECT_EQ(fields.find(FieldName::host), nullptr);
    EXPECT_EQ(fields.find("host"), nullptr);
}

TEST(FieldList, remove_if_keeps_the_order_of_the_rest) {
    FieldList fields;
    for (const std::string_view name : {"a", "TE", "b", "te", "c"}) fields.add(name, "");
    EXPECT_EQ(fields.remove_if([](const Field& f) { return f.id == FieldName::te; }), 2U);
    std::string left;
    for (const Field& f : fields) left += f.name;
    EXPECT_EQ(left, "abc");
}

TEST(Token, holds_exactly_the_characters_of_the_rfc) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    for (int i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        EXPECT_EQ(is_token(std::string_view(&c, 1)), alnum || (c != 0 && kMarks.find(c) != kMarks.npos)) << i;
    }
    EXPECT_FALSE(is_token(""));
    EXPECT_FALSE(is_token("a b"));
}

TEST(FieldValue, refuses_exactly_the_controls_wherever_they_stand) {
    for (int i = 0; i < 256; ++i) {
        const bool control = (i < 0x20 && i != '\t') || i == 0x7F;
        for (size_t at = 0; at < 40; ++at) {
            std::string text(40, 'x');
            text[at] = static_cast<char>(i);
            EXPECT_EQ(is_field_value(text), !control) << i << " at " << at;
        }
    }
    EXPECT_TRUE(is_field_value(""));
}

TEST(NameSet, matches_every_spelling) {
    NameSet set;
    set.insert("X-User-ID");
    set.insert("x_user_email");
    for (const std::string_view name : {"x-user-id", "X_User_Id", "X-USER_ID", "x_user-email", "X-User-Email"}) {
        EXPECT_TRUE(set.contains(name)) << name;
    }
    for (const std::string_view name : {"", "x-user", "x-user-idx", "y-user-id", "x-user-ie", "xxuser-id"}) {
        EXPECT_FALSE(set.contains(name)) << name;
    }
}

TEST(NameSet, holds_a_name_once_folded_and_sorted) {
    NameSet set;
    for (const std::string_view name : {"b", "A_c", "a-C", "B"}) set.insert(name);
    ASSERT_EQ(set.size(), 2U);
    EXPECT_EQ(set.names()[0], "a-c");
    EXPECT_EQ(set.names()[1], "b");
}

TEST(NameSet, an_empty_set_contains_nothing) {
    EXPECT_FALSE(NameSet().contains("a"));
    EXPECT_FALSE(NameSet().contains(""));
}

TEST(NameSet, names_of_any_length_are_told_apart) {
    NameSet set;
    for (size_t n = 1; n < 200; n += 2) set.insert(std::string(n, 'a'));
    for (size_t n = 1; n < 200; ++n) EXPECT_EQ(set.contains(std::string(n, 'A')), n % 2 == 1) << n;
}

TEST(Connection, reads_every_field_and_every_element) {
    FieldList fields;
    fields.add("Connection", "Close, x-a ,,X-B");
    fields.add("Via", "close");
    fields.add("connection", "Upgrade,\tKeep-Alive, not a token");
    ConnectionOptions options;
    options.names.push_back("stale");
    read_connection(fields, options);
    EXPECT_TRUE(options.close && options.keep_alive && options.upgrade);
    ASSERT_EQ(options.names.size(), 2U);
    EXPECT_EQ(options.names[0], "x-a");
    EXPECT_EQ(options.names[1], "X-B");
}

TEST(Connection, nothing_is_set_without_the_field) {
    ConnectionOptions options{.close = true, .keep_alive = true, .upgrade = true, .names = {"x"}};
    read_connection(FieldList{}, options);
    EXPECT_FALSE(options.close || options.keep_alive || options.upgrade);
    EXPECT_TRUE(options.names.empty());
}

TEST(HopByHop, names_exactly_the_fields_of_the_rfc) {
    const std::set<std::string_view> hop = {
        "connection", "keep-alive", "proxy-connection",   "transfer-encoding",   "te",
        "trailer",    "upgrade",    "proxy-authenticate", "proxy-authorization", "http2-settings"};
    for (const Known& known : kKnown) EXPECT_EQ(is_hop_by_hop(known.id), hop.contains(known.text)) << known.text;
}

TEST(Trailers, hold_nothing_that_frames_routes_or_authenticates_in_any_spelling) {
    for (const std::string_view name : {"Content-Length", "content_length", "TRANSFER_encoding", "Host", "Authorization", "Set-Cookie",
                                        "X_Request_ID", "traceparent", "If_Match", "Range", "Content-Type"}) {
        EXPECT_FALSE(may_be_trailer(name)) << name;
    }
    for (const std::string_view name : {"X-Checksum", "Content-Digest", "Server-Timing", "grpc-status", "Date", "ETag"}) {
        EXPECT_TRUE(may_be_trailer(name)) << name;
    }
}

TEST(Spelling, A84_case_and_every_byte_that_is_no_letter_or_digit_count_as_equal) {
    for (const std::string_view name : {"X-User-ID", "x_user_id", "X.USER.ID", "x~user|id", "X-user_Id", "x!user'id"}) {
        EXPECT_TRUE(is_same_name("X-User-ID", name)) << name;
        EXPECT_EQ(folded_name(name), "x-user-id");
        NameSet names;
        names.insert("X-User-ID");
        EXPECT_TRUE(names.contains(name)) << name;
    }
    for (const std::string_view name : {"X-UserID", "X--User-ID", "X-User-I", "X-User-IDs", "Y-User-ID", ""}) EXPECT_FALSE(is_same_name("X-User-ID", name)) << name;
}

TEST(Spelling, A84_is_one_for_names_that_are_no_trailers) {
    EXPECT_FALSE(may_be_trailer("x.forwarded.for"));
    EXPECT_FALSE(may_be_trailer("Set_Cookie"));
    EXPECT_TRUE(may_be_trailer("X-Checksum"));
}

}  // namespace
}  // namespace portico::http
