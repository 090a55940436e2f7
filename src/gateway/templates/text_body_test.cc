#include "gateway/templates/text_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "gateway/route_table.h"

namespace portico::gateway {
namespace {

using ::testing::HasSubstr;

// The faults of a body of that type, "" for none.
std::string faults_of(std::string_view type, std::string text) {
    config::FaultList faults;
    const config::Scope scope(faults, "body");
    const Template declared = Template::literal(std::string(type));
    (void)TextBody::parse(scope, {std::move(text), {1, 1, 1}, true}, type.empty() ? nullptr : &declared, {});
    std::string out;
    for (const auto& f : faults.all()) out += f.code + ": " + f.message + "\n";
    return out;
}

TEST(TextBody, T23_a_text_that_is_declared_as_JSON_is_a_fault) {
    for (const std::string_view type : {"application/json", "text/json", "application/problem+json", "Application/JSON; charset=utf-8"}) {
        EXPECT_THAT(faults_of(type, "[]"), HasSubstr("json-text")) << type;
    }
}

TEST(TextBody, T83_values_stand_only_where_it_is_known_how_they_are_written) {
    for (const std::string_view type : {"", "text/plain", "text/plain; charset=utf-8", "text/html", "application/xml", "image/svg+xml", "application/x-www-form-urlencoded"}) {
        EXPECT_EQ(faults_of(type, "a {request.method}"), "") << type;
    }
    for (const std::string_view type : {"text/csv", "application/javascript", "text/css", "application/octet-stream", "text/html2"}) {
        EXPECT_THAT(faults_of(type, "a {request.method}"), HasSubstr("unescaped-value")) << type;
        EXPECT_EQ(faults_of(type, "a {{request.method}}"), "") << type;
    }
}

TEST(TextBody, JSON_is_declared_as_nothing_that_browsers_read_markup_in) {
    const auto faults = [](const Template& declared) {
        config::FaultList found;
        check_json_type(config::Scope(found, "body"), {1, 1, 1}, declared);
        return found.errors();
    };
    for (const std::string_view type : {"text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml", "image/svg+xml", "text/xml"}) {
        EXPECT_EQ(faults(Template::literal(std::string(type))), 1u) << type;
    }
    for (const std::string_view type : {"application/json", "application/problem+json", "text/plain", "application/vnd.shop+json; v=1"}) {
        EXPECT_EQ(faults(Template::literal(std::string(type))), 0u) << type;
    }
}

}  // namespace
}  // namespace portico::gateway
