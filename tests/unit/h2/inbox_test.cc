#include "h2/inbox.h"

#include <gtest/gtest.h>

#include <string>

#include "support/test_loop.h"

namespace weir::test {
namespace {

struct InboxTest : testing::Test {
  std::string read(size_t most) {
    std::string bytes(most, '\0');
    bytes.resize(inbox.read(bytes));
    return bytes;
  }
  TestLoop loop;
  BufferPool pool{loop.loop};
  Inbox inbox{pool};
};

TEST_F(InboxTest, GivesBytesBackInOrderWhateverTheSizes) {
  std::string in, out;
  size_t next = 1;
  for (int i = 0; i < 400; ++i) {
    const std::string bytes(next = next * 31 % 4099, static_cast<char>('a' + i % 26));
    inbox.append(bytes);
    in += bytes;
    out += read(next * 7 % 3001);
  }
  EXPECT_EQ(inbox.size(), in.size() - out.size());
  out += read(in.size());
  EXPECT_EQ(out, in);
}

TEST_F(InboxTest, LendsAsManyBlocksAsItsBytesNeed) {
  EXPECT_EQ(pool.lent(), 0u);
  inbox.append(std::string(65535, 'a'));
  EXPECT_EQ(pool.lent(), 5u);
  read(kBlockSize);
  EXPECT_EQ(pool.lent(), 4u);
  read(65535);
  EXPECT_EQ(inbox.size(), 0u);
  EXPECT_EQ(pool.lent(), 0u);
}

TEST_F(InboxTest, GivesItsBlocksBackWhenItIsCleared) {
  inbox.append(std::string(40000, 'a'));
  inbox.clear();
  EXPECT_EQ(pool.lent(), 0u);
  EXPECT_EQ(read(1), "");
  inbox.append("b");
  EXPECT_EQ(read(9), "b");
}

}  // namespace
}  // namespace weir::test
