#include "io/turn.h"

#include <gtest/gtest.h>

namespace portico::io {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class TurnTime : public ::testing::Test {
  protected:
    void count(int times, uint64_t bytes) {
        for (int i = 0; i < times; ++i) turn.count(bytes);
    }
    ManualClock clock;
    Turn turn{clock};
};

TEST_F(TurnTime, is_over_once_it_has_run_for_its_time_and_something_was_done) {
    turn.begin(clock.now());
    count(100, 0);
    EXPECT_FALSE(turn.over()) << "no time has passed";
    clock.advance(Turn::kTime);
    EXPECT_FALSE(turn.over()) << "nobody did anything";
    count(8, 0);
    EXPECT_TRUE(turn.over());
    turn.begin(clock.now());
    EXPECT_FALSE(turn.over());
}

TEST_F(TurnTime, many_bytes_are_many_steps) {
    turn.begin(clock.now());
    clock.advance(Turn::kTime);
    turn.count(64 * 1024);
    EXPECT_TRUE(turn.over());
}

TEST_F(TurnTime, a_stream_takes_less_at_once_the_more_there_is_to_do) {
    turn.begin(clock.now());
    EXPECT_EQ(turn.most_bytes(1 << 20), 1u << 20);
    turn.end_early();
    EXPECT_EQ(turn.most_bytes(1 << 20), Turn::kBytesWhenOver);
    EXPECT_EQ(turn.most_bytes(100), 100u);
    turn.begin(clock.now());
    EXPECT_EQ(turn.most_bytes(1 << 20), Turn::kBytesWhenBusy) << "the one before had too much to do";
    turn.begin(clock.now());
    EXPECT_EQ(turn.most_bytes(1 << 20), 1u << 20);
}

TEST_F(TurnTime, knows_where_most_of_it_went) {
    turn.begin(clock.now());
    {
        const Turn::Place place(turn, Turn::kMessages);
        clock.advance(milliseconds(2));
    }
    {
        const Turn::Place place(turn, Turn::kComputing);
        clock.advance(milliseconds(9));
    }
    EXPECT_EQ(turn.taken(), milliseconds(11));
    EXPECT_EQ(turn.place(turn.taken()), Turn::kComputing);
    clock.advance(milliseconds(12));
    EXPECT_EQ(turn.place(turn.taken()), Turn::kStreams) << "more of it has no name";
    turn.begin(clock.now());
    EXPECT_EQ(turn.place(turn.taken()), Turn::kStreams);
}

}  // namespace
}  // namespace portico::io
