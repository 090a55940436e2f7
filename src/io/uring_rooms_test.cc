// What the io_uring backend keeps in the kernel: buffers on offer, and places of registered files.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "io/loop_fixture.h"
#include "io/uring_backend_impl.h"

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
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds_), 0);
        least_ = buffers_.on_offer();
    }
    void TearDown() override {
        if (fds_[0] >= 0) ::close(fds_[0]), ::close(fds_[1]);
        UringRooms::TearDown();
    }
    // The kernel receives a byte into one of them. @returns false where it finds none
    bool receive() {
        const char byte = static_cast<char>(++sent_);
        EXPECT_EQ(::send(fds_[1], &byte, 1, 0), 1);
        io_uring_sqe* e = io_uring_get_sqe(&ring_);
        io_uring_prep_recv(e, fds_[0], nullptr, 1, 0);
        e->flags |= IOSQE_BUFFER_SELECT;
        e->buf_group = ProvidedBuffers::kGroup;
        EXPECT_EQ(io_uring_submit_and_wait(&ring_, 1), 1);
        io_uring_cqe* cqe = nullptr;
        EXPECT_EQ(io_uring_peek_cqe(&ring_, &cqe), 0);
        const int result = cqe->res;
        const auto id = static_cast<uint16_t>(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        io_uring_cqe_seen(&ring_, cqe);
        if (result == -ENOBUFS) {
            char left;
            EXPECT_EQ(::recv(fds_[0], &left, 1, 0), 1);
            return false;
        }
        EXPECT_EQ(result, 1);
        EXPECT_LT(id, ProvidedBuffers::kCount);
        EXPECT_EQ(*buffers_.data(id), byte);
        buffers_.taken(id, 1);
        EXPECT_EQ(buffers_.size(id), 1u);
        EXPECT_EQ(buffers_.next(id), ProvidedBuffers::kNone);
        EXPECT_TRUE(held_.insert(id).second) << id << " was given to the kernel while it was held";
        return true;
    }
    void receive(int n) {
        for (int i = 0; i < n; ++i) ASSERT_TRUE(receive());
    }
    void give_all() {
        EXPECT_EQ(buffers_.held(), held_.size());
        for (const uint16_t id : held_) buffers_.give_back(id);
        held_.clear();
        EXPECT_EQ(buffers_.held(), 0u);
    }
    ProvidedBuffers buffers_;
    uint16_t least_ = 0;
    std::set<uint16_t> held_;
    int fds_[2] = {-1, -1};
    unsigned char sent_ = 0;
};

TEST_F(UringBuffers, few_are_on_offer_as_long_as_few_are_taken) {
    EXPECT_LT(least_, ProvidedBuffers::kCount / 4);
    for (int i = 0; i < 1000; ++i) {
        receive(8);
        give_all();
        ASSERT_EQ(buffers_.on_offer(), least_);
    }
}

TEST_F(UringBuffers, a_burst_is_followed_by_more_and_quiet_by_fewer) {
    receive(least_ - 8);
    EXPECT_GE(buffers_.on_offer(), least_) << "the next burst may be as large while these are held";
    give_all();
    const uint16_t more = buffers_.on_offer();
    EXPECT_GT(more, least_);
    for (int i = 0; i < 400'000 && buffers_.on_offer() > least_; ++i) {
        receive(1);
        give_all();
    }
    EXPECT_EQ(buffers_.on_offer(), least_);
}

TEST_F(UringBuffers, all_are_on_offer_once_they_ran_out) {
    buffers_.ran_out();
    EXPECT_EQ(buffers_.on_offer(), ProvidedBuffers::kCount);
    receive(ProvidedBuffers::kCount);
    EXPECT_EQ(buffers_.on_offer(), 0);
    EXPECT_FALSE(receive()) << "the kernel has none left";
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
    EXPECT_TRUE(files.remove(a));
    EXPECT_EQ(files.add(fds[0]), a);
    EXPECT_EQ(files.add(-1), RegisteredFiles::kNone) << "no place left, and no descriptor";
    EXPECT_TRUE(files.remove(b));
    EXPECT_EQ(files.add(1 << 20), RegisteredFiles::kNone) << "not a descriptor: the kernel refuses it";
    EXPECT_EQ(files.add(fds[1]), b) << "the place was not lost";
    ::close(fds[0]);
    ::close(fds[1]);
}

TEST_F(UringRooms, A13_a_place_that_the_kernel_does_not_clear_is_lost_and_nothing_else) {
    RegisteredFiles files;
    files.start(ring_, 2);
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    const int32_t place = files.add(fds[0]);
    ASSERT_NE(place, RegisteredFiles::kNone);
    ASSERT_EQ(io_uring_unregister_files(&ring_), 0);  // so that it refuses
    EXPECT_FALSE(files.remove(place));
    EXPECT_EQ(files.left(), 1U);
    ::close(fds[0]);
    ::close(fds[1]);
}

// What streams take of both, they give back, however they end.
class UringStreams : public OnEachBackend {};
INSTANTIATE_TEST_SUITE_P(Uring, UringStreams, testing::Values(BackendChoice::uring), backend_name);

TEST_P(UringStreams, leave_no_place_and_no_buffer_behind) {
    auto& backend = static_cast<UringBackend&>(loop().backend());
    const size_t places = backend.files().left();
    for (int i = 0; i < 60; ++i) {
        StreamPair pair = stream_pair(loop());
        Running reader, writer;
        Outcome out;
        for (int k = 0; k < 20; ++k) {
            Buffer bytes = buffer_with(loop(), "x");
            writer.start(write_once(*pair.stream, bytes, out));
            ASSERT_TRUE(turn_until([&] { return out.done; }));
        }
        if (places > 0) EXPECT_EQ(backend.files().left(), places - 1) << "it has lasted";
        pair.peer.send(std::string(20'000, 'y'));
        Buffer in;
        if (i % 2 == 0) {
            reader.start(read_once(*pair.stream, in, out, 1));
            ASSERT_TRUE(turn_until([&] { return out.done; }));
        }
        if (i % 3 == 0) pair.stream->abort_on_close();
        if (i % 5 == 0) pair.peer.close();
        if (i % 7 == 0) settle(2);
        pair.stream.reset();
        ASSERT_TRUE(turn_until([&] { return backend.files().left() == places && backend.provided().held() == 0; }));
    }
}

TEST_F(UringRooms, there_are_no_places_before_the_start) {
    RegisteredFiles files;
    EXPECT_EQ(files.add(0), RegisteredFiles::kNone);
}

}  // namespace
}  // namespace portico::io
