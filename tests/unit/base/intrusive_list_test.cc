#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

namespace weir {
namespace {

struct Item : ListNode {
  explicit Item(int n) : number(n) {}
  int number;
};

class IntrusiveListTest : public testing::Test {
 protected:
  IntrusiveListTest() {
    for (int i = 0; i < 5; ++i) list.push_back(items.emplace_back(i));
  }
  static std::vector<int> content(IntrusiveList<Item>& of) {
    std::vector<int> numbers;
    of.for_each_safe([&](Item& item) { numbers.push_back(item.number); });
    return numbers;
  }
  std::deque<Item> items;
  IntrusiveList<Item> list;
};

using Numbers = std::vector<int>;

TEST_F(IntrusiveListTest, KeepsTheOrderOfArrival) {
  EXPECT_EQ(content(list), (Numbers{0, 1, 2, 3, 4}));
  EXPECT_EQ(content(list), (Numbers{0, 1, 2, 3, 4})) << "a query changes nothing";
  EXPECT_EQ(list.pop_front()->number, 0);
  EXPECT_EQ(list.front().number, 1);
}

TEST_F(IntrusiveListTest, DestroyedElementIsInNoList) {
  auto brief = std::make_unique<Item>(5);
  list.push_back(*brief);
  brief.reset();
  items.pop_front();
  items.pop_back();
  EXPECT_EQ(content(list), (Numbers{1, 2, 3}));
}

TEST_F(IntrusiveListTest, TakingAllAppendsAndEmptiesTheOtherList) {
  IntrusiveList<Item> other;
  Item sixth(5);
  other.take_all(list);
  EXPECT_TRUE(list.empty());
  other.take_all(list);
  list.push_back(sixth);
  other.take_all(list);
  EXPECT_EQ(content(other), (Numbers{0, 1, 2, 3, 4, 5}));
  EXPECT_TRUE(list.empty());
  items[2].unlink();
  EXPECT_EQ(content(other), (Numbers{0, 1, 3, 4, 5}));
}

// Trap T9: sessions end, and end others, while their list is visited.
TEST_F(IntrusiveListTest, VisitedElementMayUnlinkItself) {
  Numbers visited;
  list.for_each_safe([&](Item& item) {
    visited.push_back(item.number);
    item.unlink();
  });
  EXPECT_EQ(visited, (Numbers{0, 1, 2, 3, 4}));
  EXPECT_TRUE(list.empty());
}

TEST_F(IntrusiveListTest, VisitedElementMayUnlinkTheNextOneWhichIsNotVisited) {
  Numbers visited;
  list.for_each_safe([&](Item& item) {
    visited.push_back(item.number);
    if (item.number == 1) items[2].unlink();
  });
  EXPECT_EQ(visited, (Numbers{0, 1, 3, 4}));
  EXPECT_EQ(content(list), (Numbers{0, 1, 3, 4}));
}

TEST_F(IntrusiveListTest, VisitedElementMayUnlinkThePreviousOneAndItself) {
  Numbers visited;
  list.for_each_safe([&](Item& item) {
    visited.push_back(item.number);
    if (item.number != 3) return;
    items[2].unlink();
    item.unlink();
  });
  EXPECT_EQ(visited, (Numbers{0, 1, 2, 3, 4}));
  EXPECT_EQ(content(list), (Numbers{0, 1, 4}));
}

TEST_F(IntrusiveListTest, VisitedElementMayUnlinkAllTheOthers) {
  Numbers visited;
  list.for_each_safe([&](Item& item) {
    visited.push_back(item.number);
    for (Item& other : items) other.unlink();
  });
  EXPECT_EQ(visited, (Numbers{0}));
  EXPECT_TRUE(list.empty());
}

TEST_F(IntrusiveListTest, ElementAddedDuringAVisitIsKeptButNotVisited) {
  Numbers visited;
  Item added(9);
  list.for_each_safe([&](Item& item) {
    visited.push_back(item.number);
    if (item.number == 4) list.push_back(added);
  });
  EXPECT_EQ(visited, (Numbers{0, 1, 2, 3, 4}));
  EXPECT_EQ(content(list), (Numbers{0, 1, 2, 3, 4, 9}));
}

}  // namespace
}  // namespace weir
