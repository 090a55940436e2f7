// A listening socket on a loop: what comes while it pauses, ends, or is emptied.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <vector>

#include "io/loop_fixture.h"

namespace portico::io {
namespace {

class AcceptorTest : public OnEachBackend, protected Acceptor::Sink {
  protected:
    void SetUp() override {
        before_ = open_descriptors() - 1;  // the listener's
        OnEachBackend::SetUp();
        if (IsSkipped()) return;
        acceptor_ = loop().backend().listen(listener_.release(), *this);
        settle();
    }
    // They are in the listener's queue when this returns: the kernel of one machine makes a connection within connect().
    std::vector<Peer> connect(size_t count) {
        std::vector<Peer> peers;
        for (size_t i = 0; i < count; ++i) peers.push_back(Peer::to(listener_.address()));
        return peers;
    }
    static std::ptrdiff_t open_descriptors() {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
    }
    bool all_end(std::vector<Peer>& peers, size_t from) {
        return turn_until([&] {
            for (size_t i = from; i < peers.size(); ++i) {
                peers[i].take();
                if (!peers[i].saw_end() && peers[i].saw_error() == 0) return false;
            }
            return true;
        });
    }

    void on_accept(std::unique_ptr<Stream> stream) override {
        taken_.push_back(std::move(stream));
        if (taken_.size() == ends_after_) acceptor_.reset();
    }
    void on_accept_error(int error) override { ADD_FAILURE() << error; }

    std::ptrdiff_t before_ = 0;
    PlainListener listener_;
    std::unique_ptr<Acceptor> acceptor_;
    std::vector<std::unique_ptr<Stream>> taken_;
    size_t ends_after_ = SIZE_MAX;
};

INSTANTIATE_TEST_SUITE_P(Backends, AcceptorTest, kBothBackends, backend_name);

TEST_P(AcceptorTest, takes_a_burst_in_parts) {
    const std::vector<Peer> peers = connect(200);
    size_t most = 0;
    ASSERT_TRUE(turn_until([&, before = size_t{0}]() mutable {
        most = std::max(most, taken_.size() - before);
        before = taken_.size();
        return taken_.size() == 200;
    }));
    EXPECT_LE(most, 64U) << "in one turn";
}

TEST_P(AcceptorTest, what_comes_while_it_pauses_waits_for_it) {
    for (int round = 0; round < 5; ++round) {
        taken_.clear();
        acceptor_->pause();
        settle(3);
        const std::vector<Peer> peers = connect(70);
        settle(3);
        EXPECT_EQ(taken_.size(), 0U);
        acceptor_->resume();
        ASSERT_TRUE(turn_until([&] { return taken_.size() == 70; }));
    }
}

TEST_P(AcceptorTest, a_pause_that_ends_at_once_loses_nobody) {
    size_t connected = 0;
    std::vector<Peer> peers;
    for (int round = 0; round < 20; ++round) {
        acceptor_->pause();
        if (round % 2 == 0) {
            for (Peer& one : connect(3)) peers.push_back(std::move(one));
            connected += 3;
        }
        acceptor_->resume();
        if (round % 3 == 0) loop().turn(std::chrono::milliseconds(0));
    }
    ASSERT_TRUE(turn_until([&] { return taken_.size() == connected; }));
}

TEST_P(AcceptorTest, take_all_takes_what_is_there_however_much_it_is) {
    const std::vector<Peer> peers = connect(150);
    acceptor_->take_all();
    const size_t at_once = taken_.size();
    // Some may have been handed over by the kernel already, to be told of in the next turn.
    EXPECT_GE(at_once, 150U - 32U);
    ASSERT_TRUE(turn_until([&] { return taken_.size() == 150; }));
}

TEST_P(AcceptorTest, ends_inside_of_its_sink_with_others_waiting) {
    ends_after_ = 5;
    std::vector<Peer> peers = connect(60);
    ASSERT_TRUE(turn_until([&] { return acceptor_ == nullptr; }));
    settle();
    EXPECT_EQ(taken_.size(), 5U);
    taken_.clear();
    EXPECT_TRUE(all_end(peers, 0)) << "nobody is left on a connection that nobody has";
}

TEST_P(AcceptorTest, ends_while_connections_come) {
    std::vector<Peer> peers = connect(40);
    acceptor_.reset();
    taken_.clear();
    EXPECT_TRUE(all_end(peers, 0));
    EXPECT_EQ(taken_.size(), 0U);
}

TEST_P(AcceptorTest, ends_with_its_loop_while_connections_come) {
    std::vector<Peer> peers = connect(40);
    loop().turn(std::chrono::milliseconds(1));
    taken_.clear();
    acceptor_.reset();
    loop_.reset();
    std::ranges::for_each(peers, &Peer::close);
    EXPECT_EQ(open_descriptors(), before_) << "what the kernel had handed over is closed as well";
}

}  // namespace
}  // namespace portico::io
