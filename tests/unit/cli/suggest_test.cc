#include "cli/suggest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::Optional;

std::optional<std::string> unknown(std::vector<std::string_view> words) {
  return unknown_word(describe_command_line(), words);
}

TEST(UnknownWord, SuggestsACommand) {
  EXPECT_THAT(unknown({"stauts"}),
              Optional(std::string("'weir' has no command 'stauts'; did you mean 'status'?")));
  EXPECT_THAT(unknown({"config", "shwo"}),
              Optional(HasSubstr("'weir config' has no command 'shwo'; did you mean 'show'?")));
}

TEST(UnknownWord, SuggestsAnOption) {
  EXPECT_THAT(unknown({"proxy", "--form", ":80"}),
              Optional(std::string("'weir proxy' has no option '--form'; did you mean '--from'?")));
  EXPECT_THAT(unknown({"reload", "--dryrun"}), Optional(HasSubstr("did you mean '--dry-run'?")));
}

TEST(UnknownWord, SuggestsNothingWithoutASimilarWord) {
  EXPECT_THAT(unknown({"teleport"}), Optional(std::string("'weir' has no command 'teleport'")));
}

TEST(UnknownWord, IgnoresValuesOfOptions) {
  EXPECT_EQ(unknown({"--config", "nonsense", "status"}), std::nullopt);
  EXPECT_EQ(unknown({"-c", "nonsense", "status", "--json"}), std::nullopt);
  EXPECT_EQ(unknown({"--config=nonsense", "check"}), std::nullopt);
}

TEST(UnknownWord, AcceptsGlobalOptionsAfterACommand) {
  EXPECT_EQ(unknown({"drain", "--watch", "--admin", "unix:/x", "-q"}), std::nullopt);
}

TEST(UnknownWord, IgnoresPositionalsAndHiddenCommands) {
  EXPECT_EQ(unknown({"check", "weir.yaml"}), std::nullopt);
  EXPECT_EQ(unknown({"demo-backend", "--anything"}), std::nullopt);
}

}  // namespace
}  // namespace weir::cli
