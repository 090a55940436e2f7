#include "gateway/aggregate/call_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

CallGraph graph(size_t calls, std::initializer_list<std::pair<uint32_t, uint32_t>> edges) {
    CallGraph g(calls);
    for (const auto& [call, needed] : edges) g.add(call, needed);
    return g;
}

TEST(CallGraph, CallsThatNameNothingBeginAtOnce) {
    const CallGraph g = graph(3, {});
    EXPECT_THAT(g.cycles(), IsEmpty());
    EXPECT_THAT(g.depths(), ElementsAre(0, 0, 0));
}

TEST(CallGraph, ACallWaitsForJustWhatItNames) {
    const CallGraph g = graph(4, {{1, 0}, {1, 0}, {3, 1}, {3, 2}});
    EXPECT_THAT(g.needs(1), ElementsAre(0));
    EXPECT_THAT(g.needs(3), ElementsAre(1, 2));
    EXPECT_THAT(g.wanted_by(0), ElementsAre(1));
    EXPECT_THAT(g.wanted_by(2), ElementsAre(3));
    EXPECT_THAT(g.depths(), ElementsAre(0, 1, 0, 2));
}

TEST(CallGraph, ACallThatNamesItselfIsACircle) {
    EXPECT_THAT(graph(2, {{1, 1}}).cycles(), ElementsAre(ElementsAre(1)));
}

TEST(CallGraph, ACircleIsFoundBehindCallsThatAreNotPartOfIt) {
    EXPECT_THAT(graph(5, {{0, 1}, {1, 2}, {2, 3}, {3, 1}, {4, 0}}).cycles(), ElementsAre(ElementsAre(1, 2, 3)));
    EXPECT_THAT(graph(2, {{0, 1}, {1, 0}}).cycles(), ElementsAre(ElementsAre(0, 1)));
}

TEST(CallGraph, CirclesApartAreAllFound) {
    EXPECT_THAT(graph(6, {{0, 1}, {1, 0}, {2, 2}, {3, 4}, {5, 3}, {4, 5}}).cycles(), ElementsAre(ElementsAre(0, 1), ElementsAre(2), ElementsAre(3, 4, 5)));
}

TEST(CallGraph, TwoWaysToOneCallAreNoCircle) {
    EXPECT_THAT(graph(4, {{1, 0}, {2, 0}, {3, 1}, {3, 2}}).cycles(), IsEmpty());
}

}  // namespace
}  // namespace portico::gateway
