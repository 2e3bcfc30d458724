// Tasks that the process performs once, for any number of workers: log files, health checks.
#include <signal.h>

#include <filesystem>

#include "support/config_text.h"
#include "support/file_text.h"
#include "support/load_server.h"
#include "support/session_pair.h"

namespace weir {
namespace {

using Behaviour = LoadServer::Behaviour;

// Waits for the text in the file, which may not exist yet. Sends requests to weir meanwhile: each
// response is an event after which the log advances.
bool await_text(const ProxyProcess& weir, const std::string& path, const std::string& text) {
  const TimePoint until = std::chrono::steady_clock::now() + kPatience;
  while (file_text(path).find(text) == std::string::npos) {
    if (std::chrono::steady_clock::now() > until) return false;
    weir.get("/live");
  }
  return true;
}

TEST(Process, ReopensItsLogFilesOnUsr1) {
  char folder[] = "/tmp/weir-logs-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string log = std::string(folder) + "/weir.log",
                    access = std::string(folder) + "/access";
  LoadServer echo(Behaviour::echo);
  const Address bind = free_address();
  const auto session = [&] {
    Socket client = Socket::connect(bind);
    EXPECT_TRUE(echoes(client, "hello"));
    client.finish();
    EXPECT_EQ(client.wait_end(), Socket::End::fin);
  };
  {
    ProxyProcess weir(
        simple(bind, {echo.address()},
               "logging:\n  output: " + log + "\n  access: {output: " + access + "}\n"));
    session();
    ASSERT_TRUE(await_text(weir, log, "server.ready"));
    ASSERT_TRUE(await_text(weir, access, "client_closed"));
    std::filesystem::rename(log, log + ".1");
    std::filesystem::rename(access, access + ".1");
    session();
    ASSERT_TRUE(weir.await_metric("weir_connections_ended_total", {}, 2));
    weir.signal(SIGUSR1);
    const TimePoint until = std::chrono::steady_clock::now() + kPatience;
    while (!std::filesystem::exists(access) && std::chrono::steady_clock::now() < until)
      weir.get("/live");
    session();
    EXPECT_TRUE(await_text(weir, access, "client_closed")) << "in the new file";
    EXPECT_NE(file_text(access + ".1").find("client_closed"), std::string::npos) << "kept";
    weir.signal(SIGTERM);
    EXPECT_TRUE(weir.wait() == 0);
    EXPECT_NE(file_text(log).find("server.drained"), std::string::npos);
    EXPECT_EQ(file_text(log + ".1").find("server.drained"), std::string::npos);
  }
  std::filesystem::remove_all(folder);
}

TEST(Process, ReportsAtOnceWhenALogCannotBeReopenedAndWhenItCanAgain) {
  char folder[] = "/tmp/weir-logs-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string logs = std::string(folder) + "/logs";
  std::filesystem::create_directory(logs);
  LoadServer echo(Behaviour::echo);
  {
    ProxyProcess weir(simple(free_address(), {echo.address()},
                             "logging: {access: {output: " + logs + "/access}}\n"));
    std::filesystem::rename(logs, logs + ".old");
    weir.signal(SIGUSR1);
    EXPECT_TRUE(weir.await_at_least("weir_log_output_errors_total", {{"log", "access"}}, 1));
    EXPECT_TRUE(weir.await_error("level=error event=log.output_failed log=access output=" + logs));
    EXPECT_EQ(weir.scrape().sum("weir_log_output_errors_total", {{"log", "messages"}}), 0);
    std::filesystem::create_directory(logs);
    EXPECT_TRUE(weir.await_error("event=log.output_works_again log=access"));
    EXPECT_TRUE(std::filesystem::exists(logs + "/access"));
  }
  std::filesystem::remove_all(folder);
}

// Backends at one address, whose check has these keys.
std::string checked(const Address& at, int backends, const std::string& check) {
  std::string text =
      "listeners: [{ name: web, bind: \"" + free_address().text() +
      "\", cluster: app }]\nclusters:\n  - name: app\n    health_check: { type: tcp, " + check +
      " }\n    backends:\n";
  for (int i = 0; i < backends; ++i)
    text += "      - { name: b" + std::to_string(i) + ", address: \"" + at.text() + "\" }\n";
  return text;
}

// With 64 checks at a time, all results would take eight timeouts.
TEST(Process, StartsAfterOneCheckTimeoutHoweverManyBackendsAreSilent) {
  Acceptor mute;
  const FullQueue queue(mute);
  const TimePoint before = std::chrono::steady_clock::now();
  ProxyProcess weir(checked(mute.address(), 500, "timeout: 4s"), {.await_ready = false});
  EXPECT_TRUE(weir.await_notification("EXTEND_TIMEOUT_USEC=10000000"));
  EXPECT_TRUE(weir.await_notification("READY=1"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 16s);
}

// With so few descriptors at most 64 checks run at a time: all first results take ten timeouts.
TEST(Process, StartsBeforeAllFirstResultsWhenFewChecksRunAtATime) {
  constexpr int kBackends = 640;
  Acceptor mute;
  const FullQueue queue(mute);
  ProxyProcess weir(checked(mute.address(), kBackends, "timeout: 2s, interval: 100s"),
                    {.descriptors = 512, .await_ready = false});
  ASSERT_TRUE(weir.await_notification("READY=1"));
  const Scrape scrape = weir.scrape();
  EXPECT_GT(scrape.sum("weir_backend_health_checks_total"), 0);
  EXPECT_LT(scrape.sum("weir_backend_health_checks_total"), kBackends / 2);
}

// Not once per worker: the health of a backend is common to all workers, and checks cost load.
TEST(Process, FourWorkersCheckABackendAsOftenAsOne) {
  constexpr Duration kInterval = 200ms;
  LoadServer backend(Behaviour::echo);
  const TimePoint start = std::chrono::steady_clock::now();
  ProxyProcess weir(
      config_text(listener("web", free_address(), "app"),
                  cluster("app", {backend.address()},
                          "health_check: {type: tcp, interval: 200ms, timeout: 200ms, "
                          "jitter: 0%}"),
                  "global:\n  workers: 4\n"));
  ASSERT_EQ(weir.scrape().sum("weir_backend_health_checks_total"),
            weir.scrape().sum("weir_backend_health_checks_total", {{"result", "ok"}}));
  const TimePoint until = start + kPatience;
  while (backend.counts().accepted < 10 && std::chrono::steady_clock::now() < until)
    weir.get("/live");
  const uint64_t seen = backend.counts().accepted;
  const Duration passed = std::chrono::steady_clock::now() - start;
  EXPECT_GE(seen, 10u);
  EXPECT_LE(seen, static_cast<uint64_t>(passed / kInterval) + 3) << "four times as many";
  EXPECT_LE(weir.scrape().sum("weir_backend_health_checks_total"),
            double(backend.counts().accepted) + 1);
}

}  // namespace
}  // namespace weir
