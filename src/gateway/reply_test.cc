#include "gateway/reply.h"

#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

TEST(Reply, EveryFaultOfTheClientIs4xxAndEveryOtherIs5xx) {
    for (int i = 0; i <= static_cast<int>(Fault::internal); ++i) {
        const auto fault = static_cast<Fault>(i);
        const int status = reply_row(fault).status;
        if (side_of(fault) != Side::client) {
            EXPECT_GE(status, 500) << code_of(fault);
        } else if (fault != Fault::bad_version && fault != Fault::not_implemented) {  // 505 and 501 by RFC 9110 §15.6
            EXPECT_TRUE(status >= 400 && status < 500) << code_of(fault);
        }
        EXPECT_FALSE(reply_row(fault).title.empty()) << code_of(fault);
        EXPECT_FALSE(reply_row(fault).detail.empty()) << code_of(fault);
    }
}

TEST(Reply, WhatCannotBeTrustedAnyMoreIsClosed) {
    for (const Fault f : {Fault::bad_framing, Fault::bad_chunk, Fault::bad_header, Fault::head_too_large, Fault::body_too_large}) {
        EXPECT_TRUE(reply_row(f).close) << code_of(f);
    }
}

}  // namespace
}  // namespace portico::gateway
