#include "observe/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace portico::observe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

TEST(Registry, writes_counters_and_gauges_as_prometheus_text) {
    Registry registry;
    Shard& shard = registry.new_shard();
    const Counter requests_b = registry.counter("portico_requests_total", "Requests answered.", {{"route", "b"}, {"status", "200"}});
    const Counter requests_a = registry.counter("portico_requests_total", "Requests answered.", {{"route", "a"}, {"status", "404"}});
    const Gauge open = registry.gauge("portico_connections_open", "Connections that are open.");
    shard.add(requests_b, 3);
    shard.add(requests_a);
    shard.add(open, 5);
    shard.add(open, -7);
    EXPECT_EQ(registry.exposition(),
              "# HELP portico_connections_open Connections that are open.\n"
              "# TYPE portico_connections_open gauge\n"
              "portico_connections_open -2\n"
              "# HELP portico_requests_total Requests answered.\n"
              "# TYPE portico_requests_total counter\n"
              "portico_requests_total{route=\"a\",status=\"404\"} 1\n"
              "portico_requests_total{route=\"b\",status=\"200\"} 3\n");
}

TEST(Registry, an_empty_one_says_nothing) { EXPECT_EQ(Registry().exposition(), ""); }

TEST(Registry, escapes_label_values) {
    Registry registry;
    registry.counter("c_total", "C.", {{"v", "back\\slash \"quote\" new\nline"}});
    EXPECT_THAT(registry.exposition(), HasSubstr("c_total{v=\"back\\\\slash \\\"quote\\\" new\\nline\"} 0\n"));
}

TEST(Registry, what_is_not_utf8_in_a_label_costs_nobody_the_page) {
    Registry registry;
    registry.counter("c_total", "C.", {{"v", "a\xFF\xE2\x82\"\xC3\xA9"}});
    EXPECT_THAT(registry.exposition(), HasSubstr("c_total{v=\"a\xEF\xBF\xBD\xEF\xBF\xBD\\\"\xC3\xA9\"} 0\n"));
}

TEST(Registry, the_same_name_and_labels_are_the_same_cell) {
    Registry registry;
    Shard& shard = registry.new_shard();
    shard.add(registry.counter("c_total", "C.", {{"a", "1"}}));
    shard.add(registry.counter("c_total", "said otherwise", {{"a", "1"}}));
    EXPECT_EQ(registry.counter("c_total", "C.", {{"a", "1"}}).cell, registry.counter("c_total", "C.", {{"a", "1"}}).cell);
    EXPECT_EQ(registry.exposition(), "# HELP c_total C.\n# TYPE c_total counter\nc_total{a=\"1\"} 2\n");
}

TEST(Registry, label_values_that_render_alike_are_not_confused) {
    Registry registry;
    const Counter one = registry.counter("c_total", "C.", {{"a", "x\",b=\"y"}});
    const Counter two = registry.counter("c_total", "C.", {{"a", "x"}, {"b", "y"}});
    EXPECT_NE(one.cell, two.cell);
}

TEST(Registry, reading_sums_the_shards) {
    Registry registry;
    const Counter c = registry.counter("c_total", "C.");
    const Gauge g = registry.gauge("g", "G.");
    Shard& first = registry.new_shard();
    Shard& second = registry.new_shard();
    first.add(c, 2);
    second.add(c, 40);
    first.add(g, 1);
    second.add(g, -3);
    EXPECT_THAT(registry.exposition(), HasSubstr("\nc_total 42\n"));
    EXPECT_THAT(registry.exposition(), HasSubstr("\ng -2\n"));
}

TEST(Registry, lists_its_families_by_name) {
    Registry registry;
    registry.counter("b_total", "B.", {{"x", "1"}});
    registry.counter("b_total", "B.", {{"x", "2"}});
    registry.gauge("a", "A.");
    EXPECT_THAT(registry.families(), ElementsAre(Pair("a", "A."), Pair("b_total", "B.")));
}

class Age final : public Asked {
  public:
    explicit Age(std::optional<double> value = {}) : is(value) {}
    std::optional<double> value() const override { return is; }
    std::optional<double> is;
};

TEST(Registry, a_gauge_that_is_asked_has_the_value_of_the_moment) {
    Registry registry;
    const auto age = std::make_shared<Age>();
    registry.ask("age_seconds", "How old.", {{"of", "x"}}, age);
    EXPECT_EQ(registry.exposition(), "# HELP age_seconds How old.\n# TYPE age_seconds gauge\n") << "no value yet";
    age->is = 1.5;
    EXPECT_THAT(registry.exposition(), HasSubstr("\nage_seconds{of=\"x\"} 1.5\n"));
    age->is = 86400.25;
    EXPECT_THAT(registry.exposition(), HasSubstr("\nage_seconds{of=\"x\"} 86400.25\n"));
    EXPECT_THAT(registry.families(), ElementsAre(Pair("age_seconds", "How old.")));
}

TEST(Registry, of_several_that_are_asked_under_one_name_the_greatest_is_shown) {
    Registry registry;
    const auto none = std::make_shared<Age>();
    auto old = std::make_shared<Age>(7), young = std::make_shared<Age>(-1);
    for (const auto& age : {none, old, young}) registry.ask("age_seconds", "How old.", {{"of", "x"}}, age);
    EXPECT_THAT(registry.exposition(), HasSubstr("\nage_seconds{of=\"x\"} 7\n"));
    old.reset();
    EXPECT_THAT(registry.exposition(), HasSubstr("\nage_seconds{of=\"x\"} -1\n"));
    young.reset();
    EXPECT_THAT(registry.exposition(), Not(HasSubstr("age_seconds{")));
}

TEST(Registry, what_nobody_holds_any_more_takes_no_place) {
    Registry registry;
    for (size_t i = 0; i < Registry::kMaxSeries - 1; ++i) registry.counter("c_total", "C.", {{"n", std::to_string(i)}});
    for (int i = 0; i < 10; ++i) {
        const auto age = std::make_shared<Age>(i);
        registry.ask("age_seconds", "How old.", {{"of", std::to_string(i)}}, age);
        EXPECT_THAT(registry.exposition(), HasSubstr("age_seconds{of=\"" + std::to_string(i) + "\"} "));
    }
    const auto last = std::make_shared<Age>(1), beyond = std::make_shared<Age>(2);
    registry.ask("age_seconds", "How old.", {{"of", "last"}}, last);
    registry.ask("age_seconds", "How old.", {{"of", "beyond"}}, beyond);
    EXPECT_THAT(registry.exposition(), HasSubstr("\nage_seconds{of=\"last\"} 1\nage_seconds{of=\"other\"} 2\n"));
}

TEST(Registry, past_the_cap_new_series_share_one_called_other) {
    Registry registry;
    Shard& shard = registry.new_shard();
    for (size_t i = 0; i < Registry::kMaxSeries; ++i) registry.counter("c_total", "C.", {{"n", std::to_string(i)}});
    const Counter known = registry.counter("c_total", "C.", {{"n", "7"}});
    const Counter late = registry.counter("c_total", "C.", {{"n", "late"}});
    const Counter later = registry.counter("c_total", "C.", {{"n", "later"}});
    EXPECT_EQ(late.cell, later.cell);
    EXPECT_NE(late.cell, known.cell);
    shard.add(late);
    shard.add(later);
    shard.add(known, 9);
    // Other families get one of their own, and what has no labels is never lumped together.
    shard.add(registry.gauge("g", "G.", {{"n", "1"}, {"m", "2"}}), 4);
    shard.add(registry.counter("plain_total", "P."), 5);
    shard.observe(registry.histogram("h_seconds", "H.", {{"n", "1"}}), Duration(1));
    const std::string text = registry.exposition();
    EXPECT_THAT(text, HasSubstr("\nc_total{n=\"other\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("\nc_total{n=\"7\"} 9\n"));
    EXPECT_THAT(text, HasSubstr("\ng{n=\"other\",m=\"other\"} 4\n"));
    EXPECT_THAT(text, HasSubstr("\nplain_total 5\n"));
    EXPECT_THAT(text, HasSubstr("\nh_seconds_count{n=\"other\"} 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("late")));
}

TEST(Registry, as_many_histograms_as_series_are_allowed_fit_into_a_shard) {
    Registry registry;
    Shard& shard = registry.new_shard();
    Histogram last;
    for (size_t i = 0; i < Registry::kMaxSeries; ++i) last = registry.histogram("h_seconds", "H.", {{"n", std::to_string(i)}});
    shard.observe(last, std::chrono::milliseconds(1));
    EXPECT_THAT(registry.exposition(), HasSubstr("h_seconds_count{n=\"49999\"} 1\n"));
}

TEST(Histogram, buckets_hold_what_is_at_most_their_bound_and_are_cumulative) {
    Registry registry;
    Shard& shard = registry.new_shard();
    const Histogram h = registry.histogram("h_seconds", "How long.", {{"r", "x"}});
    shard.observe(h, std::chrono::microseconds(100));      // on a bound: belongs to it
    shard.observe(h, std::chrono::nanoseconds(100'001));   // just beyond it
    shard.observe(h, std::chrono::milliseconds(30));
    shard.observe(h, std::chrono::seconds(60));
    shard.observe(h, std::chrono::seconds(61));
    shard.observe(h, Duration::zero());
    EXPECT_EQ(registry.exposition(),
              "# HELP h_seconds How long.\n"
              "# TYPE h_seconds histogram\n"
              "h_seconds_bucket{r=\"x\",le=\"0.0001\"} 2\n"
              "h_seconds_bucket{r=\"x\",le=\"0.00025\"} 3\n"
              "h_seconds_bucket{r=\"x\",le=\"0.0005\"} 3\n"
              "h_seconds_bucket{r=\"x\",le=\"0.001\"} 3\n"
              "h_seconds_bucket{r=\"x\",le=\"0.0025\"} 3\n"
              "h_seconds_bucket{r=\"x\",le=\"0.005\"} 3\n"
              "h_seconds_bucket{r=\"x\",le=\"0.01\"} 3\n"
              "h_seconds_bucket{r=\"x\",le=\"0.025\"} 3\n"
              "h_seconds_bucket{r=\"x\",le=\"0.05\"} 4\n"
              "h_seconds_bucket{r=\"x\",le=\"0.1\"} 4\n"
              "h_seconds_bucket{r=\"x\",le=\"0.25\"} 4\n"
              "h_seconds_bucket{r=\"x\",le=\"0.5\"} 4\n"
              "h_seconds_bucket{r=\"x\",le=\"1\"} 4\n"
              "h_seconds_bucket{r=\"x\",le=\"5\"} 4\n"
              "h_seconds_bucket{r=\"x\",le=\"60\"} 5\n"
              "h_seconds_bucket{r=\"x\",le=\"+Inf\"} 6\n"
              "h_seconds_sum{r=\"x\"} 121.0302\n"
              "h_seconds_count{r=\"x\"} 6\n");
}

TEST(Histogram, without_labels_has_only_le) {
    Registry registry;
    Shard& shard = registry.new_shard();
    shard.observe(registry.histogram("h_seconds", "H."), std::chrono::seconds(2));
    const std::string text = registry.exposition();
    EXPECT_THAT(text, HasSubstr("\nh_seconds_bucket{le=\"5\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("\nh_seconds_sum 2\n"));
    EXPECT_THAT(text, HasSubstr("\nh_seconds_count 1\n"));
}

TEST(Histogram, a_clock_that_stepped_back_does_not_wreck_the_sum) {
    Registry registry;
    Shard& shard = registry.new_shard();
    shard.observe(registry.histogram("h_seconds", "H."), std::chrono::seconds(-5));
    EXPECT_THAT(registry.exposition(), HasSubstr("\nh_seconds_sum 0\nh_seconds_count 1\n"));
}

// Run under ThreadSanitizer, this also shows that writing, registering and reading at once is no race.
TEST(Registry, many_threads_with_a_shard_each_lose_nothing) {
    constexpr int kThreads = 4, kRounds = 5000;
    Registry registry;
    const Counter shared = registry.counter("shared_total", "S.");
    const Histogram h = registry.histogram("h_seconds", "H.");
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            Shard& shard = registry.new_shard();
            for (int i = 0; i < kRounds; ++i) {
                shard.add(shared);
                shard.observe(h, std::chrono::microseconds(i));
                if (i % 50 == 0) shard.add(registry.counter("c_total", "C.", {{"n", std::to_string(t * kRounds + i)}}));
            }
        });
    }
    for (int i = 0; i < 20; ++i) EXPECT_THAT(registry.exposition(), HasSubstr("shared_total"));
    for (auto& t : threads) t.join();
    const std::string text = registry.exposition();
    EXPECT_THAT(text, HasSubstr("\nshared_total 20000\n"));
    EXPECT_THAT(text, HasSubstr("\nh_seconds_count 20000\n"));
    EXPECT_THAT(text, HasSubstr("\nc_total{n=\"15050\"} 1\n"));
}

// A43: a worker meets a route for the first time while somebody reads everything.
TEST(Registry, who_registers_does_not_wait_for_the_text) {
    Registry registry;
    constexpr int kSeries = 20'000;
    for (int i = 0; i < kSeries; ++i) registry.histogram("portico_request_duration_seconds", "How long.", {{"route", "route-" + std::to_string(i)}});
    std::atomic<bool> over{false};
    std::chrono::steady_clock::duration text{};
    std::thread reader([&] {
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_GT(registry.exposition().size(), size_t{kSeries} * 18 * 40);
        text = std::chrono::steady_clock::now() - begin;
        over = true;
    });
    std::chrono::steady_clock::duration longest{};
    for (int i = 0; !over; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        registry.counter("portico_requests_total", "Requests.", {{"route", std::to_string(i)}});
        longest = std::max(longest, std::chrono::steady_clock::now() - begin);
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    reader.join();
    EXPECT_LT(longest * 4, text) << "the text took " << text.count() / 1'000'000 << " ms";
}

}  // namespace
}  // namespace portico::observe
