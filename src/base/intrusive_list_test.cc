#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace portico {
namespace {

struct Other;
struct Item : ListHook<>, ListHook<Other> {
    explicit Item(int n) : number(n) {}
    int number;
};
using List = IntrusiveList<Item>;
using OtherList = IntrusiveList<Item, Other>;

bool in_list(const Item& item) { return static_cast<const ListHook<>&>(item).linked(); }

template <class L>
std::vector<int> numbers(L& list) {
    std::vector<int> out;
    list.for_each([&](Item& i) { out.push_back(i.number); });
    return out;
}

TEST(IntrusiveList, members_stand_in_the_order_of_insertion) {
    Item a(1), b(2), c(3);
    List list;
    EXPECT_TRUE(list.empty());
    list.push_back(b);
    list.push_back(c);
    list.push_front(a);
    EXPECT_EQ(numbers(list), (std::vector{1, 2, 3}));
    EXPECT_EQ(list.front().number, 1);
    EXPECT_EQ(list.back().number, 3);
    EXPECT_EQ(list.pop_front()->number, 1);
    EXPECT_FALSE(in_list(a));
    EXPECT_EQ(numbers(list), (std::vector{2, 3}));
}

TEST(IntrusiveList, pushing_the_first_or_the_last_member_where_it_stands_leaves_it_there) {
    Item a(1), b(2);
    List list;
    list.push_front(a);
    list.push_front(a);
    EXPECT_EQ(numbers(list), (std::vector{1}));
    list.push_back(b);
    list.push_front(a);
    list.push_back(b);
    EXPECT_EQ(numbers(list), (std::vector{1, 2}));
}

TEST(IntrusiveList, pushing_a_member_again_moves_it) {
    Item a(1), b(2);
    List list, second;
    list.push_back(a);
    list.push_back(b);
    list.push_back(a);
    EXPECT_EQ(numbers(list), (std::vector{2, 1}));
    second.push_back(a);
    EXPECT_EQ(numbers(list), (std::vector{2}));
    EXPECT_EQ(numbers(second), (std::vector{1}));
}

TEST(IntrusiveList, a_member_that_is_destroyed_leaves_by_itself) {
    Item a(1), c(3);
    auto b = std::make_unique<Item>(2);
    List list;
    list.push_back(a);
    list.push_back(*b);
    list.push_back(c);
    b.reset();
    EXPECT_EQ(numbers(list), (std::vector{1, 3}));
}

TEST(IntrusiveList, a_list_that_is_destroyed_lets_its_members_go) {
    Item a(1);
    {
        List list;
        list.push_back(a);
        EXPECT_TRUE(in_list(a));
    }
    EXPECT_FALSE(in_list(a));
}

TEST(IntrusiveList, a_member_may_stand_in_two_lists_by_two_tags) {
    Item a(1), b(2);
    List list;
    OtherList other;
    list.push_back(a);
    list.push_back(b);
    other.push_back(b);
    other.push_back(a);
    list.pop_front();
    EXPECT_EQ(numbers(list), (std::vector{2}));
    EXPECT_EQ(numbers(other), (std::vector{2, 1}));
}

TEST(IntrusiveList, for_each_may_unlink_or_destroy_what_it_is_given) {
    std::vector<std::unique_ptr<Item>> items;
    List list;
    for (int i = 0; i < 6; ++i) {
        items.push_back(std::make_unique<Item>(i));
        list.push_back(*items.back());
    }
    list.for_each([&](Item& i) {
        if (i.number % 2 == 0) items[static_cast<size_t>(i.number)].reset();
    });
    EXPECT_EQ(numbers(list), (std::vector{1, 3, 5}));
}

TEST(IntrusiveList, splice_back_moves_all_in_order) {
    Item a(1), b(2), c(3);
    List list, from;
    list.push_back(a);
    from.push_back(b);
    from.push_back(c);
    list.splice_back(from);
    EXPECT_TRUE(from.empty());
    EXPECT_EQ(numbers(list), (std::vector{1, 2, 3}));
    list.splice_back(from);
    EXPECT_EQ(numbers(list), (std::vector{1, 2, 3}));
}

TEST(IntrusiveList, an_empty_list_has_nothing_to_pop) {
    List list;
    EXPECT_EQ(list.pop_front(), nullptr);
    list.clear();
    EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace portico
