// What the io_uring backend keeps in the kernel: buffers on offer, and places of registered files.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "io/uring_buffers.h"
#include "io/uring_files.h"

namespace portico::io {
namespace {

class UringRooms : public testing::Test {
  protected:
    void SetUp() override {
        if (io_uring_queue_init(8, &ring_, 0) < 0) GTEST_SKIP() << "no io_uring here";
        ready_ = true;
    }
    void TearDown() override {
        if (ready_) io_uring_queue_exit(&ring_);
    }
    io_uring ring_{};
    bool ready_ = false;
};

class UringBuffers : public UringRooms {
  protected:
    void SetUp() override {
        UringRooms::SetUp();
        if (!ready_) return;
        auto started = buffers_.start(ring_);
        if (!started) GTEST_SKIP() << started.error().context;
        least_ = buffers_.on_offer();
    }
    // As if the kernel had filled `n` of them. Which ones makes no difference here.
    void take(uint16_t n) {
        for (uint16_t i = 0; i < n; ++i) {
            const uint16_t before = buffers_.on_offer();
            held_.push_back(static_cast<uint16_t>(held_.size()));
            buffers_.taken(held_.back(), 100);
            ASSERT_LE(buffers_.on_offer() + held_.size(), ProvidedBuffers::kCount);
            ASSERT_GE(buffers_.on_offer() + 1, before);
        }
    }
    void give_all() {
        for (const uint16_t id : held_) buffers_.give_back(id);
        held_.clear();
    }
    ProvidedBuffers buffers_;
    uint16_t least_ = 0;
    std::vector<uint16_t> held_;
};

TEST_F(UringBuffers, few_are_on_offer_as_long_as_few_are_taken) {
    EXPECT_LT(least_, ProvidedBuffers::kCount / 4);
    for (int i = 0; i < 1000; ++i) {
        take(8);
        give_all();
        ASSERT_EQ(buffers_.on_offer(), least_);
    }
}

TEST_F(UringBuffers, a_burst_is_followed_by_more_and_quiet_by_fewer) {
    take(static_cast<uint16_t>(least_ - 8));
    EXPECT_GE(buffers_.on_offer(), least_) << "the next burst may be as large while these are held";
    give_all();
    const uint16_t more = buffers_.on_offer();
    EXPECT_GT(more, least_);
    for (int i = 0; i < 400'000 && buffers_.on_offer() > least_; ++i) {
        take(1);
        give_all();
    }
    EXPECT_EQ(buffers_.on_offer(), least_);
}

TEST_F(UringBuffers, all_are_on_offer_once_they_ran_out) {
    buffers_.ran_out();
    EXPECT_EQ(buffers_.on_offer(), ProvidedBuffers::kCount);
    take(ProvidedBuffers::kCount);
    EXPECT_EQ(buffers_.on_offer(), 0);
    buffers_.ran_out();
    give_all();
    EXPECT_EQ(buffers_.on_offer(), ProvidedBuffers::kCount);
}

TEST_F(UringRooms, places_are_given_out_up_to_their_number_and_again) {
    RegisteredFiles files;
    files.start(ring_, 2);
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    const int32_t a = files.add(fds[0]);
    const int32_t b = files.add(fds[1]);
    EXPECT_NE(a, b);
    EXPECT_NE(a, RegisteredFiles::kNone);
    EXPECT_NE(b, RegisteredFiles::kNone);
    EXPECT_EQ(files.add(fds[0]), RegisteredFiles::kNone);
    files.remove(a);
    EXPECT_EQ(files.add(fds[0]), a);
    EXPECT_EQ(files.add(-1), RegisteredFiles::kNone) << "no place left, and no descriptor";
    files.remove(b);
    EXPECT_EQ(files.add(1 << 20), RegisteredFiles::kNone) << "not a descriptor: the kernel refuses it";
    EXPECT_EQ(files.add(fds[1]), b) << "the place was not lost";
    ::close(fds[0]);
    ::close(fds[1]);
}

TEST_F(UringRooms, there_are_no_places_before_the_start) {
    RegisteredFiles files;
    EXPECT_EQ(files.add(0), RegisteredFiles::kNone);
}

}  // namespace
}  // namespace portico::io
