#include "base/page_blocks.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

namespace weir::test {
namespace {

constexpr size_t kPage = 4096;

// Whether the page at the start of `block` has memory.
bool is_resident(const void* block) {
  const auto at = reinterpret_cast<uintptr_t>(block);
  unsigned char resident = 0;
  EXPECT_EQ(::mincore(reinterpret_cast<void*>(at - at % kPage), kPage, &resident), 0);
  return (resident & 1) != 0;
}

TEST(PageBlocks, BlocksDoNotOverlapAndTheLastReturnedIsTakenFirst) {
  constexpr size_t kSize = 5000;
  PageBlocks blocks(kSize);
  std::vector<char*> taken;
  for (int i = 0; i < 200; ++i) taken.push_back(static_cast<char*>(blocks.take()));
  for (size_t i = 0; i < taken.size(); ++i) std::memset(taken[i], static_cast<int>(i), kSize);
  for (size_t i = 0; i < taken.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(taken[i]) % kPage, 0u);
    EXPECT_EQ(static_cast<unsigned char>(taken[i][0]), i);
    EXPECT_EQ(static_cast<unsigned char>(taken[i][kSize - 1]), i);
  }
  blocks.give_back(taken[3]);
  blocks.give_back(taken[7]);
  EXPECT_EQ(blocks.take(), taken[7]);
  EXPECT_EQ(blocks.take(), taken[3]);
}

TEST(PageBlocks, TrimmedMemoryIsReturnedToTheKernelAndItsAddressIsReused) {
  PageBlocks blocks(16 * 1024);
  std::vector<void*> taken;
  for (int i = 0; i < 8; ++i) taken.push_back(blocks.take());
  for (void* block : taken) std::memset(block, 'x', 16 * 1024);
  for (void* block : taken) blocks.give_back(block);
  EXPECT_EQ(blocks.trim(2), 6u);
  EXPECT_EQ(blocks.spare(), 2u);
  size_t resident = 0;
  for (void* block : taken) resident += is_resident(block) ? 1 : 0;
  EXPECT_EQ(resident, 2u);
  std::set<void*> again;
  for (int i = 0; i < 64; ++i) again.insert(blocks.take());
  EXPECT_EQ(again.size(), 64u);
  for (void* block : taken) EXPECT_EQ(again.count(block), 1u);
}

}  // namespace
}  // namespace weir::test
