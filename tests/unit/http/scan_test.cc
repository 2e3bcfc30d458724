// The scan in blocks finds what the scan byte by byte finds.
#include "http/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/random.h"
#include "http/chars.h"

namespace weir {
namespace {

// Both scans of a text in memory of exactly its size: reading outside of it is an error for ASan.
void compare(std::string_view text) {
  auto memory = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), memory.get());
  const std::string_view exact(memory.get(), text.size());
  for (size_t from = 0; from <= exact.size(); ++from)
    ASSERT_EQ(find_not_field_text(exact, from), find_not_field_text_scalar(exact, from))
        << "from " << from << " of " << exact.size();
  for (size_t from = 0; from <= exact.size(); ++from)
    ASSERT_EQ(find_not_target_text(exact, from), find_not_target_text_scalar(exact, from))
        << "from " << from << " of " << exact.size();
  ASSERT_EQ(find_colon(exact), std::min(exact.find(':'), exact.size()));
}

TEST(FieldTextScan, StopsAtEveryByteThatIsNoFieldTextAndAtNoOther) {
  for (int c = 0; c < 256; ++c) {
    for (size_t size : {1u, 15u, 16u, 17u, 40u}) {
      std::string text(size, 'a');
      for (size_t at : {size_t(0), size / 2, size - 1}) {
        text[at] = char(c);
        EXPECT_EQ(find_not_field_text(text, 0), is(kFieldText, char(c)) ? size : at) << c;
        text[at] = 'a';
      }
    }
  }
}

TEST(TargetTextScan, StopsAtEveryByteThatIsNoTargetTextAndAtNoOther) {
  for (int c = 0; c < 256; ++c) {
    std::string text(40, 'a');
    for (size_t at : {size_t(0), size_t(20), size_t(39)}) {
      text[at] = char(c);
      EXPECT_EQ(find_not_target_text(text, 0), is(kTargetText, char(c)) ? text.size() : at) << c;
      text[at] = 'a';
    }
  }
}

TEST(FieldTextScan, AgreesWithItsScalarTwinForEveryLengthAndPlace) {
  for (size_t size = 0; size < 70; ++size) {
    compare(std::string(size, 'x'));
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '\r';
      compare(text);
    }
  }
}

TEST(FieldTextScan, AgreesWithItsScalarTwinOnRandomBytesAtEveryAlignment) {
  Random random(8);
  std::string memory;
  for (int round = 0; round < 300; ++round) {
    memory.clear();
    const size_t size = random.below(200);
    const uint64_t rare = 1 + random.below(40);
    while (memory.size() < size)
      memory += random.below(rare) == 0 ? char(random.below(256)) : char('a' + random.below(26));
    for (size_t skip = 0; skip < std::min<size_t>(17, size); ++skip) {
      const std::string_view text = std::string_view(memory).substr(skip);
      for (size_t from = 0; from <= text.size(); from += 1 + random.below(5))
        ASSERT_EQ(find_not_field_text(text, from), find_not_field_text_scalar(text, from));
    }
    compare(memory);
  }
}

}  // namespace
}  // namespace weir
