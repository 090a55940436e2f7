#include "io/gate.h"

#include <gtest/gtest.h>

#include <optional>

#include "io/task.h"

namespace portico::io {
namespace {

Task<void> pass(Gate& gate, int& passed) {
    co_await gate.opened();
    ++passed;
}

TEST(GateTest, an_open_gate_holds_nobody_up) {
    Gate gate;
    int passed = 0;
    gate.open();
    Fork fork(pass(gate, passed));
    EXPECT_EQ(passed, 1);
}

TEST(GateTest, who_waits_goes_on_when_it_opens) {
    Gate gate;
    int passed = 0;
    Fork fork(pass(gate, passed));
    EXPECT_EQ(passed, 0);
    gate.open();
    EXPECT_EQ(passed, 1);
}

TEST(GateTest, A1_a_waiter_that_was_destroyed_is_not_resumed) {
    Gate gate;
    int passed = 0;
    std::optional<Fork> fork;
    fork.emplace(pass(gate, passed));
    fork.reset();
    gate.open();
    EXPECT_EQ(passed, 0);
    // The next attempt's waiter stands before a shut gate.
    gate.shut();
    fork.emplace(pass(gate, passed));
    EXPECT_EQ(passed, 0);
    gate.open();
    EXPECT_EQ(passed, 1);
}

}  // namespace
}  // namespace portico::io
