#include "base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/result.h"

namespace portico {
namespace {

constexpr int kFaults = static_cast<int>(Fault::internal) + 1;

TEST(ErrorTable, every_fault_has_a_code_of_its_own_in_two_words) {
    std::set<std::string_view> seen;
    for (int i = 0; i < kFaults; ++i) {
        const std::string_view code = code_of(static_cast<Fault>(i));
        EXPECT_TRUE(seen.insert(code).second) << code;
        const size_t dot = code.find('.');
        ASSERT_NE(dot, std::string_view::npos) << code;
        EXPECT_EQ(code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_.0123456789"), std::string_view::npos) << code;
        EXPECT_EQ(code.find('.', dot + 1), std::string_view::npos) << code;
        EXPECT_GT(dot, 0u);
        EXPECT_LT(dot + 1, code.size());
    }
}

TEST(ErrorTable, a_call_is_named_by_the_status_that_it_was_answered_with) {
    EXPECT_EQ(code_of_call(100), "aggregate.call_100");
    EXPECT_EQ(code_of_call(404), "aggregate.call_404");
    EXPECT_EQ(code_of_call(999), "aggregate.call_999");
    Error e(Fault::call_status);
    EXPECT_EQ(e.code(), "aggregate.call_status");
    e.call_status = 503;
    EXPECT_EQ(e.code(), "aggregate.call_503");
}

TEST(ErrorTable, the_first_word_of_a_code_agrees_with_its_side) {
    for (int i = 0; i < kFaults; ++i) {
        const auto fault = static_cast<Fault>(i);
        const std::string_view area = code_of(fault).substr(0, code_of(fault).find('.'));
        if (area == "http" || area == "route") {
            EXPECT_EQ(side_of(fault), Side::client) << code_of(fault);
        } else if (area == "upstream") {
            EXPECT_EQ(side_of(fault), Side::upstream) << code_of(fault);
        } else if (area == "gateway") {
            EXPECT_EQ(side_of(fault), Side::gateway) << code_of(fault);
        }
    }
}

// The codes are part of the product: a name may be added here, never changed.
TEST(ErrorTable, codes_that_operators_rely_on_stand) {
    EXPECT_EQ(code_of(Fault::bad_request), "http.bad_request");
    EXPECT_EQ(code_of(Fault::client_gone), "http.client_gone");
    EXPECT_EQ(code_of(Fault::no_route), "route.none");
    EXPECT_EQ(code_of(Fault::forbidden), "policy.forbidden");
    EXPECT_EQ(code_of(Fault::upstream_first_byte_timeout), "upstream.first_byte_timeout");
    EXPECT_EQ(code_of(Fault::upstream_overloaded), "upstream.overloaded");
    EXPECT_EQ(code_of(Fault::internal), "gateway.internal");
}

TEST(Error, carries_what_was_done_and_what_the_system_said) {
    const Result<int> r = fail(Fault::upstream_refused, "connect to 10.0.0.1:80", 111);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code(), "upstream.refused");
    EXPECT_EQ(r.error().side(), Side::upstream);
    EXPECT_EQ(r.error().context, "connect to 10.0.0.1:80");
    EXPECT_EQ(r.error().system, 111);
    EXPECT_EQ(Error{}.fault, Fault::internal);
}

}  // namespace
}  // namespace portico
