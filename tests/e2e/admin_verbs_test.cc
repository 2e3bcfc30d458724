// The verbs that ask a running weir, against a running weir.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>

#include "support/proxy_process.h"
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

TEST_F(AdminVerbs, Status_ShowsListenersAndBackends) {
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

TEST_F(AdminVerbs, Reload_SaysWhatChanged_AndWhatDidNot) {
  EXPECT_THAT(weir("reload --wait").out, HasSubstr("nothing changes"));
  proxy_.write_config(config("random"));
  CommandOutcome planned = weir("reload --dry-run");
  EXPECT_EQ(planned.code, 0);
  EXPECT_THAT(planned.out,
              AllOf(HasSubstr("a reload would make, 1 change"), HasSubstr("round_robin → random")));
  EXPECT_THAT(weir("plan -c " + proxy_.config_path()).out, HasSubstr("round_robin → random"));
  EXPECT_THAT(weir("status").out, HasSubstr("generation 1")) << "a plan changes nothing";
  CommandOutcome reloaded = weir("reload --wait");
  EXPECT_EQ(reloaded.code, 0) << reloaded.err;
  EXPECT_THAT(reloaded.out,
              AllOf(HasSubstr("reloaded, generation 2"), HasSubstr("round_robin → random")));
  EXPECT_THAT(weir("status").out, HasSubstr("generation 2"));
}

TEST_F(AdminVerbs, Reload_SaysWhatWaitsForARestart_UntilNothingDoes) {
  const std::string more = "global: { workers: 7 }\n";
  proxy_.write_config(config("round_robin") + more);
  EXPECT_THAT(weir("reload --wait").out,
              AllOf(HasSubstr("reloaded, generation 2, 1 change"), HasSubstr("[restart]")));
  EXPECT_THAT(weir("reload --wait").out,
              AllOf(HasSubstr("nothing changes; what waits for a restart:"),
                    HasSubstr("global.workers: auto → 7")));
  proxy_.write_config(config("round_robin"));
  EXPECT_THAT(weir("reload --wait").out, StartsWith("reloaded, generation 3\n"));
  EXPECT_THAT(weir("reload --wait").out, StartsWith("nothing changes\n"));
}

TEST_F(AdminVerbs, ReloadOfABadFile_Fails_AndNamesThePlace) {
  proxy_.write_config(config("rond"));
  for (const char* verb : {"reload --wait", "reload --dry-run", "plan weir.yaml"}) {
    CommandOutcome outcome = weir(verb);
    EXPECT_EQ(outcome.code, 78) << verb;
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("weir.yaml:7:14: error["), HasSubstr("what runs was not changed")))
        << verb;
  }
  EXPECT_THAT(weir("status").out, HasSubstr("generation 1"));
}

TEST_F(AdminVerbs, Healthcheck_TellsReadyFromDraining) {
  EXPECT_EQ(weir("healthcheck").code, 0);
  auto [client, server] = session();
  EXPECT_EQ(weir("drain").code, 0);
  CommandOutcome outcome = weir("healthcheck");
  EXPECT_EQ(outcome.code, 5);
  EXPECT_THAT(outcome.err, HasSubstr("not ready: draining"));
}

TEST_F(AdminVerbs, DrainWatch_EndsWithZero_WhenTheSessionsHaveEnded) {
  auto [client, server] = session();
  ASSERT_GT(client.send_until_blocked(std::string(65536, 'x')),
            0u);  // busy: nobody closes it early
  std::string line =
      "WEIR_ADMIN=" + proxy_.admin_address().text() + " " + WEIR_BINARY + " drain --watch 2>&1";
  FILE* watch = ::popen(line.c_str(), "r");
  ASSERT_NE(watch, nullptr);
  char block[512];
  ASSERT_NE(std::fgets(block, sizeof block, watch), nullptr);
  EXPECT_THAT(block, StartsWith("draining: 1 session left, cut in"));
  client.reset();
  std::string rest;
  while (std::fgets(block, sizeof block, watch) != nullptr) rest += block;
  EXPECT_THAT(rest, AllOf(HasSubstr("front"), HasSubstr("nothing was cut")));
  EXPECT_EQ(WEXITSTATUS(::pclose(watch)), 0) << rest;
  EXPECT_EQ(proxy_.wait(), 0);
}

TEST_F(AdminVerbs, DrainWatch_EndsWithFour_WhenSomethingWasCut) {
  auto [client, server] = session();
  ASSERT_GT(client.send_until_blocked(std::string(65536, 'x')), 0u);
  CommandOutcome outcome = weir("drain --watch --timeout 300ms");
  EXPECT_EQ(outcome.code, 4) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("1 session was cut"));
  EXPECT_EQ(proxy_.wait(), 4);
}

TEST_F(AdminVerbs, ASecondDrain_SaysSo) {
  auto [client, server] = session();
  EXPECT_EQ(weir("drain").code, 0);
  CommandOutcome second = weir("drain --timeout 10s");
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("already draining"));
}

TEST_F(AdminVerbs, ReloadWhileDraining_IsRefused) {
  auto [client, server] = session();
  EXPECT_EQ(weir("drain").code, 0);
  CommandOutcome outcome = weir("reload --wait");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("drain"), Not(HasSubstr("answered"))));
}

TEST(ProxyVerb, ForwardsWithoutAFile) {
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
