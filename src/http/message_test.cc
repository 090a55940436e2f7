#include "http/message.h"

#include <gtest/gtest.h>

#include <string>

namespace portico::http {
namespace {

TEST(Method, text_and_value_name_each_other) {
    for (int i = 0; i < static_cast<int>(Method::other); ++i) {
        const auto m = static_cast<Method>(i);
        EXPECT_EQ(method_of(method_text(m)), m);
        EXPECT_TRUE(is_registered_method(method_text(m)));
    }
    EXPECT_EQ(method_text(Method::other), "");
}

TEST(Method, is_compared_with_case_and_whole) {
    for (const std::string_view text : {"get", "Get", "GETS", "GE", "", "POSTS", "PUTT", "XET", "OPTIONs", "DELETf"}) {
        EXPECT_EQ(method_of(text), Method::other) << text;
    }
}

TEST(Method, idempotent_ones_are_those_of_the_rfc) {
    std::string names;
    for (int i = 0; i <= static_cast<int>(Method::other); ++i) {
        const auto m = static_cast<Method>(i);
        if (is_idempotent(m)) names += std::string(method_text(m)) + " ";
    }
    EXPECT_EQ(names, "GET HEAD PUT DELETE OPTIONS TRACE ");
}

TEST(Method, registry_knows_webdav_and_not_the_reserved_names) {
    for (const std::string_view text : {"ACL", "PROPFIND", "REPORT", "QUERY", "VERSION-CONTROL"}) {
        EXPECT_TRUE(is_registered_method(text)) << text;
    }
    for (const std::string_view text : {"PRI", "*", "get", "PURGE", ""})
        EXPECT_FALSE(is_registered_method(text)) << text;
}

TEST(Method, nearest_corrects_a_slip) {
    EXPECT_EQ(nearest_method("GTE"), "GET");
    EXPECT_EQ(nearest_method("delete"), "DELETE");
    EXPECT_EQ(nearest_method("OPTION"), "OPTIONS");
    EXPECT_EQ(nearest_method("XYZZYPLUGH"), "");
}

TEST(Reason, is_that_of_the_rfc_or_nothing) {
    EXPECT_EQ(reason_of(200), "OK");
    EXPECT_EQ(reason_of(413), "Content Too Large");
    EXPECT_EQ(reason_of(431), "Request Header Fields Too Large");
    EXPECT_EQ(reason_of(299), "");
    EXPECT_EQ(reason_of(0), "");
}

TEST(NeverHasBody, holds_for_status_and_method) {
    EXPECT_TRUE(never_has_body(100, Method::get));
    EXPECT_TRUE(never_has_body(101, Method::get));
    EXPECT_TRUE(never_has_body(204, Method::post));
    EXPECT_TRUE(never_has_body(304, Method::get));
    EXPECT_TRUE(never_has_body(200, Method::head));
    EXPECT_TRUE(never_has_body(404, Method::head));
    EXPECT_TRUE(never_has_body(200, Method::connect));
    EXPECT_FALSE(never_has_body(200, Method::get));
    EXPECT_FALSE(never_has_body(205, Method::get));
    EXPECT_FALSE(never_has_body(400, Method::connect));
}

TEST(RequestHead, clear_forgets_everything) {
    RequestHead head;
    head.method = Method::post;
    head.host = head.target = head.method_text = "x";
    head.fields.add("a", "b");
    head.body = {Framing::length, 3};
    head.keep_alive = false;
    head.expect_continue = head.upgrade = head.connection.close = true;
    head.connection.names.push_back("x");
    head.clear();
    EXPECT_EQ(head.method, Method::other);
    EXPECT_TRUE(head.host.empty() && head.target.empty() && head.fields.empty() && head.connection.names.empty());
    EXPECT_EQ(head.body, BodyLength{});
    EXPECT_TRUE(head.keep_alive);
    EXPECT_FALSE(head.expect_continue || head.upgrade || head.connection.close);
}

}  // namespace
}  // namespace portico::http
