#include "policy/basic/verifier.h"

#include <gtest/gtest.h>

namespace portico::policy::basic {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";  // of "U*U"; some milliseconds
constexpr const char* kSlow = "$2a$11$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";  // of nothing; a hundred and more

PasswordHash hash_of(const char* text) {
    std::string fault;
    return *PasswordHash::parse(text, fault);
}

TEST(VerifiedCache, ForgetsAfterItsTimeAndTheOldestWhereItIsFull) {
    const Fingerprinter fingerprints;
    ManualClock clock;
    VerifiedCache cache(2, 5min);
    const auto f = [&](const char* user) { return fingerprints.of(user, "p"); };
    cache.add(f("a"), clock.now());
    EXPECT_TRUE(cache.contains(f("a"), clock.now()));
    EXPECT_FALSE(cache.contains(f("b"), clock.now()));
    clock.advance(5min);
    EXPECT_FALSE(cache.contains(f("a"), clock.now()));
    cache.add(f("a"), clock.now());
    cache.add(f("b"), clock.now());
    cache.add(f("c"), clock.now());
    EXPECT_EQ(cache.size(), 2u);
    EXPECT_FALSE(cache.contains(f("a"), clock.now()));
    EXPECT_TRUE(cache.contains(f("c"), clock.now()));
}

TEST(Fingerprinter, TellsPairsApartAndProcessesToo) {
    const Fingerprinter one, other;
    EXPECT_TRUE(same_fingerprint(one.of("a", "bc"), one.of("a", "bc")));
    EXPECT_FALSE(same_fingerprint(one.of("a", "bc"), one.of("ab", "c")));
    EXPECT_FALSE(same_fingerprint(one.of("a", "bc"), other.of("a", "bc")));
}

class Verifying : public ::testing::Test {
  protected:
    explicit Verifying(size_t waiting = 16) : pool_(std::make_shared<HashingPool>(1, waiting)) {
        verifier_ = std::make_unique<Verifier>(context_, "p", pool_);
    }

    struct Asked {
        io::Root root;
        std::optional<Outcome> outcome;
    };
    // A coroutine of a class, for a lambda's captures would be gone.
    static io::Task<void> ask(Verifier& v, const PasswordHash& hash, std::string password, bool counts, IpAddress host, Asked& into) {
        into.outcome = co_await v.check(v.fingerprinter().of("user", password), hash, password, counts, host);
    }
    void start(Asked& asked, const PasswordHash& hash, const char* password, bool counts = true, IpAddress host = IpAddress::v4(1)) {
        asked.root.start(ask(*verifier_, hash, password, counts, host, asked), nullptr);
    }
    void turn_until(const std::optional<Outcome>& outcome) {
        const Time end = clock_.now() + 20s;
        while (!outcome && clock_.now() < end) loop_->turn(100ms);
        ASSERT_TRUE(outcome);
    }
    std::string hashes() const {
        const std::string text = registry_.exposition();
        const size_t at = text.find("portico_password_hashes_total{");
        return text.substr(text.find(' ', at) + 1, text.find('\n', at) - text.find(' ', at) - 1);
    }

    const PasswordHash hash_ = hash_of(kHash), slow_ = hash_of(kSlow);
    SystemClock clock_;
    std::unique_ptr<io::Loop> loop_ = std::move(*io::Loop::make(io::BackendChoice::epoll, clock_));
    observe::Registry registry_;
    gateway::Context context_{*loop_, registry_, 1};
    std::shared_ptr<HashingPool> pool_;
    std::unique_ptr<Verifier> verifier_;
};

TEST_F(Verifying, SaysRightOrWrongAndRemembersOnlyWhatWasRight) {
    Asked right, wrong;
    start(right, hash_, "U*U");
    start(wrong, hash_, "other");
    turn_until(right.outcome);
    turn_until(wrong.outcome);
    EXPECT_EQ(right.outcome, Outcome::right);
    EXPECT_EQ(wrong.outcome, Outcome::wrong);
    EXPECT_TRUE(verifier_->was_right(verifier_->fingerprinter().of("user", "U*U")));
    EXPECT_FALSE(verifier_->was_right(verifier_->fingerprinter().of("user", "other")));
}

TEST_F(Verifying, AHashThatDoesNotCountIsVerifiedButNeverRight) {
    Asked asked;
    start(asked, hash_, "U*U", false);
    turn_until(asked.outcome);
    EXPECT_EQ(asked.outcome, Outcome::wrong);
    EXPECT_FALSE(verifier_->was_right(verifier_->fingerprinter().of("user", "U*U")));
    EXPECT_EQ(hashes(), "1");
}

TEST_F(Verifying, EqualCredentialsWaitForOneHash) {
    std::array<Asked, 50> asked;
    for (Asked& a : asked) start(a, hash_, "U*U");
    for (Asked& a : asked) {
        turn_until(a.outcome);
        EXPECT_EQ(a.outcome, Outcome::right);
    }
    EXPECT_EQ(hashes(), "1");
}

TEST_F(Verifying, WhoLeavesMeanwhileTakesNobodyElseAlong) {
    auto leaving = std::make_unique<Asked>();
    Asked staying;
    start(*leaving, hash_, "U*U");
    start(staying, hash_, "U*U");
    leaving.reset();
    turn_until(staying.outcome);
    EXPECT_EQ(staying.outcome, Outcome::right);
}

TEST_F(Verifying, WhatNobodyWaitsForIsNotBegunAndMayBeAskedAgain) {
    Asked busy;
    start(busy, slow_, "first");  // holds the one thread
    {
        Asked leaving;
        start(leaving, hash_, "U*U");
    }
    Asked again;
    start(again, hash_, "U*U");
    turn_until(again.outcome);
    EXPECT_EQ(again.outcome, Outcome::right);
}

TEST_F(Verifying, TheWorkersPartMayGoWhileAThreadStillHashes) {
    {
        Asked asked;
        start(asked, slow_, "x");
    }
    verifier_.reset();
    pool_.reset();  // waits for what runs
    loop_->turn(0ms);
}

TEST_F(Verifying, ALoopMayGoToo) {
    {
        Asked asked;
        start(asked, slow_, "x");
    }
    verifier_.reset();
}

class VerifyingWithLittleRoom : public Verifying {
  protected:
    VerifyingWithLittleRoom() : Verifying(4) {}
};

// A60: who guesses passwords fills the queue, and a sign-in from elsewhere is served all the same, and soon.
TEST_F(VerifyingWithLittleRoom, AHostThatGuessesGivesWayToAnother) {
    std::array<Asked, 12> guesses;
    for (size_t i = 0; i < guesses.size(); ++i) start(guesses[i], slow_, std::to_string(i).c_str());
    Asked known;
    start(known, hash_, "U*U", true, IpAddress::v4(2));
    turn_until(known.outcome);
    EXPECT_EQ(known.outcome, Outcome::right);
    const auto had_turns = [](const Asked& a) { return a.outcome == Outcome::wrong; };
    EXPECT_LE(std::ranges::count_if(guesses, had_turns), 3);
    for (Asked& guess : guesses) turn_until(guess.outcome);
    EXPECT_GE(std::ranges::count_if(guesses, had_turns), 3);
}

class VerifyingWithoutRoom : public Verifying {
  protected:
    VerifyingWithoutRoom() : Verifying(1) {}
};

TEST_F(VerifyingWithoutRoom, IsBusyAtOnceAndGoesOnAfterwards) {
    std::array<Asked, 8> asked;
    for (size_t i = 0; i < asked.size(); ++i) start(asked[i], slow_, std::to_string(i).c_str());
    EXPECT_GE(std::ranges::count_if(asked, [](const Asked& a) { return a.outcome == Outcome::busy; }), 6);
    for (Asked& a : asked) turn_until(a.outcome);
    Asked later;
    start(later, hash_, "U*U");
    turn_until(later.outcome);
    EXPECT_EQ(later.outcome, Outcome::right);
}

}  // namespace
}  // namespace portico::policy::basic
