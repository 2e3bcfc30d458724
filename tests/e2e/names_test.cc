// Host names of backends: with any result of the lookups, weir starts, reloads, serves the backends
// that it can reach, and stops.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/session_pair.h"
#include "support/temp_folder.h"
#include "support/weir_build.h"
#include "support/weir_command.h"

namespace weir {
namespace {

using Behaviour = LoadServer::Behaviour;
using testing::HasSubstr;

constexpr size_t kAtOnce = 64;  // lookups, as Lookups has them

class NamesOfBackends : public testing::Test {
 protected:
  // Sets the results of lookups, in the format of fake_names.cc.
  void names(const std::string& lines) {
    const std::string path = folder_ / "names";
    std::ofstream(path + ".new") << lines;
    std::filesystem::rename(path + ".new", path);
  }
  ProxyOptions options() const {
    ProxyOptions options;
    options.environment = {"LD_PRELOAD=" + weir_module("fake_names"),
                           "ASAN_OPTIONS=verify_asan_link_order=0",
                           "WEIR_TEST_NAMES=" + (folder_ / "names")};
    return options;
  }
  std::string config(const std::vector<std::string>& backends, const std::string& more = {}) {
    std::string text = fmt::format(
        "listeners: [{{ name: web, bind: \"{}\", cluster: app }}]\n"
        "clusters:\n  - name: app\n    backends:\n",
        bind_.text());
    for (const std::string& backend : backends) text += "      - \"" + backend + "\"\n";
    return text + more;
  }
  std::string at(const char* host) const {
    return fmt::format("{}:{}", host, echo_.address().port());
  }
  bool serves() {
    Socket client = Socket::connect(bind_);
    return client && echoes(client, "hello");
  }
  static nlohmann::json backend(const ProxyProcess& weir, size_t i = 0) {
    return weir.get("/v1/status").json()["clusters"][0]["backends"][i];
  }

  test::TempFolder folder_;
  LoadServer echo_{Behaviour::echo};
  const Address bind_ = free_address();
};

TEST_F(NamesOfBackends, UnresolvableNameFailsNeitherStartNorReload) {
  names("no-such-host.invalid fail\n");
  ProxyProcess weir(config({"no-such-host.invalid:80", echo_.address().text()}), options());
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(serves());
  EXPECT_EQ(backend(weir)["status"], "down");
  EXPECT_THAT(backend(weir)["failure"].get<std::string>(), HasSubstr("no-such-host.invalid"));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.sum("weir_backend_up", {{"backend", "no-such-host.invalid:80"}}), 0);
  EXPECT_EQ(scrape.sum("weir_backend_addresses", {{"backend", "no-such-host.invalid:80"}}), 0);
  EXPECT_EQ(scrape.sum("weir_backend_addresses", {{"backend", echo_.address().text()}}), 1);
  EXPECT_TRUE(weir.await_error("backend.unresolved"));
  weir.write_config(
      config({"no-such-host.invalid:80", echo_.address().text()}, "drain: { timeout: 7s }\n"));
  EXPECT_EQ(weir.reload().json()["result"], "ok");
  EXPECT_TRUE(serves());
}

TEST_F(NamesOfBackends, StartThatFailsAfterTheLookupsExitsWithItsError) {
  names("app.test 127.0.0.1\n");
  const LoadServer other(Behaviour::echo);
  ProxyOptions with_names = options();
  with_names.await_ready = false;
  ProxyProcess weir(fmt::format("listeners: [{{ name: web, bind: \"{}\", cluster: app }}]\n"
                                "clusters: [{{ name: app, backends: [\"{}\"] }}]\n",
                                other.address().text(), at("app.test")),
                    with_names);
  EXPECT_EQ(weir.wait(), 1);
  EXPECT_THAT(weir.errors(), HasSubstr("in use"));
}

TEST_F(NamesOfBackends, StartsWithoutAnyAddressAndServesOnceALookupSucceeds) {
  names("app.test fail\n");
  ProxyProcess weir(config({at("app.test")}, "global: { resolve_interval: 100ms }\n"), options());
  Socket refused = Socket::connect(bind_);
  EXPECT_NE(refused.wait_end(), Socket::End::open);
  names("app.test 127.0.0.1\n");
  EXPECT_TRUE(weir.await_metric("weir_backend_addresses", {{"backend", at("app.test")}}, 1));
  EXPECT_TRUE(serves());
  EXPECT_EQ(backend(weir)["address"], echo_.address().text());
}

TEST_F(NamesOfBackends, ReloadDuringANameServerFailureKeepsTheAddressAlsoOfARenamedBackend) {
  names("app.test 127.0.0.1\n");
  ProxyProcess weir(config({at("app.test")}), options());
  EXPECT_TRUE(serves());
  names("app.test fail\n");
  weir.write_config(
      fmt::format("listeners: [{{ name: web, bind: \"{}\", cluster: other }}]\n"
                  "clusters: [{{ name: other, backends: [{{ name: renamed, address: {} }}] }}]\n",
                  bind_.text(), at("app.test")));
  EXPECT_EQ(weir.reload().json()["result"], "ok");
  EXPECT_TRUE(serves());
  EXPECT_EQ(backend(weir)["address"], echo_.address().text());
}

TEST_F(NamesOfBackends, AreLookedUpConcurrently) {
  const std::string asked_path = folder_ / "asked", go_path = folder_ / "go";
  ASSERT_EQ(::mkfifo(asked_path.c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(go_path.c_str(), 0600), 0);
  const UniqueFd asked(::open(asked_path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string lines;
  std::vector<std::string> backends;
  for (int i = 0; i < 100; ++i) {
    lines += fmt::format("n{}.test gate {} {} 127.0.0.1\n", i, asked_path, go_path);
    backends.push_back(at(fmt::format("n{}.test", i).c_str()));
  }
  names(lines);
  ProxyOptions with_names = options();
  with_names.await_ready = false;
  ProxyProcess weir(config(backends), with_names);
  // No lookup is answered before the maximum number of lookups is pending.
  for (size_t n = 0; n < kAtOnce;) {
    ASSERT_TRUE(wait_ready(asked.get(), POLLIN)) << n;
    char bytes[256];
    const ssize_t more = ::read(asked.get(), bytes, sizeof bytes);
    ASSERT_GT(more, 0) << n;
    n += static_cast<size_t>(more);
  }
  const UniqueFd go(::open(go_path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(weir.await_notification("READY=1"));
  EXPECT_TRUE(weir.await_metric("weir_backend_addresses", {}, 100));
  EXPECT_TRUE(serves());
}

TEST_F(NamesOfBackends, TerminatesAtOnceWhileTheFirstLookupHangs) {
  const std::string fifo = folder_ / "asked";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  names("app.test hang " + fifo + "\n");
  const UniqueFd asked(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(asked);
  ProxyOptions with_names = options();
  with_names.await_ready = false;
  ProxyProcess weir(config({at("app.test")}), with_names);
  ASSERT_TRUE(wait_ready(asked.get(), POLLIN));
  const TimePoint before = std::chrono::steady_clock::now();
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 128 + SIGTERM);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
}

TEST_F(NamesOfBackends, DrainsAndExitsWhileALookupHangs) {
  const std::string fifo = folder_ / "asked";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  names("app.test 127.0.0.1\n");
  const UniqueFd asked(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ProxyProcess weir(config({at("app.test")}, "global: { resolve_interval: 100ms }\n"), options());
  names("app.test hang " + fifo + "\n");
  ASSERT_TRUE(wait_ready(asked.get(), POLLIN));
  EXPECT_TRUE(serves());
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 0);
}

TEST_F(NamesOfBackends, DrainsAndExitsAtOnceWhileALargeReloadAwaitsALookup) {
  const std::string fifo = folder_ / "asked";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  names("app.test 127.0.0.1\nslow.test hang " + fifo + "\n");
  const UniqueFd asked(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ProxyProcess weir(config({at("app.test")}), options());
  std::vector<std::string> backends{at("slow.test")};
  for (int i = 0; i < 10'000; ++i)
    backends.push_back(fmt::format("127.1.{}.{}:9", i / 250, 1 + i % 250));
  weir.write_config(config(backends));
  Socket asker = Socket::connect(weir.admin_address());
  ASSERT_TRUE(asker.send("POST /v1/reload?wait=1 HTTP/1.1\r\nhost: weir\r\n\r\n"));
  ASSERT_TRUE(wait_ready(asked.get(), POLLIN)) << "the reload is in progress, and continues";
  const TimePoint before = std::chrono::steady_clock::now();
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
  EXPECT_EQ(asker.receive(12), "HTTP/1.1 503");
  EXPECT_EQ(weir.errors().find("config.reloaded"), std::string::npos);
}

TEST_F(NamesOfBackends, AreReportedByCheckWhenAsked) {
  names("no-such-host.invalid fail\nlocalhost 127.0.0.1\n");
  const auto check = [&](const std::string& flags) {
    return run_weir("check " + flags + " weir.yaml", folder_ / "", {}, options().environment);
  };
  const std::string path = folder_ / "weir.yaml";
  std::ofstream(path) << config({"no-such-host.invalid:80", at("localhost")});
  const CommandOutcome plain = check("");
  EXPECT_EQ(plain.code, 0);
  EXPECT_EQ(plain.out.find("no-such-host"), std::string::npos);
  const CommandOutcome resolved = check("--resolve");
  EXPECT_EQ(resolved.code, 0);
  EXPECT_THAT(resolved.out, HasSubstr("weir.yaml:5:9: warning[W252]: cannot look up "
                                      "'no-such-host.invalid'"));
  EXPECT_THAT(resolved.err, HasSubstr("cluster app: " + at("localhost") + ": "));
  EXPECT_THAT(resolved.err, HasSubstr(echo_.address().text()));
  EXPECT_EQ(check("--strict --resolve").code, 78);
}

}  // namespace
}  // namespace weir
