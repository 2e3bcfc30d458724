#include "config/suggest.h"

namespace weir::config {
namespace {

constexpr std::string_view kWords[] = {"health_check", "idle", "bind", "balance"};

TEST(Suggest, FindsAWordAtADistanceOfTwo) {
  EXPECT_EQ(nearest("heath_check", kWords), "health_check");
  EXPECT_EQ(nearest("healt_chek", kWords), "health_check");
  EXPECT_EQ(nearest("blanace", kWords), "balance");  // two swaps of neighbours
  EXPECT_EQ(nearest("bidn", kWords), "bind");
}

TEST(Suggest, SuggestsNothingWithoutASimilarName) {
  EXPECT_EQ(nearest("weight", kWords), "");
  EXPECT_EQ(nearest("ab", kWords), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), kWords), "");
  EXPECT_EQ(nearest("idle", {}), "");
}

TEST(Suggest, CountsEditsUpToItsLimit) {
  EXPECT_EQ(edit_distance("same", "same", 9), 0u);
  EXPECT_EQ(edit_distance("", "abc", 9), 3u);
  EXPECT_EQ(edit_distance("abcd", "acbd", 9), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting", 9), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting", 2), 2u);
}

}  // namespace
}  // namespace weir::config
