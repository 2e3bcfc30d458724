#include "http/h2_streams.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace weir {
namespace {

class MappedStream final : public H2StreamState {};

TEST(H2Streams, NeedsNoMemoryWithoutStreams) {
  H2Streams streams;
  EXPECT_EQ(streams.memory(), 0u);
  EXPECT_TRUE(streams.empty());
  EXPECT_EQ(streams.find(1), nullptr);
}

TEST(H2Streams, BeginsWith64BytesAndGrows) {
  std::vector<MappedStream> all(100);
  H2Streams streams;
  streams.insert(all[0], 1);
  EXPECT_EQ(streams.memory(), 64u);
  for (uint32_t i = 1; i < 100; ++i) streams.insert(all[i], 2 * i + 1);
  EXPECT_EQ(streams.memory(), 2048u);
  EXPECT_EQ(streams.size(), 100u);
}

TEST(H2Streams, KeepsAtMost2048BytesWhenEmpty) {
  std::vector<MappedStream> all(1000);
  H2Streams streams;
  for (const uint32_t count : {100u, 1000u}) {
    for (uint32_t i = 0; i < count; ++i) streams.insert(all[i], 2 * i + 1);
    for (uint32_t i = 0; i < count; ++i) streams.erase(all[i]);
    EXPECT_EQ(streams.memory(), count == 100 ? 2048u : 0u);
    EXPECT_EQ(streams.find(1), nullptr);
  }
}

TEST(H2Streams, FindsWhatAMapFinds) {
  std::mt19937 random(13);
  for (const uint32_t step : {2u, 16u, 256u}) {  // of the ids: the larger ones collide
    std::map<uint32_t, std::unique_ptr<MappedStream>> expected;
    H2Streams streams;
    uint32_t next = 1;
    for (int i = 0; i < 20'000; ++i) {
      const bool more = random() % 100 < (i / 2000 % 2 == 0 ? 60 : 40);
      if (more || expected.empty()) {
        auto& stream = expected[next] = std::make_unique<MappedStream>();
        streams.insert(*stream, next);
        next += step;
      } else {
        auto at = expected.lower_bound(uint32_t(random() % next));
        if (at == expected.end()) at = expected.begin();
        streams.erase(*at->second);
        EXPECT_EQ(streams.find(at->first), nullptr);
        expected.erase(at);
      }
      EXPECT_EQ(streams.size(), expected.size());
      if (i % 100 != 0) continue;
      for (const auto& [id, stream] : expected) EXPECT_EQ(streams.find(id), stream.get());
    }
    for (const auto& [id, stream] : expected) streams.erase(*stream);
  }
}

std::vector<uint32_t> ids_of(H2Streams& streams) {
  std::vector<uint32_t> ids;
  streams.for_each([&](H2StreamState& stream) { ids.push_back(stream.id()); });
  return ids;
}

TEST(H2Streams, VisitsInOrderOfAttachment) {
  MappedStream a, b, c;
  H2Streams streams;
  streams.insert(a, 9);
  streams.insert(b, 1);
  streams.insert(c, 33);
  EXPECT_EQ(ids_of(streams), (std::vector<uint32_t>{9, 1, 33}));
  streams.erase(b);
  EXPECT_EQ(ids_of(streams), (std::vector<uint32_t>{9, 33}));
  streams.erase(c);
  streams.insert(b, 35);
  EXPECT_EQ(ids_of(streams), (std::vector<uint32_t>{9, 35}));
  streams.erase(a);
  EXPECT_EQ(ids_of(streams), (std::vector<uint32_t>{35}));
}

TEST(H2Streams, VisitorMayEraseAnyStream) {
  for (size_t erased = 0; erased < 4; ++erased) {
    MappedStream all[4];
    H2Streams streams;
    for (uint32_t i = 0; i < 4; ++i) streams.insert(all[i], 2 * i + 1);
    std::vector<uint32_t> visited;
    streams.for_each([&](H2StreamState& stream) {
      visited.push_back(stream.id());
      if (stream.id() != 3) return;
      streams.erase(all[erased]);
      ids_of(streams);  // a visit within a visit
    });
    std::vector<uint32_t> expected{1, 3, 5, 7};
    if (erased > 1) expected.erase(expected.begin() + long(erased));
    EXPECT_EQ(visited, expected);
  }
}

TEST(H2Streams, VisitorMayEraseTheNextStreamWithinAnotherVisit) {
  MappedStream all[3];
  H2Streams streams;
  for (uint32_t i = 0; i < 3; ++i) streams.insert(all[i], 2 * i + 1);
  std::vector<uint32_t> visited;
  streams.for_each([&](H2StreamState& stream) {
    visited.push_back(stream.id());
    streams.for_each([&](H2StreamState& inner) {
      if (inner.id() == 3) streams.erase(all[1]);
    });
  });
  EXPECT_EQ(visited, (std::vector<uint32_t>{1, 5}));
}

TEST(H2Streams, VisitorMayInsertStreams) {
  MappedStream all[20];
  H2Streams streams;
  streams.insert(all[0], 1);
  streams.for_each([&](H2StreamState&) {
    for (uint32_t i = uint32_t(streams.size()); i < 20; ++i) streams.insert(all[i], 2 * i + 1);
  });
  EXPECT_EQ(ids_of(streams).size(), 20u);
}

TEST(H2Streams, DetachesAllStreamsWhenItIsDestroyed) {
  MappedStream stream;
  {
    H2Streams streams;
    streams.insert(stream, 1);
    EXPECT_TRUE(stream.attached());
  }
  EXPECT_FALSE(stream.attached());
}

}  // namespace
}  // namespace weir
