// The commands that use the admin API, with a running weir.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "support/load_server.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"
#include "support/weir_command.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class AdminVerbs : public testing::Test {
 protected:
  AdminVerbs() : listen_(free_address()), proxy_(config("round_robin")) {}

  std::string config(const std::string& balance) const {
    return "listeners:\n  - name: front\n    bind: " + listen_.text() +
           "\n    cluster: app\nclusters:\n  - name: app\n    balance: " + balance +
           "\n    backends: [\"" + backend_.address().text() +
           "\"]\ndrain: { timeout: 20s, linger: 500ms, spread: 0s }\n";
  }
  CommandOutcome weir(const std::string& arguments) {
    return run_weir(arguments, proxy_.directory(), proxy_.admin_address().text());
  }
  // A client and the backend's end of its session, both known to be connected through weir.
  std::pair<Socket, Socket> session() {
    Socket client = Socket::connect(listen_);
    Socket server = backend_.accept();
    EXPECT_TRUE(client.send("x"));
    EXPECT_EQ(server.receive(1), "x");
    return {std::move(client), std::move(server)};
  }
  Acceptor backend_;
  Address listen_;
  ProxyProcess proxy_;
};

TEST_F(AdminVerbs, StatusShowsListenersAndBackends) {
  ASSERT_TRUE(proxy_.ready());
  auto [client, server] = session();
  CommandOutcome page = weir("status");
  EXPECT_EQ(page.code, 0);
  EXPECT_THAT(page.err, IsEmpty());
  EXPECT_THAT(page.out,
              AllOf(StartsWith("weir "), HasSubstr("generation 1"), HasSubstr("front"),
                    HasSubstr(backend_.address().text()), HasSubstr("connections: 1 open")));
  nlohmann::json status = nlohmann::json::parse(weir("status --json").out, nullptr, false);
  ASSERT_TRUE(status.is_object());
  EXPECT_EQ(status["listeners"][0]["active"], 1);
}

TEST_F(AdminVerbs, WatchedStatusEndsWhenItsReaderCloses) {
  FILE* pipe = ::popen(("timeout 30 sh -c '" + weir_binary() + " status --watch --admin " +
                        proxy_.admin_address().text() + " | head -n 1'; echo $?")
                           .c_str(),
                       "r");
  char block[4096];
  std::string out;
  while (std::fgets(block, sizeof block, pipe) != nullptr) out += block;
  ::pclose(pipe);
  EXPECT_THAT(out, AllOf(StartsWith("weir "), testing::EndsWith("\n0\n")));
}

TEST_F(AdminVerbs, ReloadReportsWhatChangedAndWhatDidNot) {
  EXPECT_THAT(weir("reload --wait").out, HasSubstr("nothing changes"));
  proxy_.write_config(config("random"));
  CommandOutcome planned = weir("reload --dry-run");
  EXPECT_EQ(planned.code, 0);
  EXPECT_THAT(planned.out,
              AllOf(HasSubstr("a reload would make 1 change"), HasSubstr("round_robin → random")));
  EXPECT_THAT(weir("plan -c " + proxy_.config_path()).out, HasSubstr("round_robin → random"));
  EXPECT_THAT(weir("status").out, HasSubstr("generation 1")) << "a plan changes nothing";
  CommandOutcome reloaded = weir("reload --wait");
  EXPECT_EQ(reloaded.code, 0) << reloaded.err;
  EXPECT_THAT(reloaded.out,
              AllOf(HasSubstr("reloaded, generation 2"), HasSubstr("round_robin → random")));
  EXPECT_THAT(weir("status").out, HasSubstr("generation 2"));
}

TEST_F(AdminVerbs, ReloadReportsChangesThatNeedARestartUntilNoneIsLeft) {
  const std::string more = "global: { workers: 7 }\n";
  proxy_.write_config(config("round_robin") + more);
  EXPECT_THAT(weir("reload --wait").out,
              AllOf(HasSubstr("reloaded, generation 2, 1 change"), HasSubstr("[restart]")));
  EXPECT_THAT(weir("reload --wait").out,
              AllOf(HasSubstr("nothing changes; these changes need a restart:"),
                    HasSubstr("global.workers: auto → 7")));
  proxy_.write_config(config("round_robin"));
  EXPECT_THAT(weir("reload --wait").out, StartsWith("reloaded, generation 3\n"));
  EXPECT_THAT(weir("reload --wait").out, StartsWith("nothing changes\n"));
}

TEST_F(AdminVerbs, ReloadWaitsUnlessNoWaitIsGiven) {
  proxy_.write_config(config("random"));
  CommandOutcome reloaded = weir("reload");
  EXPECT_EQ(reloaded.code, 0) << reloaded.err;
  EXPECT_THAT(reloaded.out, HasSubstr("reloaded, generation 2"));
  CommandOutcome asked = weir("reload --no-wait");
  EXPECT_EQ(asked.code, 0) << asked.err;
  EXPECT_THAT(asked.err, HasSubstr("reload accepted"));
  EXPECT_EQ(weir("reload --wait --no-wait").code, 2);
}

TEST_F(AdminVerbs, JsonOptionPrintsTheUnmodifiedResponse) {
  const auto json = [](const CommandOutcome& outcome) {
    return nlohmann::json::parse(outcome.out, nullptr, false);
  };
  proxy_.write_config(config("random"));
  EXPECT_EQ(json(weir("plan --json weir.yaml"))["result"], "planned");
  EXPECT_EQ(json(weir("reload --json --dry-run"))["changes"][0]["to"], "random");
  EXPECT_EQ(json(weir("reload --json"))["generation"], 2);
  EXPECT_EQ(json(weir("reload --json --no-wait"))["result"], "accepted");
  proxy_.write_config(config("rond"));
  CommandOutcome bad = weir("reload --json");
  EXPECT_EQ(bad.code, 78);
  EXPECT_EQ(json(bad)["diagnostics"][0]["line"], 7) << bad.out;
  const nlohmann::json shown =
      json(run_weir("config show --json -c weir.yaml", proxy_.directory()));
  EXPECT_EQ(shown["valid"], false);
  auto [client, server] = session();
  EXPECT_EQ(json(weir("drain --json"))["phase"], "draining");
}

TEST_F(AdminVerbs, ConfigShowAsJsonHasTheValuesAndTheirSources) {
  const auto shown = [&](const std::string& flags) {
    return nlohmann::json::parse(
        run_weir("config show --json -c weir.yaml " + flags, proxy_.directory()).out, nullptr,
        false);
  };
  EXPECT_EQ(shown("")["listeners"][0]["name"], "front");
  EXPECT_FALSE(shown("")["drain"].contains("delay"));
  const nlohmann::json effective = shown("--effective");
  EXPECT_EQ(effective["values"]["drain"]["delay"], "0s");
  EXPECT_EQ(effective["values"]["listeners"][0]["backlog"], 4096);
  EXPECT_EQ(effective["origins"]["listeners[0].name"]["line"], 2);
}

TEST_F(AdminVerbs, ReportsAServerThatIsNotWeir) {
  LoadServer other(LoadServer::Behaviour::echo);  // it echoes its input
  for (const char* verb : {"reload", "reload --no-wait", "reload --dry-run", "plan weir.yaml",
                           "status", "status --json", "healthcheck", "drain", "drain --watch"}) {
    CommandOutcome outcome = run_weir(verb, proxy_.directory(), "http://" + other.address().text());
    EXPECT_EQ(outcome.code, 3) << verb;
    EXPECT_THAT(outcome.err, HasSubstr("is not weir's admin server")) << verb;
    EXPECT_THAT(outcome.out, IsEmpty()) << verb;
  }
}

TEST_F(AdminVerbs, StatusDuringADrainShowsTheRemainingTime) {
  auto [client, server] = session();
  const nlohmann::json serving = proxy_.get("/v1/status").json();
  EXPECT_EQ(serving["draining_seconds"], nullptr);
  EXPECT_EQ(weir("drain").code, 0);
  const nlohmann::json status = proxy_.get("/v1/status").json();
  ASSERT_TRUE(status["draining_seconds"].is_number()) << status;
  EXPECT_LT(status["draining_seconds"], status["uptime_seconds"]);
}

TEST_F(AdminVerbs, ReloadOfAnInvalidFileFailsAndReportsTheLocation) {
  proxy_.write_config(config("rond"));
  for (const char* verb : {"reload", "reload --wait", "reload --dry-run", "plan weir.yaml"}) {
    CommandOutcome outcome = weir(verb);
    EXPECT_EQ(outcome.code, 78) << verb;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("weir.yaml:7:14: error["),
                                   HasSubstr("the running configuration was not changed")))
        << verb;
  }
  EXPECT_THAT(weir("status").out, HasSubstr("generation 1"));
}

// Without --admin and WEIR_ADMIN: by the file, valid or not.
TEST_F(AdminVerbs, InvalidFileDoesNotHideTheRunningWeir) {
  const std::string admin = "\nadmin:\n  socket: " + proxy_.directory() + "/admin.sock\n";
  const std::string broken[] = {
      config("rond") + admin,                               // does not validate
      admin + "listeners: [\n",                             // is no YAML
      config("random") + admin + "nonsense: \"unclosed\n",  // not to its end
      admin + "listeners:\n  - bind: \"\1\"\n",             // is no text
  };
  for (const std::string& text : broken) {
    proxy_.write_config(text);
    CommandOutcome status = run_weir("status -c weir.yaml", proxy_.directory());
    EXPECT_EQ(status.code, 0) << text << status.err;
    CommandOutcome reload = run_weir("reload --wait -c weir.yaml", proxy_.directory());
    EXPECT_EQ(reload.code, 78) << text << reload.err;
    EXPECT_THAT(reload.err, AllOf(HasSubstr("error[E"),
                                  HasSubstr("the running configuration was not changed")));
  }
}

TEST_F(AdminVerbs, ReportsAFileThatDoesNotContainTheAddress) {
  for (const char* text : {"", "listeners: [", "admin: { socket: here }\n"}) {
    std::ofstream(proxy_.directory() + "/weir.yaml") << text;
    CommandOutcome status = run_weir("status -c weir.yaml", proxy_.directory());
    EXPECT_EQ(status.code, 3) << text;
    EXPECT_THAT(status.err, HasSubstr("the admin address is unknown because weir.yaml is invalid"));
    EXPECT_THAT(status.err, HasSubstr("use --admin or $WEIR_ADMIN"));
    CommandOutcome reload = run_weir("reload --wait -c weir.yaml", proxy_.directory());
    EXPECT_EQ(reload.code, 78) << text;
    EXPECT_THAT(reload.err, AllOf(HasSubstr("weir.yaml"), HasSubstr("error[E"))) << text;
  }
}

TEST_F(AdminVerbs, ReportsAChangedAdminSectionWhenNoWeirAnswers) {
  proxy_.write_config(config("random") + "admin: { socket: /nonexistent/admin.sock }\n");
  CommandOutcome outcome = run_weir("reload --wait -c weir.yaml", proxy_.directory());
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("the address is from weir.yaml"),
                                 HasSubstr("changed since weir started"), HasSubstr("--admin")));
}

TEST_F(AdminVerbs, PlanOfAnotherFileAsksTheRunningWeir) {
  std::ofstream(proxy_.directory() + "/next.yaml")
      << config("random") + "admin: { socket: /nonexistent/admin.sock }\n";
  CommandOutcome outcome = run_weir("plan next.yaml", proxy_.directory());
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("round_robin → random"));
}

TEST_F(AdminVerbs, HealthcheckDistinguishesReadyFromDraining) {
  EXPECT_EQ(weir("healthcheck").code, 0);
  auto [client, server] = session();
  EXPECT_EQ(weir("drain").code, 0);
  CommandOutcome outcome = weir("healthcheck");
  EXPECT_EQ(outcome.code, 5);
  EXPECT_THAT(outcome.err, HasSubstr("not ready: draining"));
}

TEST_F(AdminVerbs, HealthcheckOfASilentServerEndsAfterItsTimeout) {
  const Acceptor silent;
  const auto begun = std::chrono::steady_clock::now();
  CommandOutcome outcome =
      run_weir("healthcheck --wait 200ms", proxy_.directory(), silent.address().text());
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("did not answer in time"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << "10s by default";
}

// Runs `weir drain --watch` in the background.
class RunningWatch {
 public:
  explicit RunningWatch(const ProxyProcess& proxy)
      : pipe_(::popen(("WEIR_ADMIN=" + proxy.admin_address().text() + " " + weir_binary() +
                       " drain --watch 2>&1")
                          .c_str(),
                      "r")) {}
  std::string line() {
    char block[512];
    return std::fgets(block, sizeof block, pipe_) == nullptr ? "" : block;
  }
  std::string rest() {
    std::string all;
    for (std::string next; !(next = line()).empty();) all += next;
    return all;
  }
  int code() { return WEXITSTATUS(::pclose(pipe_)); }

 private:
  FILE* pipe_;
};

TEST_F(AdminVerbs, DrainWatchExitsWith4WhenASecondSignalEndsSessions) {
  auto [client, server] = session();
  ASSERT_GT(client.send_until_blocked(std::string(65536, 'x')), 0u);
  RunningWatch watch(proxy_);
  EXPECT_THAT(watch.line(), StartsWith("draining: 1 session left"));
  proxy_.signal(SIGTERM);
  EXPECT_EQ(proxy_.wait(), 4);
  EXPECT_THAT(watch.rest(), HasSubstr("1 session was cut"));
  EXPECT_EQ(watch.code(), 4);
}

TEST_F(AdminVerbs, DrainWatchExitsWith4WhenWeirIsKilledWithOpenSessions) {
  auto [client, server] = session();
  ASSERT_GT(client.send_until_blocked(std::string(65536, 'x')), 0u);
  RunningWatch watch(proxy_);
  EXPECT_THAT(watch.line(), StartsWith("draining: 1 session left"));
  proxy_.signal(SIGKILL);
  EXPECT_THAT(watch.rest(),
              HasSubstr("before it reported the end of the drain; 1 session was open"));
  EXPECT_EQ(watch.code(), 4);
}

TEST_F(AdminVerbs, DrainWatchEndsAtOnceWithoutSessions) {
  RunningWatch watch(proxy_);
  EXPECT_THAT(watch.rest(), HasSubstr("no session was cut"));
  EXPECT_EQ(watch.code(), 0);
  EXPECT_EQ(proxy_.wait(), 0);
}

TEST_F(AdminVerbs, ManyClientsThatWaitForTheDrainDoNotBlockOthers) {
  auto [client, server] = session();
  ASSERT_EQ(proxy_.post("/v1/drain").status, 202);
  std::vector<Socket>
      waiting;  // more than may wait, fewer than the connection limit: none is evicted
  for (int i = 0; i < 40; ++i) {
    waiting.push_back(Socket::connect(proxy_.admin_address()));
    ASSERT_TRUE(waiting.back().send(
        "GET /v1/drain?wait=1 HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\r\n"));
  }
  EXPECT_EQ(proxy_.get("/v1/status").status, 200);
  EXPECT_THAT(waiting.front().receive_all(10s), HasSubstr("\"phase\": \"draining\""));
  client.close();
  server.close();
  EXPECT_THAT(waiting.back().receive_all(10s),
              AllOf(HasSubstr("\"phase\": \"drained\""), HasSubstr("\"cut\": 0")));
  EXPECT_EQ(proxy_.wait(), 0);
}

TEST_F(AdminVerbs, DrainWatchExitsWith0WhenAllSessionsEnd) {
  auto [client, server] = session();
  ASSERT_GT(client.send_until_blocked(std::string(65536, 'x')),
            0u);  // busy: a drain does not close it early
  RunningWatch watch(proxy_);
  EXPECT_THAT(watch.line(), StartsWith("draining: 1 session left, cut in"));
  client.reset();
  server.close();  // no peer is left to read the bytes of the client
  EXPECT_THAT(watch.rest(), AllOf(HasSubstr("front"), HasSubstr("no session was cut")));
  EXPECT_EQ(watch.code(), 0);
  EXPECT_EQ(proxy_.wait(), 0);
}

TEST_F(AdminVerbs, DrainWatchExitsWith4WhenSessionsAreCut) {
  auto [client, server] = session();
  ASSERT_GT(client.send_until_blocked(std::string(65536, 'x')), 0u);
  CommandOutcome outcome = weir("drain --watch --timeout 300ms");
  EXPECT_EQ(outcome.code, 4) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("1 session was cut"));
  EXPECT_EQ(proxy_.wait(), 4);
}

TEST_F(AdminVerbs, DrainWithZeroTimeoutCutsSessionsAtOnce) {
  auto [client, server] = session();
  CommandOutcome outcome = weir("drain --timeout 0s");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(proxy_.wait(), 4);
  EXPECT_THAT(proxy_.errors(), AllOf(HasSubstr("phase=terminating"), Not(HasSubstr("deadline=-"))));
}

TEST_F(AdminVerbs, SecondDrainReportsTheFirst) {
  auto [client, server] = session();
  EXPECT_EQ(weir("drain").code, 0);
  CommandOutcome second = weir("drain --timeout 10s");
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("already draining"));
}

TEST_F(AdminVerbs, ReloadDuringADrainIsRefused) {
  auto [client, server] = session();
  EXPECT_EQ(weir("drain").code, 0);
  CommandOutcome outcome = weir("reload --wait");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("drain"), Not(HasSubstr("answered"))));
}

// A file without an admin section, as in a minimal container.
class WithoutAdminSection : public testing::Test {
 protected:
  WithoutAdminSection() : folder_(testing::TempDir() + "/weir_runtime_XXXXXX") {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    ::setenv("WEIR_RUNTIME_DIR", folder_.c_str(), 1);
  }
  ~WithoutAdminSection() override {
    ::unsetenv("WEIR_RUNTIME_DIR");
    std::filesystem::remove_all(folder_);
  }
  std::string config() const {
    return "# no admin: here\nlisteners:\n  - bind: " + free_address().text() +
           "\n    cluster: app\nclusters:\n  - name: app\n    backends: [127.0.0.1:9]\n";
  }
  std::string folder_;
};

TEST_F(WithoutAdminSection, DefaultSocketIsOpenedAndFound) {
  ProxyProcess first(config());
  EXPECT_EQ(run_weir("healthcheck -c weir.yaml", first.directory()).code, 0);
  ProxyProcess second(config());  // the socket is in use; weir serves without it
  std::string status = run_weir("status --json -c weir.yaml", second.directory()).out;
  EXPECT_EQ(nlohmann::json::parse(status, nullptr, false)["pid"], first.pid());
  second.signal(SIGTERM);
  EXPECT_EQ(second.wait(), 0);  // then its log is complete
  EXPECT_THAT(second.errors(), AllOf(HasSubstr("admin.default"), HasSubstr("another process")));
}

// A unit may have another RuntimeDirectory than weir: a second instance, for example.
TEST_F(WithoutAdminSection, ServesTheRuntimeDirectoryOfTheUnitBesideTheDefaultSocket) {
  const std::string unit = folder_ + "/unit";
  for (const std::string& directory : {unit, folder_}) {
    std::filesystem::create_directory(directory);
    ProxyProcess proxy(config(), {.environment = {"RUNTIME_DIRECTORY=" + directory}});
    EXPECT_EQ(run_weir("reload --admin unix:" + directory + "/admin.sock", "/").code, 0);
    EXPECT_EQ(run_weir("healthcheck -c weir.yaml", proxy.directory()).code, 0);
    proxy.signal(SIGTERM);
    EXPECT_EQ(proxy.wait(), 0);  // then its log is complete
    EXPECT_THAT(proxy.errors(), Not(HasSubstr("another process"))) << directory;
  }
}

TEST_F(WithoutAdminSection, HealthcheckReportsWhatToAddWithoutADefaultSocketDirectory) {
  std::filesystem::remove_all(folder_);
  ProxyProcess proxy(config());
  CommandOutcome outcome = run_weir("healthcheck -c weir.yaml", proxy.directory());
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("has no 'admin' section"), HasSubstr("add 'admin:")));
}

// The error is in the admin section: the user needs the errors of the file, not the name of a
// default socket.
TEST_F(WithoutAdminSection, ReloadOfAnInvalidFileReportsTheErrorsWhetherWeirIsReachedOrNot) {
  {
    ProxyProcess proxy(config());
    ASSERT_TRUE(proxy.ready());
    proxy.write_config(config() + "nonsense: true\n");
    CommandOutcome reached = run_weir("reload --wait -c weir.yaml", proxy.directory());
    EXPECT_EQ(reached.code, 78);
    EXPECT_THAT(reached.err, HasSubstr("unknown key 'nonsense'"));
  }
  std::filesystem::remove_all(folder_);
  ProxyProcess proxy(config());
  proxy.write_config(config() + "nonsense: true\n");
  for (const char* verb : {"reload --wait -c weir.yaml", "reload --dry-run -c weir.yaml"}) {
    CommandOutcome outcome = run_weir(verb, proxy.directory());
    EXPECT_EQ(outcome.code, 78) << verb;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("unknown key 'nonsense'"),
                                   HasSubstr("cannot connect to weir at"), HasSubstr("--admin")));
  }
}

// The ExecReload of the unit, with another binary and another directory.
std::string exec_reload(const std::string& directory) {
  std::ifstream unit(std::string(WEIR_SOURCE_DIR) + "/deploy/weir.service");
  for (std::string line; std::getline(unit, line);) {
    if (!line.starts_with("ExecReload=")) continue;
    std::string command = line.substr(std::string("ExecReload=").size());
    const auto replace = [&](const std::string& what, const std::string& with) {
      const size_t at = command.find(what);
      if (at != command.npos) command.replace(at, what.size(), with);
    };
    replace("/usr/bin/weir", weir_binary());
    replace("/run/weir", directory);
    return command;
  }
  return "false";
}

// systemd sets RUNTIME_DIRECTORY and makes the directory.
TEST(SystemdUnit, ReloadOfTheServiceUnitWorksWithAnyAdminSection) {
  char name[] = "/tmp/weir-unit-XXXXXX";
  const std::string folder = ::mkdtemp(name);
  for (const std::string& admin :
       {"admin: {bind: \"" + free_address().text() + "\"}\n",
        "admin: {socket: " + folder + "/other.sock}\n",
        "admin: {socket: " + folder + "/admin.sock}\n",
        "admin: {bind: \"" + free_address().text() + "\", read_only: true}\n"}) {
    ProxyProcess proxy("listeners:\n  - {bind: \"" + free_address().text() +
                           "\", cluster: app}\nclusters:\n  - {name: app, backends: "
                           "[127.0.0.1:9]}\n" +
                           admin,
                       {.environment = {"RUNTIME_DIRECTORY=" + folder}});
    EXPECT_EQ(std::system((exec_reload(folder) + " >/dev/null").c_str()), 0) << admin;
    std::ofstream(proxy.config_path(), std::ios::app) << "nonsense: 1\n";
    const int status = std::system((exec_reload(folder) + " 2>/dev/null").c_str());
    EXPECT_EQ(WEXITSTATUS(status), 78) << admin;
  }
  std::filesystem::remove_all(folder);
}

TEST(ProxyVerb, ForwardsRequestsWithoutAFile) {
  Acceptor backend;
  Address listen = free_address();
  std::string admin = "unix:" + testing::TempDir() + "/weir_proxy_" + std::to_string(::getpid());
  ProxyProcess proxy("", {.arguments = {"proxy", "--from", listen.text(), "--to",
                                        backend.address().text(), "--admin", admin}});
  ASSERT_TRUE(proxy.ready()) << proxy.errors();
  Socket client = Socket::connect(listen);
  ASSERT_TRUE(client.send("GET //a HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n"));
  Socket server = backend.accept();
  EXPECT_EQ(server.receive(18), "GET //a HTTP/1.1\r\n");
  ASSERT_TRUE(server.send("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_EQ(client.receive(16), "HTTP/1.1 204 No ");
  EXPECT_EQ(client.wait_end(), Socket::End::fin);
}

TEST(ProxyVerb, ForwardsBytesWithTcpWithoutAFile) {
  Acceptor backend;
  Address listen = free_address();
  std::string folder = testing::TempDir() + "/weir_proxy_" + std::to_string(::getpid());
  std::string admin = "unix:" + folder + ".sock";
  ProxyProcess proxy("", {.arguments = {"proxy", "--tcp", "--from", listen.text(), "--to",
                                        backend.address().text(), "--admin", admin}});
  ASSERT_TRUE(proxy.ready()) << proxy.errors();
  EXPECT_EQ(run_weir("healthcheck", proxy.directory(), admin).code, 0);
  Socket client = Socket::connect(listen);
  Socket server = backend.accept();
  ASSERT_TRUE(client.send("hello"));
  EXPECT_EQ(server.receive(5), "hello");
  ASSERT_TRUE(server.send("you"));
  EXPECT_EQ(client.receive(3), "you");
  client.close();
  EXPECT_EQ(server.wait_end(), Socket::End::fin);
  server.close();
  proxy.signal(SIGTERM);
  EXPECT_EQ(proxy.wait(), 0);
}

}  // namespace
}  // namespace weir
