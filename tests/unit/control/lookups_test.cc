#include "control/lookups.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "config/load.h"
#include "support/fake_names.h"

namespace weir::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

config::Model model_of(const std::vector<std::string>& backends, const char* cluster = "c") {
  std::string text = std::string("listeners: [{ bind: \"127.0.0.1:0\", cluster: ") + cluster +
                     " }]\nclusters:\n  - name: " + cluster + "\n    backends:\n";
  for (const std::string& backend : backends) text += "      - \"" + backend + "\"\n";
  return config::load_text(text, "test.yaml", [](const std::string&) { return std::nullopt; })
      .model;
}

std::vector<std::string> names_up_to(const std::string& name, size_t n) {
  std::vector<std::string> names;
  for (size_t i = 0; i < n; ++i) names.push_back(name + std::to_string(i) + ".test:80");
  return names;
}

Address at(const char* text) {
  return *Address::parse(text);
}

TEST(Lookups, LooksUpNamesConcurrently) {
  // No lookup is answered before the maximum number of lookups is pending.
  struct Gate {
    std::mutex mutex;
    std::condition_variable open;
    size_t asked = 0;
  };
  const auto gate = std::make_shared<Gate>();
  Lookups lookups([gate](const std::string&) -> LookupAnswer {
    std::unique_lock lock(gate->mutex);
    if (++gate->asked >= Lookups::kAtOnce) gate->open.notify_all();
    gate->open.wait_for(lock, 10s, [&] { return gate->asked >= Lookups::kAtOnce; });
    return {{at("10.0.0.1:1").with_port(0)}, {}};
  });
  const ResolvedAddresses found = lookups.resolve(model_of(names_up_to("n", 100)));
  EXPECT_EQ(found.size(), 100u);
  for (const auto& [text, backend] : found)
    EXPECT_THAT(backend.addresses, ElementsAre(at("10.0.0.1:80"))) << text;
}

TEST(Lookups, NamesWithASilentServerDoNotBlockOtherLookups) {
  struct Gate {
    std::promise<void> open;
    std::shared_future<void> opened = open.get_future().share();
  };
  const auto gate = std::make_shared<Gate>();
  Lookups lookups([gate](const std::string& host) -> LookupAnswer {
    if (host.starts_with("silent")) gate->opened.wait();
    return {{at("10.0.0.1:1").with_port(0)}, {}};
  });
  for (size_t i = 0; i < 3 * Lookups::kAtOnce; ++i)
    lookups.start("silent" + std::to_string(i) + ".test");
  const ResolvedAddresses found = lookups.resolve(model_of({"good.test:80"}));
  EXPECT_THAT(found.at("good.test:80").addresses, ElementsAre(at("10.0.0.1:80")));
  gate->open.set_value();
}

TEST(Lookups, BackendOfAnotherClusterKeepsTheLastAddressOfAName) {
  FakeNames names;
  names.set("db.test", {"10.0.0.1", "10.0.0.2"});
  Lookups lookups(names.look_up());
  lookups.resolve(model_of({"db.test:80"}));
  names.set("db.test", {});
  const ResolvedAddresses found = lookups.resolve(model_of({"db.test:443"}, "other"));
  EXPECT_THAT(found.at("db.test:443").addresses,
              ElementsAre(at("10.0.0.1:443"), at("10.0.0.2:443")));
  EXPECT_EQ(names.lookups("db.test"), 2u);
}

TEST(Lookups, NameWithoutAddressesReportsWhyAndOthersResolve) {
  FakeNames names;
  names.set("good.test", {"10.0.0.1"});
  Lookups lookups(names.look_up());
  const ResolvedAddresses found =
      lookups.resolve(model_of({"bad.test:80", "good.test:80", "10.1.1.1:80", "unix:/run/x"}));
  EXPECT_THAT(found.at("bad.test:80").addresses, IsEmpty());
  EXPECT_THAT(found.at("bad.test:80").failure, HasSubstr("bad.test"));
  EXPECT_THAT(found.at("good.test:80").addresses, ElementsAre(at("10.0.0.1:80")));
  EXPECT_THAT(found.at("10.1.1.1:80").addresses, ElementsAre(at("10.1.1.1:80")));
  EXPECT_THAT(found.at("unix:/run/x").addresses, ElementsAre(at("unix:/run/x")));
  EXPECT_EQ(names.lookups("10.1.1.1"), 0u);
}

TEST(Lookups, ForgetsNamesThatNoConfigurationUses) {
  FakeNames names;
  names.set("a.test", {"10.0.0.1"});
  Lookups lookups(names.look_up());
  lookups.resolve(model_of({"a.test:80"}));
  lookups.keep_only({});
  EXPECT_THAT(lookups.known(model_of({"a.test:80"})).at("a.test:80").addresses, IsEmpty());
}

TEST(Lookups, DestructorDoesNotWaitForAHangingLookup) {
  struct Gate {
    std::promise<void> begun, may_finish, finished;
  };
  const auto gate = std::make_shared<Gate>();
  {
    Lookups lookups([gate](const std::string&) -> LookupAnswer {
      gate->begun.set_value();
      gate->may_finish.get_future().wait();
      gate->finished.set_value();
      return {};
    });
    lookups.on_answered([] { FAIL() << "called after the destruction of the owner"; });
    lookups.start("hangs.test");
    gate->begun.get_future().wait();
  }
  gate->may_finish.set_value();
  gate->finished.get_future().wait();
}

TEST(Lookups, SystemResolvesLocalhostAndReportsWhyOthersFail) {
  const LookupAnswer answer = look_up_host("localhost");
  EXPECT_THAT(answer.addresses, testing::Contains(Address::loopback(0)));
  EXPECT_EQ(answer.failure, "");
  const LookupAnswer none = look_up_host("a..test");  // an invalid name: no query to a server
  EXPECT_THAT(none.addresses, IsEmpty());
  EXPECT_THAT(none.failure, HasSubstr("cannot look up 'a..test': "));
}

}  // namespace
}  // namespace weir::test
