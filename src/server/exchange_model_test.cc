// A model of the exchange, checked: clients and services take random steps around the real gateway on a network in memory, and an
// oracle accounts for every byte.
//
//     PORTICO_MODEL_SECONDS=60 server_test --gtest_filter='ExchangeModel.E*'   episodes of fresh seeds for so long
//     PORTICO_MODEL_SEED=17 …      that episode alone, with its last steps; with PORTICO_MODEL_WEATHER and PORTICO_MODEL_AIM where a
//                                  failure names them
//     PORTICO_MODEL_FIRST=1 …      seeds from there on; PORTICO_MODEL_FAILURES=100 goes on after a failure
//     PORTICO_MODEL_WAITS=1000 …   how often each co_await must have come to each of its endings, in builds that watch them
//
// A failure prints its seed, and so does a death.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>

#include "io/sim/guide.h"
#include "server/model/episode.h"
#include "server/model/real_ground.h"

#if __has_feature(address_sanitizer)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

namespace portico::server::model {
namespace {

uint64_t number_from(const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// For whoever looks at a process that died.
char current_run[256] = "";

void say_current_run() {
    if (::write(STDERR_FILENO, current_run, std::strlen(current_run)) < 0) std::abort();
}

#if __has_feature(address_sanitizer)
[[maybe_unused]] const bool says_run_at_death = [] {
    __sanitizer_set_death_callback(say_current_run);
    return true;
}();
#else
void die(int signal) {
    say_current_run();
    ::raise(signal);
}

[[maybe_unused]] const bool says_run_at_death = [] {
    struct sigaction once {};
    once.sa_handler = die;
    once.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) ::sigaction(signal, &once, nullptr);
    return true;
}();
#endif

Outcome run_simulated(const Variant& variant, bool trace) {
    const io::SimWeather weather = draw_weather(variant);
    SimGround ground(weather);
    Outcome one = Episode(ground, variant, false, trace).run();
    if (!one.broken.empty()) one.broken += weather.style == io::SimStyle::rings ? " (rings" : " (edges";
    if (!one.broken.empty()) one.broken += one.lawful ? ", lawful)" : ", unlawful)";
    return one;
}

// Runs episodes, each of a seed of its own or as the guide wants them, until the time is over.
template <class F>
void run_for(uint64_t for_seconds, io::Guide::Lacks lacks, F run) {
    if (const auto named = Variant::from_environment()) {
        const Outcome one = run(*named, true);
        EXPECT_EQ(one.broken, "") << named->text() << ":\n" << one.steps;
        return;
    }
    if (for_seconds == 0) GTEST_SKIP() << "PORTICO_MODEL_SECONDS and PORTICO_MODEL_REAL_SECONDS say for how long";
    const auto begin = std::chrono::steady_clock::now();
    const auto gone = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
    const uint64_t first = number_from("PORTICO_MODEL_FIRST", std::random_device()() % 1'000'000'000 + 1);
    const uint64_t most_failures = number_from("PORTICO_MODEL_FAILURES", 1);
    io::Guide guide(first, std::move(lacks));
    Outcome sum;
    uint64_t fresh = first, guided = 0;
    for (uint64_t failures = 0; gone() < static_cast<double>(for_seconds) && failures < most_failures;) {
        auto variant = guide.next();
        if (variant) ++guided;
        else variant = Variant{fresh++};
        std::snprintf(current_run, sizeof current_run, "%s\n", variant->text().c_str());
        const Outcome one = run(*variant, false);
        guide.learn(*variant, one.lasted);
        sum.turns += one.turns, sum.actions += one.actions, sum.requests += one.requests, sum.bytes += one.bytes;
        sum.whole += one.whole, sum.errors += one.errors, sum.cut += one.cut;
        if (one.broken.empty()) continue;
        ++failures;
        ADD_FAILURE() << "after " << gone() << " s, " << variant->text() << ": " << one.broken << (most_failures == 1 ? "\n" + run(*variant, true).steps : "");
    }
    std::printf("model: seeds %lu to %lu, %lu guided runs, %lu turns, %lu actions, %lu requests, %lu whole, %lu errors, %lu cut, %lu MB\n", first, fresh - 1, guided, sum.turns, sum.actions,
                sum.requests, sum.whole, sum.errors, sum.cut, sum.bytes >> 20);
}

Outcome run_really(io::BackendChoice choice, const Variant& variant, bool trace) {
    std::signal(SIGPIPE, SIG_IGN);  // as the server does
    RealGround ground(choice, variant.seed);
    return Episode(ground, variant, true, trace).run();
}

[[maybe_unused]] io::wait_watch::Coverage covered(uint64_t least) {
    using enum io::wait_watch::Ending;
    constexpr std::array<std::string_view, 6> kFiles{"edge/",           "gateway/forward.cc",      "gateway/body_pipe.cc",
                                                     "gateway/splice.cc", "gateway/request_body.cc", "upstream/call.cc"};
    static const std::vector<io::wait_watch::Exception> exceptions{
        {"gateway/forward.cc", "reply_error(x_, std::move(*x_.answer_error))", {resumed, timed_out, broken, destroyed}, "no policy refuses a response by its head"},
        {"gateway/forward.cc", "x_.run_response_policies_in_parts", {resumed, timed_out, broken, destroyed}, "no policy of the model computes: pages and units do"},
        {"gateway/request_body.cc", "x.compute", {resumed, timed_out, broken, destroyed}, "no client of the model codes its body: pages and units do"},
        {"gateway/splice.cc", "writable(to.until)", {broken}, "a peer's end is readiness: the next write meets it"},
    };
    return io::wait_watch::cover(PORTICO_SOURCE_DIR, kFiles, exceptions, least);
}

std::vector<io::wait_watch::Lack> lacks() {
#ifdef PORTICO_WATCH_WAITS
    return covered(std::max<uint64_t>(number_from("PORTICO_MODEL_WAITS", 0), 1000)).lacks;
#else
    return {};
#endif
}

std::vector<io::wait_watch::Lack> nothing() { return {}; }

TEST(ExchangeModel, EachRequestReachesItsServiceOnceAndEachClientGetsItsOwnAnswer) {
    run_for(number_from("PORTICO_MODEL_SECONDS", 0), lacks, run_simulated);
}

TEST(ExchangeModel, HoldsOnIoUring) {
    SystemClock clock;
    if (!io::Loop::make(io::BackendChoice::uring, clock)) GTEST_SKIP() << "no io_uring here";
    run_for(number_from("PORTICO_MODEL_REAL_SECONDS", 0), nothing, [](const Variant& variant, bool trace) { return run_really(io::BackendChoice::uring, variant, trace); });
}

TEST(ExchangeModel, HoldsOnEpoll) {
    run_for(number_from("PORTICO_MODEL_REAL_SECONDS", 0), nothing, [](const Variant& variant, bool trace) { return run_really(io::BackendChoice::epoll, variant, trace); });
}

// Behind the others: of what they did.
TEST(ExchangeModel, WaitsCameToEachOfTheirEndings) {
#ifdef PORTICO_WATCH_WAITS
    if (number_from("PORTICO_MODEL_SECONDS", 0) == 0) GTEST_SKIP() << "PORTICO_MODEL_SECONDS says for how long the model runs";
    const auto found = covered(number_from("PORTICO_MODEL_WAITS", 0));
    std::printf("model: %zu waits, each came to each of its endings at least %lu times\n", found.waits, found.rarest);
    EXPECT_EQ(found.missing, "");
#else
    GTEST_SKIP() << "this build does not watch waits";
#endif
}

}  // namespace
}  // namespace portico::server::model
