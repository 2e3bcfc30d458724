#include "upstream/sticky_tags.h"

#include <gmock/gmock.h>

#include "upstream/cluster_spec.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

const std::string kOld(32, 'o'), kNew(32, 'n');

StickyTags tags(const std::string& cluster, const std::vector<std::string>& secrets,
                const std::vector<std::string>& addresses) {
  std::vector<StickyKey> keys;
  for (const std::string& secret : secrets) keys.emplace_back(secret);
  return {cluster, keys, addresses};
}

TEST(StickyTags, LeadToTheirBackend) {
  const StickyTags of = tags("c", {kOld}, {"10.0.0.1:80", "", "10.0.0.3:80"});
  EXPECT_EQ(of.find(of.key(), of.tag(0)), 0u);
  EXPECT_EQ(of.find(of.key(), of.tag(2)), 2u);
  EXPECT_NE(of.tag(0), of.tag(2));
}

TEST(StickyTags, LeadToTheSameAddressInEveryProcessAndConfiguration) {
  const StickyTags one = tags("c", {kOld}, {"10.0.0.1:80", "10.0.0.2:80"});
  const StickyTags other = tags("c", {kOld}, {"10.0.0.2:80", "10.0.0.3:80", "10.0.0.1:80"});
  EXPECT_EQ(other.find(one.key(), one.tag(0)), 2u);
  EXPECT_EQ(other.find(one.key(), one.tag(1)), 0u);
  // So that cookies survive an update of weir.
  EXPECT_EQ(one.key(), 0x22);
  EXPECT_EQ(one.tag(0)[0], 0xc4);
}

TEST(StickyTags, ThatAreForgedOrOfAnotherKeyLeadNowhere) {
  const StickyTags of = tags("c", {kOld}, {"10.0.0.1:80", ""});
  EXPECT_EQ(of.find(static_cast<uint8_t>(of.key() + 1), of.tag(0)), kNoBackend);
  for (size_t i = 0; i < of.tag(0).size(); ++i) {
    StickyTags::Tag forged = of.tag(0);
    forged[i] ^= 1;
    EXPECT_EQ(of.find(of.key(), forged), kNoBackend) << i;
  }
  EXPECT_EQ(of.find(of.key(), {}), kNoBackend) << "a backend without an address has no tag";
  const StickyTags other_cluster = tags("d", {kOld}, {"10.0.0.1:80"});
  EXPECT_EQ(other_cluster.find(of.key(), of.tag(0)), kNoBackend);
  const StickyTags other_key = tags("c", {kNew}, {"10.0.0.1:80"});
  EXPECT_EQ(other_key.find(other_key.key(), of.tag(0)), kNoBackend);
}

TEST(StickyTags, FirstKeySignsAndAllVerify) {
  const std::vector<std::string> backends{"10.0.0.1:80", "10.0.0.2:80"};
  const StickyTags old = tags("c", {kOld}, backends), both = tags("c", {kNew, kOld}, backends);
  EXPECT_EQ(both.find(old.key(), old.tag(1)), 1u);
  EXPECT_EQ(both.tag(1), tags("c", {kNew}, backends).tag(1));
  EXPECT_EQ(old.find(both.key(), both.tag(1)), kNoBackend);
}

TEST(StickyKeys, AreTheLinesOfAFile) {
  const auto keys = read_sticky_keys(kNew + "\n\n" + kOld + "\r\n");
  ASSERT_TRUE(keys);
  EXPECT_EQ(*keys, (std::vector<StickyKey>{StickyKey(kNew), StickyKey(kOld)}));
  EXPECT_EQ(read_sticky_keys(kNew)->size(), 1u);
  EXPECT_THAT(read_sticky_keys("\n").error().message, HasSubstr("openssl rand -hex 32"));
  EXPECT_THAT(read_sticky_keys(kNew + "\nshort\n").error().message, HasSubstr("5 characters"));
  std::string many;
  for (int i = 0; i < 17; ++i) many += kNew + "\n";
  EXPECT_THAT(read_sticky_keys(many).error().message, HasSubstr("more than 16"));
}

TEST(StickyKeys, ShowNothingOfTheirSecret) {
  const StickyKey one(kOld), other(kNew);
  EXPECT_NE(one.key, other.key);
  EXPECT_EQ(std::string(one.key.begin(), one.key.end()).find("ooo"), std::string::npos);
}

// Workers keep their part of a cluster that has not changed.
TEST(StickyTags, AreSharedByConfigurationsWithTheSameBackendsAndKeys) {
  const auto backend = std::make_shared<Backend>("c", "b", "b", Address::loopback(80));
  const auto spec = [&](const std::string& secret) {
    ClusterSpec made;
    made.name = "c";
    made.sticky.emplace();
    made.sticky->keys = {StickyKey(secret)};
    made.hosts.push_back({.backend = backend});
    return made;
  };
  ClusterSpec before = spec(kOld), same = spec(kOld), other = spec(kNew);
  before.index();
  same.index(&before);
  other.index(&before);
  EXPECT_EQ(same.sticky->tags, before.sticky->tags);
  same.shared = before.shared;
  EXPECT_TRUE(same == before);
  EXPECT_NE(other.sticky->tags, before.sticky->tags);
}

}  // namespace
}  // namespace weir::test
