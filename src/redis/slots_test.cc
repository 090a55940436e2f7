#include "redis/slots.h"

#include <gtest/gtest.h>

#include "redis/cluster.h"

namespace portico::redis {
namespace {

TEST(Slots, TheChecksumIsThatOfTheSpecification) { EXPECT_EQ(crc16("123456789"), 0x31c3); }

TEST(Slots, TheTagDecidesWhereThereIsOne) {
    EXPECT_EQ(slot_of("foo"), 12182);
    EXPECT_EQ(slot_of(""), 0);
    EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
    EXPECT_EQ(slot_of("a{foo}b{bar}"), slot_of("foo"));
    EXPECT_EQ(slot_of("foo{}{bar}"), crc16("foo{}{bar}") % kSlots);
    EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    EXPECT_EQ(slot_of("foo{bar"), crc16("foo{bar") % kSlots);
}

TEST(Redirect, NamesASlotAndAServer) {
    const HostPort here{"10.0.0.1", 7000};
    const auto to = [&](const char* text) {
        const auto redirect = Redirect::parse(text, here);
        return redirect ? std::to_string(redirect->slot) + " " + redirect->to.text() : "none";
    };
    EXPECT_EQ(to("MOVED 3999 127.0.0.1:6381"), "3999 127.0.0.1:6381");
    EXPECT_EQ(to("ASK 0 node-2.example:6379"), "0 node-2.example:6379");
    EXPECT_EQ(to("MOVED 1 :6381"), "1 10.0.0.1:6381");
    EXPECT_EQ(to("MOVED 1 2001:db8::1:6381"), "1 [2001:db8::1]:6381");
    for (const char* bad : {"MOVED", "MOVED 1", "MOVED x 1.1.1.1:1", "MOVED 16384 1.1.1.1:1", "MOVED 1 1.1.1.1", "MOVED 1 1.1.1.1:x",
                            "MOVED 1 1.1.1.1:99999"}) {
        EXPECT_EQ(to(bad), "none") << bad;
    }
}

}  // namespace
}  // namespace portico::redis
