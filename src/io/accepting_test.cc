// Nothing left to accept with: whom the owner is asked to close, and when.
#include "io/accepting.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <optional>
#include <vector>

#include "io/loop_fixture.h"

namespace portico::io {
namespace {

class AcceptingTest : public OnEachBackend, private Accepting::Sink {
  protected:
    void SetUp() override {
#if __has_feature(address_sanitizer)  // built with UBSan
        GTEST_SKIP() << "UBSan looks at an object through a pipe, and here there is no descriptor for one";
#endif
        OnEachBackend::SetUp();
        if (IsSkipped()) return;
        address_ = listener_.address();
        take_all_descriptors();
        // Armed under the limit: io_uring notes it with each accept.
        accepting_.emplace(loop(), listener_.release(), static_cast<Accepting::Sink&>(*this));
        settle();
    }
    void TearDown() override {
        for (const int fd : taken_up_) ::close(fd);
        if (limited_) ::setrlimit(RLIMIT_NOFILE, &before_);
    }

    // A descriptor can be had again.
    void give_one() {
        ::close(taken_up_.back());
        taken_up_.pop_back();
    }
    // A connection whose far end finds no descriptor.
    Peer connect() {
        give_one();
        return Peer::to(address_);
    }
    void turn_for(Duration d) {
        const Time end = clock_.now() + d;
        while (clock_.now() < end) loop().turn(std::chrono::milliseconds(1));
    }

    SocketAddress address_;
    std::vector<std::unique_ptr<Stream>> taken_;
    int told_ = 0;

  private:
    void take_all_descriptors() {
        constexpr rlim_t kMost = 256;
        ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
        rlimit now = before_;
        now.rlim_cur = kMost;
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
        limited_ = true;
        for (int fd; (fd = ::dup(listener_.fd())) >= 0;) taken_up_.push_back(fd);
        ASSERT_GT(taken_up_.size(), 20U);
    }
    void on_accept(std::unique_ptr<Stream> stream) override { taken_.push_back(std::move(stream)); }
    void on_nothing_left(int error) override {
        EXPECT_EQ(error, EMFILE);
        ++told_;
    }

    PlainListener listener_;
    std::optional<Accepting> accepting_;
    std::vector<int> taken_up_;
    rlimit before_{};
    bool limited_ = false;
};

INSTANTIATE_TEST_SUITE_P(Backends, AcceptingTest, kBothBackends, backend_name);

TEST_P(AcceptingTest, who_has_just_come_gets_a_pause_before_it_could_be_closed_for_the_next) {
    const Peer first = connect(), second = connect();
    give_one();
    ASSERT_TRUE(turn_until([this] { return taken_.size() == 1; }));
    turn_for(Accepting::kPause / 2);
    EXPECT_EQ(told_, 0) << "nothing of the first has been read yet, perhaps";
    ASSERT_TRUE(turn_until([this] { return told_ == 1; })) << "the second waits, and nothing has become free";
    give_one();
    ASSERT_TRUE(turn_until([this] { return taken_.size() == 2; }));
    EXPECT_EQ(told_, 1);
}

TEST_P(AcceptingTest, nobody_is_closed_for_a_connection_that_there_is_not) {
    const Peer first = connect();
    give_one();
    ASSERT_TRUE(turn_until([this] { return taken_.size() == 1; }));
    turn_for(Accepting::kPause * 5);
    EXPECT_EQ(told_, 0);
}

TEST_P(AcceptingTest, tells_of_it_once_a_pause_and_goes_on_once_there_is_one_again) {
    const Peer first = connect();
    const Time begin = clock_.now();
    turn_for(Accepting::kPause * 6);
    EXPECT_GE(told_, 2);
    EXPECT_LE(told_, (clock_.now() - begin) / Accepting::kPause + 1);
    give_one();
    ASSERT_TRUE(turn_until([this] { return taken_.size() == 1; }));
}

}  // namespace
}  // namespace portico::io
