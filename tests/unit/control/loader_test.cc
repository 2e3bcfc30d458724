#include "control/loader.h"

#include <future>

#include "support/test_loop.h"

namespace weir::test {
namespace {

constexpr const char* kConfig =
    "listeners: [{ bind: 127.0.0.1:0, cluster: c }]\nclusters: [{ name: c, backends: [127.0.0.1:1] "
    "}]\n";

config::Loaded load(const char* text) {
  return config::load_text(text, "test.yaml", [](const std::string&) { return std::nullopt; });
}

TEST(Loader, RequestDuringALoadCausesAnotherLoad) {
  TestLoop loop;
  std::promise<void> may_finish;
  std::shared_future<void> gate = may_finish.get_future().share();
  std::atomic<int> loads{0};
  std::promise<void> begun;
  Loader loader(loop.loop, [&] {
    if (loads++ == 0) begun.set_value();
    gate.wait();
    return load(kConfig);
  });
  int answered = 0;
  const auto count = [&](const auto& result) { answered += result->valid(); };
  loader.request(count);
  begun.get_future().wait();
  loader.request(count);
  loader.request(count);
  may_finish.set_value();
  EXPECT_TRUE(loop.run_until([&] { return answered == 3; }));
  EXPECT_EQ(loads, 2);  // the two waiting requests share one load
}

TEST(Loader, ReadsItsOwnConfigurationBeforeWaitingTexts) {
  TestLoop loop;
  std::promise<void> may_finish, begun;
  std::shared_future<void> gate = may_finish.get_future().share();
  std::atomic<int> loads{0};
  Loader loader(loop.loop, [&] {
    if (loads++ == 0) begun.set_value();
    gate.wait();
    return load(kConfig);
  });
  std::vector<std::string> order;
  const auto note = [&](const char* what) {
    return [&order, what](const auto&) { order.push_back(what); };
  };
  loader.request(note("first"));
  begun.get_future().wait();
  loader.request_text(kConfig, note("text"));
  loader.request_text(kConfig, note("another text"));
  loader.request(note("second"));
  may_finish.set_value();
  ASSERT_TRUE(loop.run_until([&] { return order.size() == 4; }));
  EXPECT_EQ(order, (std::vector<std::string>{"first", "second", "text", "another text"}));
}

TEST(Loader, DestructorDoesNotWaitForAHangingLoad) {
  struct Gate {
    std::promise<void> begun, may_finish, finished;
  };
  const auto gate = std::make_shared<Gate>();
  {
    TestLoop loop;
    Loader loader(loop.loop, [gate] {
      gate->begun.set_value();
      gate->may_finish.get_future().wait();
      gate->finished.set_value();
      return load(kConfig);
    });
    loader.request([](const auto&) { FAIL() << "called after the destruction of the owner"; });
    gate->begun.get_future().wait();
  }
  gate->may_finish.set_value();
  gate->finished.get_future().wait();
}

// For a request that ends without a result: its Done is destroyed without a call.
struct EndCounter {
  explicit EndCounter(int& count) : ended(count) {}
  ~EndCounter() { ++ended; }
  int& ended;
};

TEST(Loader, StopEndsAllRequestsIncludingLaterOnesWithoutWaitingForTheLoad) {
  struct Gate {
    std::promise<void> begun, may_finish, finished;
  };
  const auto gate = std::make_shared<Gate>();
  int ended = 0;
  const auto done = [&ended] {
    return [counter = std::make_shared<EndCounter>(ended)](const auto&) {
      FAIL() << "it was dropped";
    };
  };
  TestLoop loop;
  Loader loader(loop.loop, [gate] {
    gate->begun.set_value();
    gate->may_finish.get_future().wait();
    gate->finished.set_value();
    return load(kConfig);
  });
  loader.request(done());
  gate->begun.get_future().wait();
  loader.request(done());
  loader.request_text(kConfig, done());
  EXPECT_EQ(ended, 0);
  loader.stop();
  EXPECT_EQ(ended, 3);
  loader.request(done());
  loader.request_file("weir.yaml", done());
  loader.request_text(kConfig, done());
  EXPECT_EQ(ended, 6);
  gate->may_finish.set_value();
  gate->finished.get_future().wait();
}

TEST(Loader, UnresolvableNameIsNoFailureAndItsReasonIsKept) {
  const LoadResult invalid = Loader::load_now([] { return load("listeners: 5\n"); });
  EXPECT_FALSE(invalid.valid());
  EXPECT_FALSE(invalid.failure);
  const LoadResult unknown = Loader::load_now([] {
    return load(
        "listeners: [{ bind: 127.0.0.1:0, cluster: c }]\n"
        "clusters: [{ name: c, backends: [\"no-such-host.invalid:80\"] }]\n");
  });
  EXPECT_TRUE(unknown.valid());
  const BackendAddresses& found = unknown.candidate.addresses.at("no-such-host.invalid:80");
  EXPECT_TRUE(found.addresses.empty());
  EXPECT_NE(found.failure.find("no-such-host.invalid"), std::string::npos) << found.failure;
}

TEST(Loader, ResolvesNames) {
  const LoadResult result = Loader::load_now([] {
    return load(
        "listeners: [{ bind: 127.0.0.1:0, cluster: c }]\n"
        "clusters: [{ name: c, backends: [\"localhost:80\"] }]\n");
  });
  ASSERT_TRUE(result.valid());
  const std::vector<Address>& found = result.candidate.addresses.at("localhost:80").addresses;
  EXPECT_NE(std::find(found.begin(), found.end(), Address::loopback(80)), found.end());
}

}  // namespace
}  // namespace weir::test
