#include "http/h2_priority.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

struct PriorityRow {
  const char* value;
  unsigned urgency;
  bool incremental;
};

// RFC 9218 4: the defaults are urgency 3, not incremental; what is not understood is ignored.
TEST(H2Priority, ReadsUrgencyAndIncrementalAndIgnoresTheRest) {
  for (const PriorityRow& row : std::initializer_list<PriorityRow>{{"", 3, false},
                                                                   {"u=0", 0, false},
                                                                   {"u=7, i", 7, true},
                                                                   {"i", 3, true},
                                                                   {"i=?1,u=1", 1, true},
                                                                   {"i=?0", 3, false},
                                                                   {"u=8", 3, false},
                                                                   {"u=-1", 3, false},
                                                                   {"u=1.5", 3, false},
                                                                   {"u=2;a=1, i;b", 2, true},
                                                                   {"x=1, u=5", 5, false},
                                                                   {"U=1", 3, false},
                                                                   {"u=\"1\"", 3, false},
                                                                   {"i, i=?0", 3, false},
                                                                   {"u=1, u=6", 6, false}}) {
    const H2Priority priority = parse_h2_priority(row.value);
    EXPECT_EQ(priority.urgency, row.urgency) << row.value;
    EXPECT_EQ(priority.incremental, row.incremental) << row.value;
  }
}

}  // namespace
}  // namespace weir
