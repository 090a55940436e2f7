#include "gateway/request_values.h"

#include <gtest/gtest.h>

#include "gateway/conditions.h"

namespace portico::gateway {
namespace {

TEST(RequestValues, SayWhatALookOfItsOwnSays) {
    http::FieldList fields;
    fields.add("X-Kind", "a");
    fields.add("x-kind", "b");
    fields.add("X-Empty", "");
    RequestView view;
    view.fields = &fields;
    view.has_query = true;
    view.query = "a=1&b=%32&a=3&c&=nothing&d=x+y&b=4&%65=5";
    RequestValues values(view);
    for (int round = 0; round < 3; ++round) {
        for (const char* name : {"a", "b", "c", "", "d", "e", "%65", "none", "a"}) {
            std::string there;
            const bool found = query_value(view.query, name, there);
            const auto value = values.query(name);
            ASSERT_EQ(value.has_value(), found) << name;
            if (found) EXPECT_EQ(*value, there) << name;
        }
        for (const char* name : {"X-Kind", "x-empty", "none", "x-kind"}) {
            std::string there;
            const bool found = header_value(fields, name, there);
            const auto value = values.header(name);
            ASSERT_EQ(value.has_value(), found) << name;
            if (found) EXPECT_EQ(*value, there) << name;
        }
    }
}

TEST(RequestValues, ARequestWithoutAQueryHasNoParameter) {
    RequestView view;
    RequestValues values(view);
    EXPECT_FALSE(values.query("a"));
    EXPECT_FALSE(values.query(""));
}

}  // namespace
}  // namespace portico::gateway
