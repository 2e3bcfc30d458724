// Records that are sent together, completely or in part.
#include "tls/tls_records.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "support/socket.h"
#include "support/socket_pair.h"

namespace weir::test {
namespace {

class TlsRecordsTest : public testing::Test {
 protected:
  void add(TlsRecords& records, size_t size, size_t carried) {
    const std::string_view bytes = pattern(added_.size(), size);
    ASSERT_TRUE(records.add(bytes.data(), bytes.size()));
    records.complete(carried);
    added_ += bytes;
  }

  SocketPair pair_ = unix_pair(4096);
  std::string added_;
  std::string got_;
};

TEST_F(TlsRecordsTest, CountTheirPayloadWhenTheirLastByteIsSent) {
  TlsRecords records;
  EXPECT_TRUE(records.empty());
  for (int i = 0; i < 4; ++i) add(records, 16400, 16384);
  EXPECT_FALSE(records.has_room());
  ssize_t carried = records.send(pair_.a.get());
  ASSERT_GE(carried, 0);
  ASSERT_FALSE(records.empty()) << "the socket has more room than this test can use";
  const std::unique_ptr<TlsRecords> rest = TlsRecords::rest_of(&records);
  EXPECT_TRUE(records.empty());
  EXPECT_TRUE(records.has_room());
  for (int i = 0; i < 1000 && !rest->empty(); ++i) {
    read_all(pair_.b.get(), got_);
    const ssize_t more = rest->send(pair_.a.get());
    ASSERT_GE(more, 0);
    carried += more;
    EXPECT_LE(static_cast<size_t>(carried), got_.size() + 2 * 4096 + 16400);
  }
  read_all(pair_.b.get(), got_);
  EXPECT_EQ(carried, 4 * 16384);
  EXPECT_TRUE(got_ == added_);
}

TEST_F(TlsRecordsTest, FullSocketLosesNoData) {
  while (::send(pair_.a.get(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) continue;
  TlsRecords records;
  add(records, 100, 80);
  EXPECT_EQ(records.send(pair_.a.get()), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_FALSE(records.empty());
  read_all(pair_.b.get(), got_);
  got_.clear();
  EXPECT_EQ(records.send(pair_.a.get()), 80);
  read_all(pair_.b.get(), got_);
  EXPECT_TRUE(got_ == added_);
}

TEST_F(TlsRecordsTest, AcceptNoMoreThanTheirCapacity) {
  TlsRecords records;
  const std::string large(16384, 'x');
  int taken = 0;
  while (records.add(large.data(), large.size())) ++taken;
  EXPECT_EQ(taken, 4);
  TlsRecords tiny;
  int made = 0;
  for (; tiny.has_room(); ++made) {
    ASSERT_TRUE(tiny.add("x", 1));
    tiny.complete(1);
  }
  EXPECT_GE(made, 16);
  EXPECT_EQ(tiny.send(pair_.a.get()), made);
}

}  // namespace
}  // namespace weir::test
