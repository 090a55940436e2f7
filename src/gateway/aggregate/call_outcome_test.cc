#include "gateway/aggregate/call_outcome.h"

#include <gtest/gtest.h>

#include "gateway/reply.h"

namespace portico::gateway {
namespace {

TEST(CallOutcome, EveryFailureOfACallHasAReason) {
    EXPECT_EQ(word_of(failure_of(Fault::upstream_first_byte_timeout, false)), "timeout");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_idle_timeout, true)), "timeout");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_total_timeout, false)), "timeout");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_total_timeout, true)), "deadline");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_refused, false)), "refused");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_unresolved, false)), "unresolved");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_overloaded, false)), "overloaded");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_tls, false)), "tls");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_closed, false)), "closed");
    EXPECT_EQ(word_of(failure_of(Fault::upstream_head_too_large, false)), "protocol");
    EXPECT_EQ(word_of(failure_of(Fault::answer_too_large, false)), "too_large");
    EXPECT_EQ(word_of(failure_of(Fault::value_refused, false)), "value");
}

TEST(CallOutcome, TheAnswerSaysWhoseTimeAndWhoseFaultItWas) {
    const auto status = [](CallFailure f) { return reply_row(error_of_call("user", f, Error(Fault::internal), 0, false).fault).status; };
    EXPECT_EQ(status(CallFailure::timeout), 504);
    EXPECT_EQ(status(CallFailure::deadline), 504);
    EXPECT_EQ(status(CallFailure::unresolved), 503);
    EXPECT_EQ(status(CallFailure::overloaded), 503);
    for (const CallFailure f : {CallFailure::refused, CallFailure::unreachable, CallFailure::tls, CallFailure::closed, CallFailure::protocol, CallFailure::status,
                                CallFailure::not_json, CallFailure::encoding, CallFailure::too_large, CallFailure::too_many}) {
        EXPECT_EQ(status(f), 502) << word_of(f);
    }
}

TEST(CallOutcome, AValueThatDoesNotFitKeepsItsBlame) {
    EXPECT_EQ(error_of_call("user", CallFailure::value, Error(Fault::claim_refused), 0, false).fault, Fault::claim_refused);
    EXPECT_EQ(error_of_call("user", CallFailure::value, Error(Fault::value_refused), 0, false).fault, Fault::value_refused);
    EXPECT_EQ(error_of_call("user", CallFailure::value, Error(Fault::answer_mapping), 0, false).fault, Fault::answer_mapping);
}

TEST(CallOutcome, TheClientIsToldTheCallAndTheLogTheInsides) {
    const Error e = error_of_call("user", CallFailure::status, Error(Fault::call_status, "404 from 10.0.0.7:80"), 404, true);
    EXPECT_EQ(e.client_detail, "The call \"user\" was answered 404 by its service.");
    EXPECT_EQ(e.code(), "aggregate.call_404");
    EXPECT_EQ(e.context, "user: status: 404 from 10.0.0.7:80");
    EXPECT_EQ(e.status, 404);
    const Error kept = error_of_call("user", CallFailure::status, Error(Fault::call_status, "503"), 503, false);
    EXPECT_EQ(kept.status, 0);
    EXPECT_EQ(kept.code(), "aggregate.call_503");
    EXPECT_EQ(error_of_call("user", CallFailure::timeout, Error(Fault::internal), 0, false).code(), "aggregate.call_timeout");
}

}  // namespace
}  // namespace portico::gateway
