#include "metrics/request_counts.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

uint64_t count(const RequestCounts& counts, RequestMethod method, uint16_t code) {
  for (const auto& entry : counts.entries)
    if (entry.method == method && entry.code == code) return entry.value;
  return 0;
}

TEST(RequestCounts, MakesAPairWhenItIsFirstCounted) {
  RequestCounts counts;
  EXPECT_TRUE(counts.entries.empty());
  counts.add(RequestMethod::POST, 201);
  counts.add(RequestMethod::GET, 200);
  counts.add(RequestMethod::GET, 200);
  EXPECT_EQ(counts.entries.size(), 2u);
  EXPECT_EQ(count(counts, RequestMethod::GET, 200), 2u);
  EXPECT_EQ(count(counts, RequestMethod::POST, 201), 1u);
  EXPECT_EQ(counts.sum(), 3u);
}

TEST(RequestCounts, AddsThoseOfAnotherWorker) {
  RequestCounts a, b;
  a.add(RequestMethod::GET, 200);
  b.add(RequestMethod::GET, 200);
  b.add(RequestMethod::HEAD, 503);
  a += b;
  EXPECT_EQ(count(a, RequestMethod::GET, 200), 2u);
  EXPECT_EQ(count(a, RequestMethod::HEAD, 503), 1u);
}

TEST(RequestCounts, FoldsInvalidStatuses) {
  RequestCounts counts;
  counts.add(RequestMethod::GET, 0);
  counts.add(RequestMethod::GET, 600);
  counts.add(RequestMethod::GET, 999);
  EXPECT_EQ(count(counts, RequestMethod::GET, RequestCounts::kOtherCode), 2u);
  EXPECT_EQ(RequestCounts::code_text(RequestCounts::kNoCode), "none");
  EXPECT_EQ(RequestCounts::code_text(RequestCounts::kOtherCode), "other");
  EXPECT_EQ(RequestCounts::code_text(404), "404");
}

TEST(RequestMethod, FoldsUnknownMethods) {
  EXPECT_EQ(request_method("PATCH"), RequestMethod::PATCH);
  EXPECT_EQ(request_method("get"), RequestMethod::other);
  EXPECT_EQ(request_method("BREW"), RequestMethod::other);
  EXPECT_EQ(request_method(""), RequestMethod::other);
}

TEST(CodeClass, IsThatOfTheStatus) {
  EXPECT_STREQ(text(code_class(0)), "none");
  EXPECT_STREQ(text(code_class(101)), "1xx");
  EXPECT_STREQ(text(code_class(204)), "2xx");
  EXPECT_STREQ(text(code_class(599)), "5xx");
  EXPECT_STREQ(text(code_class(799)), "5xx");
}

// A backend may answer with any status, and a client may send any method.
TEST(RequestCounts, KeepsABoundedNumberOfPairs) {
  RequestCounts counts;
  for (unsigned status = 100; status < 600; ++status) counts.add(RequestMethod::GET, status);
  EXPECT_EQ(counts.entries.size(), RequestCounts::kMostPairs + 1);
  EXPECT_EQ(counts.sum(), 500u);
  counts.add(RequestMethod::GET, 100);
  EXPECT_EQ(counts.entries.front().value, 2u) << "a pair that is known goes on";
  EXPECT_EQ(counts.entries.back().code, RequestCounts::kOtherCode);
}

}  // namespace
}  // namespace weir
