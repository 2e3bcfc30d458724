#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "cli/command_line.h"
#include "cli/man.h"

namespace weir::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

// The completions of a real bash for these words, of which the last is incomplete.
std::vector<std::string> offered(const std::vector<std::string>& words) {
  std::string path = testing::TempDir() + "/weir_completion_" + std::to_string(::getpid());
  std::ofstream(path) << bash_completion(describe_command_line());
  std::string line = "bash -c 'source " + path + "; COMP_WORDS=(";
  for (const std::string& word : words) line += "\"" + word + "\" ";
  line += "); COMP_CWORD=" + std::to_string(words.size() - 1) +
          "; _weir; printf \"%s\\n\" \"${COMPREPLY[@]}\"'";
  FILE* bash = ::popen(line.c_str(), "r");
  std::string text;
  char block[512];
  while (bash != nullptr && std::fgets(block, sizeof block, bash) != nullptr) text += block;
  EXPECT_EQ(::pclose(bash), 0);
  std::remove(path.c_str());
  std::vector<std::string> result;
  std::istringstream lines(text);
  for (std::string word; std::getline(lines, word);) {
    if (!word.empty()) result.push_back(word);
  }
  return result;
}

TEST(BashCompletion, OffersCommandsExceptHiddenOnes) {
  EXPECT_THAT(offered({"weir", ""}),
              AllOf(IsSupersetOf({"run", "proxy", "check", "drain", "config"}),
                    Not(Contains("demo-backend"))));
}

TEST(BashCompletion, OffersWordsWithTheGivenPrefix) {
  EXPECT_THAT(offered({"weir", "dr"}), ElementsAre("drain"));
  EXPECT_THAT(offered({"weir", "config", "d"}), ElementsAre("defaults"));
}

TEST(BashCompletion, OffersOptionsOfTheCommandAndGlobalOptions) {
  EXPECT_THAT(offered({"weir", "drain", "--"}), IsSupersetOf({"--watch", "--timeout", "--admin"}));
}

TEST(BashCompletion, OffersTheValuesOfAnOption) {
  EXPECT_THAT(offered({"weir", "check", "--format", "g"}), ElementsAre("github"));
  EXPECT_THAT(offered({"weir", "completion", "z"}), ElementsAre("zsh"));
}

TEST(ZshAndFishCompletion, ContainEveryCommandWithItsHelp) {
  CommandDescription program = describe_command_line();
  std::string zsh = zsh_completion(program), fish = fish_completion(program);
  for (const CommandDescription& command : program.commands) {
    EXPECT_THAT(zsh, HasSubstr("_weir_" + command.name + "() {"));
    EXPECT_THAT(fish, HasSubstr("-a " + command.name + " -d '" + command.help + "'"));
  }
  EXPECT_THAT(zsh, HasSubstr("'*--watch["));
  EXPECT_THAT(fish, HasSubstr("-l watch"));
}

TEST(ManPage, ContainsEveryCommandAndOption) {
  CommandDescription program = describe_command_line();
  std::string page = man_page(program, "1.2.3");
  EXPECT_THAT(page, AllOf(HasSubstr(".TH weir 1"), HasSubstr("weir 1.2.3"),
                          HasSubstr(".SH EXIT STATUS"), HasSubstr(".SS weir config show\n"),
                          HasSubstr("\\fB\\-\\-dry\\-run\\fR"), Not(HasSubstr("demo"))));
  for (const CommandDescription& command : program.commands) {
    EXPECT_THAT(page, HasSubstr(".SS weir " + command.name));
  }
}

}  // namespace
}  // namespace weir::cli
