#include "base/metered_sort.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/meter_fixture.h"

namespace portico {
namespace {

TEST(MeteredSort, AsTheStandardsSort) {
    std::minstd_rand random(1);
    for (const size_t size : {0, 1, 2, 511, 512, 513, 1024, 1025, 5000, 100'000}) {
        for (const uint32_t keys : {2u, 100u, UINT32_MAX}) {
            std::vector<uint32_t> items(size);
            for (uint32_t& item : items) item = static_cast<uint32_t>(random()) % keys;
            std::vector<uint32_t> wanted = items;
            std::sort(wanted.begin(), wanted.end());
            ASSERT_TRUE(metered_sort(items, std::less<>()));
            ASSERT_EQ(items, wanted) << size;
        }
    }
}

TEST(MeteredSort, EndsWhereItMayNotGoOn) {
    std::vector<std::string> items;
    for (int i = 0; i < 5000; ++i) items.push_back(std::to_string(i * 7919 % 5000));
    for (const uint64_t most : {0, 4000, 60'000}) {
        std::vector<std::string> some = items;
        CountingMeter meter(most);
        EXPECT_FALSE(metered_sort(some, std::less<>()));
        EXPECT_LE(meter.told, most + 6000);
    }
}

TEST(MeteredSort, TakesNLogN) {
    uint64_t before = 0;
    for (const size_t size : {10'000, 100'000, 1'000'000}) {
        std::vector<uint32_t> items(size);
        for (size_t i = 0; i < size; ++i) items[i] = static_cast<uint32_t>(i * 2654435761U);
        CountingMeter meter(UINT64_MAX);
        ASSERT_TRUE(metered_sort(items, std::less<>()));
        if (before != 0) {
            EXPECT_LE(meter.told, before * 14);
        }
        before = meter.told;
    }
}

}  // namespace
}  // namespace portico
