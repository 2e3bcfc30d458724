#include "http/field_lines.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

std::string fields_in(std::string_view lines) {
  std::string found;
  for (std::string_view name, value; next_field_line(lines, name, value);)
    found.append(name).append("=").append(value).append(";");
  return found;
}

TEST(FieldLines, AreTakenOneByOneWithoutTheBlanksAroundTheirValues) {
  EXPECT_EQ(fields_in(""), "");
  EXPECT_EQ(fields_in("a: 1\r\n"), "a=1;");
  EXPECT_EQ(fields_in("Grpc-Status:0\r\nempty: \r\nx: \t a: b \r\n"),
            "Grpc-Status=0;empty=;x=a: b;");
}

}  // namespace
}  // namespace weir
