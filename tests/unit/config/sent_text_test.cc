// A text from a sender with fewer rights: weir reads nothing but the text itself.
#include <gtest/gtest.h>
#include <stdlib.h>

#include "config/load.h"
#include "config/print.h"

namespace weir::config {
namespace {

std::string codes(const Loaded& loaded) {
  std::string all;
  for (const Diagnostic& d : loaded.diagnostics) all += d.code + " ";
  return all;
}

const std::string kGood =
    "listeners: [{bind: ':8080', cluster: a}]\nclusters: [{name: a, backends: ['10.0.0.1:80']}]\n";

TEST(SentText, IsReadLikeAFile) {
  const Loaded loaded = load_sent_text(kGood);
  EXPECT_EQ(codes(loaded), "");
  EXPECT_EQ(loaded.model.listeners[0].bind[0], ":8080");
}

TEST(SentText, HasNoVariablesNotEvenWithADefault) {
  ::setenv("WEIR_TEST_SECRET", "hunter2", 1);
  for (const char* value : {"${WEIR_TEST_SECRET}", "${WEIR_TEST_SECRET:-x}", "a${NOT_SET:-x}b",
                            "${WEIR_TEST_SECRET:?no}"}) {
    const Loaded loaded =
        load_sent_text(kGood + "logging: {output: '/" + std::string(value) + "'}\n");
    EXPECT_EQ(codes(loaded), "E143 ") << value;
    EXPECT_EQ(loaded.diagnostics[0].message.find("hunter2"), std::string::npos);
    EXPECT_TRUE(loaded.env_names.empty());
  }
  ::unsetenv("WEIR_TEST_SECRET");
}

TEST(SentText, MayHoldTheCharactersOfAVariable) {
  const Loaded loaded = load_sent_text(kGood + "logging: {output: '/$${A}'}\n");
  EXPECT_EQ(codes(loaded), "");
  EXPECT_EQ(loaded.model.logging.output, "/${A}");
}

TEST(SentText, CannotIncludeFiles) {
  EXPECT_EQ(codes(load_sent_text("include: /etc/passwd\n" + kGood)), "E015 ");
}

TEST(SentText, NamesFilesThatAreNotRead) {
  const Loaded loaded = load_sent_text(
      "listeners: [{bind: ':8080', cluster: a, tls: {certificates: [{cert: /etc/shadow, key: "
      "/nonexistent/key}]}}]\nclusters: [{name: a, backends: ['10.0.0.1:80']}]\n"
      "logging: {output: /nonexistent/log}\n");
  EXPECT_EQ(codes(loaded), "");
  EXPECT_TRUE(loaded.model.watched_directories.empty());
}

TEST(SentText, YamlOfAModelLoadsAsAnEqualModel) {
  const Loaded file =
      load_text(kGood + "logging: {output: '/$${A}'}\nadmin: {socket: /x, socket_mode: 0660}\n",
                "f", process_environment());
  const Loaded sent = load_sent_text(to_yaml(file.model));
  EXPECT_EQ(codes(sent), "");
  EXPECT_EQ(sent.hash, file.hash);
}

}  // namespace
}  // namespace weir::config
