// The rights of clients of the admin API of the real binary: over TCP weir reads no file for a
// client that only weir may read.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/config_text.h"
#include "support/proxy_process.h"
#include "support/weir_command.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class AdminRights : public testing::Test {
 protected:
  std::string routed(const std::string& token, const std::string& balance = "round_robin") const {
    return config_text(
        http_listener("web", listen_,
                      "routes: [{name: all, match: {}, cluster: app, headers: {request: "
                      "{set: {Authorization: '" +
                          token + "'}}}}]"),
        cluster("app", {backend_}, "balance: " + balance),
        "admin: {bind: \"" + admin_.text() + "\", socket: ./admin.sock}\n");
  }
  // The answer of the TCP address.
  std::string ask(const std::string& method, const std::string& path, const std::string& body,
                  const std::string& host = "localhost") {
    Socket socket = Socket::connect(admin_);
    socket.send(method + " " + path + " HTTP/1.1\r\nHost: " + host +
                "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    return socket.receive_all(10s);
  }
  std::string plan(const nlohmann::json& body) { return ask("POST", "/v1/plan", body.dump()); }

  const Address listen_ = free_address(), admin_ = free_address(), backend_ = free_address();
};

class AdminRightsOfTheFile : public AdminRights {
 protected:
  std::string text(const std::string& more) const {
    return simple(listen_, {backend_}, "admin: {bind: \"" + admin_.text() + "\"" + more + "}\n");
  }
  void expect_access(bool named, bool read_only) {
    EXPECT_THAT(ask("GET", "/live", "", "weir.internal"),
                testing::StartsWith(named ? "HTTP/1.1 200" : "HTTP/1.1 403"));
    EXPECT_THAT(ask("POST", "/v1/reload?wait=1", ""),
                testing::StartsWith(read_only ? "HTTP/1.1 403" : "HTTP/1.1 200"));
  }
  const std::string strict_ = ", hosts: [weir.internal], read_only: true";
};

TEST_F(AdminRightsOfTheFile, HostsAndReadOnlyApplyFromTheStart) {
  const ProxyProcess proxy(text(strict_));
  expect_access(true, true);
}

TEST_F(AdminRightsOfTheFile, HostsAndReadOnlyApplyAfterAReload) {
  const ProxyProcess proxy(text(""));
  expect_access(false, false);
  proxy.write_config(text(strict_));
  EXPECT_THAT(ask("POST", "/v1/reload?wait=1", ""), testing::StartsWith("HTTP/1.1 200"));
  expect_access(true, true);
}

std::string with_socket(std::string text, const std::string& path) {
  const std::string relative = "./admin.sock";
  return text.replace(text.find(relative), relative.size(), path);
}

class AdminRightsOfOne : public AdminRights {
 protected:
  AdminRightsOfOne() {
    char name[] = "/tmp/weir-rights-XXXXXX";
    folder_ = ::mkdtemp(name);
    proxy_ = std::make_unique<ProxyProcess>(with_socket(routed("s3cret"), folder_ + "/a.sock"));
    file_ = proxy_->directory() + "/only_for_weir.yaml";
    std::ofstream(file_) << "pa55word: 1\n";
  }
  ~AdminRightsOfOne() override { std::filesystem::remove_all(folder_); }
  std::string text(const std::string& token, const std::string& balance) const {
    return with_socket(routed(token, balance), folder_ + "/a.sock");
  }
  std::string folder_, file_;
  std::unique_ptr<ProxyProcess> proxy_;
};

TEST_F(AdminRightsOfOne, FilePathIsNotAcceptedOverTcp) {
  for (const std::string& path : {file_, std::string("/etc/shadow"), std::string("/nonexistent")}) {
    const std::string answer = plan({{"path", path}});
    EXPECT_THAT(answer, AllOf(testing::StartsWith("HTTP/1.1 403"), HasSubstr("send the 'text'"),
                              Not(HasSubstr("pa55word")), Not(HasSubstr("No such file"))));
  }
}

TEST_F(AdminRightsOfOne, FilesAndHostsNamedInATextAreNotReadOrResolved) {
  const std::string before = text("s3cret", "round_robin");
  const std::string log = folder_ + "/made.log";
  const std::string answer =
      plan({{"text",
             "logging: {output: " + log + ", access: {output: " + log + "}}\n" +
                 before.substr(0, before.find("clusters:")) +
                 "clusters: [{name: app, backends: ['does-not-exist.invalid:1'], tls: {sni: a.b, "
                 "ca: /etc/shadow}}]\n"}});
  EXPECT_THAT(answer, AllOf(testing::StartsWith("HTTP/1.1 200"), HasSubstr("\"planned\""),
                            Not(HasSubstr("shadow: ")), Not(HasSubstr("look up"))));
  EXPECT_FALSE(std::filesystem::exists(log));
  for (const char* more : {"include: /etc/passwd\n", "x: ${HOME}\n"})
    EXPECT_THAT(plan({{"text", more + before}}),
                AllOf(testing::StartsWith("HTTP/1.1 422"), Not(HasSubstr("root:"))));
}

TEST_F(AdminRightsOfOne, PossiblySecretValuesAreNotShownOverTcp) {
  const std::string answer = plan({{"text", text("mine", "random")}});
  EXPECT_THAT(answer, AllOf(HasSubstr("headers.request.set"), HasSubstr("(not shown)"),
                            HasSubstr("round_robin"), Not(HasSubstr("s3cret"))));
  proxy_->write_config(text("next", "random"));
  EXPECT_THAT(ask("POST", "/v1/reload?wait=1", ""),
              AllOf(HasSubstr("(not shown)"), Not(HasSubstr("s3cret"))));
}

TEST_F(AdminRightsOfOne, ErrorsOfTheFileAreReportedWithoutQuotingItOverTcp) {
  proxy_->write_config(text("s3cret", "pa55word"));
  for (const char* path : {"/v1/reload?wait=1", "/v1/reload?dry_run=1", "/v1/plan"})
    EXPECT_THAT(ask("POST", path, ""), AllOf(testing::StartsWith("HTTP/1.1 422"), HasSubstr("E104"),
                                             HasSubstr("\"line\": "), Not(HasSubstr("pa55word"))))
        << path;
  EXPECT_THAT(ask("GET", "/v1/status", ""),
              AllOf(HasSubstr("\"result\": \"invalid\""), Not(HasSubstr("pa55word"))));
  EXPECT_THAT(run_weir("reload", folder_, "unix:" + folder_ + "/a.sock").err, HasSubstr("pa55word"))
      << "over its socket it is";
  const std::string admin = "http://" + admin_.text();
  EXPECT_THAT(run_weir("reload", folder_, admin).err,
              AllOf(HasSubstr("error[E104]"), Not(HasSubstr("pa55word"))));
  const std::string file = proxy_->config_path();
  EXPECT_THAT(run_weir("plan -c " + file, folder_, admin).err, HasSubstr("error[E104]"));
}

TEST_F(AdminRightsOfOne, CommandSendsTheTextOverTcpWithItsOwnVariables) {
  const std::string next = folder_ + "/next.yaml";
  std::ofstream(next) << text("s3cret", "'${WEIR_TEST_BALANCE:-random}'");
  ::chmod(folder_.c_str(), 0700);
  const CommandOutcome outcome = run_weir("plan " + next, folder_, "http://" + admin_.text());
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("round_robin → random"));
  std::ofstream(next) << "listeners: 1\n";
  EXPECT_EQ(run_weir("plan " + next, folder_, "http://" + admin_.text()).code, 78);
}

TEST_F(AdminRightsOfOne, CommandPlansTheRunningFileOverTcp) {
  proxy_->write_config(text("s3cret", "random"));
  const CommandOutcome outcome =
      run_weir("plan -c " + proxy_->config_path(), folder_, "http://" + admin_.text());
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("round_robin → random"));
}

TEST_F(AdminRightsOfOne, RootMayNameAPathOverTheUnixSocket) {
  std::ofstream(file_) << text("mine", "random");
  const CommandOutcome outcome = run_weir("plan " + file_, folder_, "unix:" + folder_ + "/a.sock");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("round_robin → random"), HasSubstr("s3cret")));
}

TEST_F(AdminRightsOfOne, LogNamesTheRequester) {
  ask("POST", "/v1/reload?wait=1", "");
  run_weir("reload", folder_, "unix:" + folder_ + "/a.sock");
  proxy_->signal(SIGHUP);
  ask("POST", "/v1/drain", "");
  EXPECT_EQ(proxy_->wait(), 0);
  EXPECT_THAT(
      proxy_->errors(),
      AllOf(HasSubstr("reload.requested by=admin peer=127.0.0.1:"),
            HasSubstr("reload.requested by=admin peer=\"uid=" + std::to_string(::geteuid())),
            HasSubstr("reload.requested by=signal signal=HUP pid=" + std::to_string(::getpid())),
            HasSubstr("drain.requested by=admin peer=127.0.0.1:")));
}

TEST_F(AdminRightsOfOne, IndexPageListsTheOtherPages) {
  EXPECT_THAT(ask("GET", "/", ""),
              AllOf(testing::StartsWith("HTTP/1.1 200"), HasSubstr("GET  /metrics"),
                    HasSubstr("GET  /ready"), HasSubstr("POST /v1/reload[?wait=1&dry_run=1]")));
  EXPECT_THAT(ask("POST", "/metrics", ""), testing::StartsWith("HTTP/1.1 405"));
}

}  // namespace
}  // namespace weir
