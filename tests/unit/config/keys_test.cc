#include "config/keys.h"
#include "config/route_tests.h"

#include <set>

namespace weir::config {
namespace {

// A default-made object of each struct of the table.
template <typename T>
void* fresh() {
  static T object;
  object = T{};
  return &object;
}
void* fresh(Struct type) {
  switch (type) {
    // clang-format off
#define STRUCT(name, title, help) case Struct::name: return fresh<name>();
#include "config/keys.def"
    // clang-format on
  }
  return nullptr;
}

TEST(Keys, DefaultsOfTheTableAreThoseOfTheModel) {
  size_t compared = 0;
  for (const Key& key : keys()) {
    if (!key.type) continue;
    const std::vector<std::string> values = texts(key, fresh(key.owner));
    const std::string value = values.empty() ? "" : values[0];
    EXPECT_EQ(value, key.literal_default() ? key.default_text : "")
        << structs()[size_t(key.owner)].name << '.' << key.name;
    ++compared;
  }
  EXPECT_GT(compared, 120u);
}

TEST(Keys, DefaultsReadBackAsThemselves) {
  for (const Key& key : keys()) {
    if (!key.type || !key.literal_default()) continue;
    if (key.kind == Key::Kind::map) continue;
    // Reads the text over the model's default: the type must accept it.
    void* owner = fresh(key.owner);
    const std::optional<Problem> problem = key.type->read(key.default_text, key.at(owner, 0));
    EXPECT_FALSE(problem) << key.name << ": " << problem->message;
    EXPECT_EQ(texts(key, owner)[0], key.default_text) << key.name;
  }
}

TEST(Keys, EveryKeyIsExplainedAndNamedOnce) {
  for (const StructRow& row : structs()) {
    std::set<std::string_view> names;
    EXPECT_FALSE(keys_of(row.id).empty()) << row.name;
    for (const Key& key : keys_of(row.id)) {
      EXPECT_TRUE(names.insert(key.name).second) << row.name << '.' << key.name;
      EXPECT_STRNE(key.since, "") << key.name;
      if (key.kind != Key::Kind::section) {
        EXPECT_STRNE(key.help, "") << row.name << '.' << key.name;
      }
      EXPECT_FALSE(is_later(key.name)) << key.name << " is a key of this version";
    }
  }
}

TEST(Keys, RowsOfAStructAreAdjacent) {
  size_t sum = 0;
  for (const StructRow& row : structs()) sum += keys_of(row.id).size();
  EXPECT_EQ(sum, keys().size());
}

TEST(Keys, KeysOfOneProtocolFollowTheKeyThatSelectsIt) {
  size_t only = 0;
  for (const StructRow& row : structs()) {
    bool chosen = row.id != Struct::Listener && row.id != Struct::HealthCheck;
    for (const Key& key : keys_of(row.id)) {
      chosen = chosen || chooses(key);
      if (only_for(key).empty()) continue;
      EXPECT_TRUE(chosen) << row.name << '.' << key.name;
      EXPECT_TRUE(only_for(key) == "http" || only_for(key) == "tcp" || only_for(key) == "grpc");
      ++only;
    }
  }
  EXPECT_GT(only, 20u);
}

TEST(Keys, KeysWithTheDefaultOfAnotherKeyNameOneOfTheSameMap) {
  for (const Key& key : keys())
    if (!key.same_as().empty()) {
      EXPECT_NE(find_key(key.owner, key.same_as()), nullptr) << key.name;
    }
}

}  // namespace
}  // namespace weir::config
