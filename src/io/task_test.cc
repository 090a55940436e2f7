#include "io/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace portico::io {
namespace {

// Holds whoever awaits it until go().
class Gate {
  public:
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) { waiter_ = h; }
    void await_resume() const {}
    void go() { std::exchange(waiter_, nullptr).resume(); }
    bool waited_for() const { return waiter_ != nullptr; }

  private:
    std::coroutine_handle<> waiter_;
};

using Log = std::vector<std::string>;

// Says when it dies: cancellation is destruction.
struct Trace {
    Trace(Log& l, std::string n) : log(l), name(std::move(n)) {}
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    ~Trace() { log.push_back("~" + name); }
    Log& log;
    std::string name;
};

struct NoOwner final : Root::Owner {
    void on_root_done() override { ++done; }
    int done = 0;
};

Task<int> number(int n) { co_return n; }
Task<std::unique_ptr<int>> boxed(int n) { co_return std::make_unique<int>(n); }
Task<void> add(int n, int& total) {
    total += n;
    co_return;
}
Task<void> wait(Gate& gate, Log& log, std::string name) {
    const Trace trace(log, name);
    co_await gate;
    log.push_back(name);
}

Task<void> collect(int& total) {
    total += co_await number(40);
    total += *co_await boxed(2);
    co_await add(100, total);
}

TEST(Task, gives_its_value_to_whoever_awaits_it) {
    int total = 0;
    Root root;
    root.start(collect(total), nullptr);
    EXPECT_EQ(total, 142);
    EXPECT_FALSE(root.running());
}

TEST(Task, does_nothing_until_it_is_awaited) {
    int total = 0;
    { const auto never = add(5, total); }
    EXPECT_EQ(total, 0);
    auto first = add(5, total);
    first = add(7, total);  // the one before is destroyed, unstarted
    Root root;
    root.start(std::move(first), nullptr);
    EXPECT_EQ(total, 7);
}

Task<int> nested(int depth) {
    if (depth == 0) co_return 0;
    const int below = co_await nested(depth - 1);
    co_return below + 1;
}
Task<void> run_nested(int depth, int& out) { out = co_await nested(depth); }

TEST(Task, ten_thousand_nested_awaits_do_not_overflow_the_stack) {
    int out = -1;
    Root root;
    root.start(run_nested(10'000, out), nullptr);
    EXPECT_EQ(out, 10'000);
}

Task<void> in_a_row(int count, int& out) {
    for (int i = 0; i < count; ++i) out += co_await number(1);
}

TEST(Task, a_million_awaits_in_a_row_do_not_overflow_the_stack) {
    int out = 0;
    Root root;
    root.start(in_a_row(1'000'000, out), nullptr);
    EXPECT_EQ(out, 1'000'000);
}

Task<void> nested_wait(int depth, Gate& gate, int& done) {
    if (depth == 0) co_await gate;
    else co_await nested_wait(depth - 1, gate, done);
    ++done;
}

TEST(Task, a_deep_chain_that_waited_ends_without_overflowing_the_stack) {
    Gate gate;
    int done = 0;
    Root root;
    root.start(nested_wait(10'000, gate, done), nullptr);
    EXPECT_EQ(done, 0);
    gate.go();
    EXPECT_EQ(done, 10'001);
}

TEST(Task, a_deep_chain_that_waits_may_be_cancelled) {
    Gate gate;
    int done = 0;
    Root root;
    root.start(nested_wait(10'000, gate, done), nullptr);
    root.cancel();
    EXPECT_EQ(done, 0);
}

Task<void> outer(Gate& gate, Log& log) {
    const Trace first(log, "outer's first");
    const Trace second(log, "outer's second");
    co_await wait(gate, log, "inner");
    log.push_back("outer goes on");
}

TEST(Root, cancel_destroys_the_innermost_first) {
    Log log;
    Gate gate;
    Root root;
    root.start(outer(gate, log), nullptr);
    EXPECT_TRUE(root.running());
    root.cancel();
    EXPECT_EQ(log, (Log{"~inner", "~outer's second", "~outer's first"}));
    EXPECT_FALSE(root.running());
    root.cancel();
}

TEST(Root, destroying_it_cancels) {
    Log log;
    Gate gate;
    {
        Root root;
        root.start(outer(gate, log), nullptr);
    }
    EXPECT_EQ(log.size(), 3u);
}

TEST(Root, tells_its_owner_once_when_the_task_ends_and_not_when_it_is_cancelled) {
    Log log;
    Gate gate;
    NoOwner owner;
    Root root;
    root.start(wait(gate, log, "one"), &owner);
    EXPECT_EQ(owner.done, 0);
    gate.go();
    EXPECT_EQ(owner.done, 1);
    EXPECT_FALSE(root.running());
    root.cancel();
    Root second;
    second.start(wait(gate, log, "two"), &owner);
    second.cancel();
    EXPECT_EQ(owner.done, 1);
}

// LeakSanitizer sees the frame of the first task where it is not given back.
TEST(Root, may_be_started_again_after_its_task_has_ended) {
    Log log;
    Gate gate;
    NoOwner owner;
    Root root;
    for (int i = 0; i < 3; ++i) {
        root.start(wait(gate, log, "again"), &owner);
        EXPECT_TRUE(root.running());
        gate.go();
        EXPECT_FALSE(root.running());
    }
    EXPECT_EQ(owner.done, 3);
    EXPECT_EQ(log.size(), 6u);
}

Task<void> fork_and_join(Gate& gate, Log& log) {
    Fork child(wait(gate, log, "child"));
    log.push_back("parent beside it");
    co_await child;
    log.push_back(child.done() ? "joined" : "too early");
}

TEST(Fork, runs_beside_its_parent_and_is_joined) {
    Log log;
    Gate gate;
    Root root;
    root.start(fork_and_join(gate, log), nullptr);
    EXPECT_EQ(log, (Log{"parent beside it"}));
    gate.go();
    EXPECT_EQ(log, (Log{"parent beside it", "child", "~child", "joined"}));
}

Task<void> fork_that_is_over(int& total) {
    Fork child(add(1, total));
    EXPECT_TRUE(child.done());
    co_await child;
    co_await child;
    total += 10;
}

TEST(Fork, one_that_ended_at_once_is_joined_at_once) {
    int total = 0;
    Root root;
    root.start(fork_that_is_over(total), nullptr);
    EXPECT_EQ(total, 11);
}

Task<void> fork_and_leave(Gate& gate, Log& log) {
    {
        const Fork child(wait(gate, log, "child"));
        log.push_back("parent leaves");
    }
    log.push_back("parent goes on");
    co_return;
}

TEST(Fork, is_cancelled_where_its_parent_leaves_it) {
    Log log;
    Gate gate;
    Root root;
    root.start(fork_and_leave(gate, log), nullptr);
    EXPECT_EQ(log, (Log{"parent leaves", "~child", "parent goes on"}));
}

Task<void> fork_and_wait(Gate& child_gate, Gate& own_gate, Log& log) {
    const Trace parent(log, "parent");
    const Fork child(wait(child_gate, log, "child"));
    co_await own_gate;
}

TEST(Fork, is_cancelled_with_its_parent) {
    Log log;
    Gate child, own;
    Root root;
    root.start(fork_and_wait(child, own, log), nullptr);
    root.cancel();
    EXPECT_EQ(log, (Log{"~child", "~parent"}));
}

Task<void> two_forks(Gate& a, Gate& b, Log& log) {
    Fork first(wait(a, log, "a")), second(wait(b, log, "b"));
    co_await first;
    log.push_back("joined a");
    co_await second;
    log.push_back("joined b");
}

TEST(Fork, two_end_in_any_order) {
    Log log;
    Gate a, b;
    Root root;
    root.start(two_forks(a, b, log), nullptr);
    b.go();
    EXPECT_EQ(log, (Log{"b", "~b"}));
    a.go();
    EXPECT_EQ(log, (Log{"b", "~b", "a", "~a", "joined a", "joined b"}));
}

TEST(FramePool, frames_of_every_size_are_whole_and_aligned) {
    std::vector<std::pair<void*, size_t>> frames;
    for (int round = 0; round < 2; ++round) {
        for (size_t size = 1; size < 6000; size += 37) {
            void* p = FramePool::allocate(size);
            EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % alignof(std::max_align_t), 0u);
            std::memset(p, 0x5a, size);
            frames.emplace_back(p, size);
        }
        for (const auto& [p, size] : frames) FramePool::free(p, size);
        frames.clear();
    }
}

TEST(FramePool, each_thread_has_its_own) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([] {
            int out = 0;
            Root root;
            root.start(in_a_row(10'000, out), nullptr);
            EXPECT_EQ(out, 10'000);
        });
    }
    for (auto& t : threads) t.join();
}

}  // namespace
}  // namespace portico::io
