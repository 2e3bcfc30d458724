// TLS files: weir reports the errors of a file with their location before it uses the file, and
// uses a new file from the next handshake on, without an effect on open connections.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "support/config_text.h"
#include "support/file_text.h"
#include "support/http_load.h"
#include "support/proxy_process.h"
#include "support/tls_steps.h"
#include "support/weir_build.h"
#include "support/weir_command.h"

namespace weir::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const int kRotations = weir_is_sanitized() ? 60 : 200;

class TlsCheckTest : public testing::Test {
 protected:
  TlsCheckTest() {
    char name[] = "/tmp/weir-check-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~TlsCheckTest() override { std::filesystem::remove_all(directory_); }

  CommandOutcome check(const std::string& cert, const std::string& key) const {
    std::ofstream(directory_ + "/weir.yaml") << fmt::format(
        "listeners:\n"
        "  - name: web\n"
        "    bind: '127.0.0.1:8443'\n"
        "    protocol: http\n"
        "    cluster: app\n"
        "    tls:\n"
        "      certificates:\n"
        "        - cert: '{}'\n"
        "          key: '{}'\n"
        "clusters: [{{ name: app, backends: ['127.0.0.1:8080'] }}]\n",
        cert, key);
    return run_weir("check -c weir.yaml", directory_);
  }
  void expect_finding(const std::string& cert, const std::string& key, const std::string& file,
                      const std::string& why) const {
    const CommandOutcome outcome = check(cert, key);
    EXPECT_EQ(outcome.code, 78) << outcome.err;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("weir.yaml:8:"), HasSubstr("listener 'web'"),
                                   HasSubstr("'" + file + "'"), HasSubstr(why)));
  }
  // As at a start, the certificate is used nevertheless.
  void expect_warning(const std::string& cert, const std::string& key, const std::string& file,
                      const std::string& why) const {
    const CommandOutcome outcome = check(cert, key);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("weir.yaml:8:"), HasSubstr("warning[W243]"),
                                   HasSubstr("'" + file + "'"), HasSubstr(why)));
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }

  std::string directory_;
  TestAuthority authority_;
  IssuedFiles good_ =
      authority_.issue({.hosts = {"a.test", "*.b.test"}, .common_name = "a", .until_days = 30});
};

TEST_F(TlsCheckTest, ValidFileIsReportedWithItsHostsAndItsExpiry) {
  const CommandOutcome outcome = check(good_.cert, good_.key);
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("valid"), HasSubstr("listener web"),
                                 HasSubstr("a.test, *.b.test"), HasSubstr("until 20")));
}

TEST_F(TlsCheckTest, ErrorsAreReportedWithTheirFileAndLocation) {
  const IssuedFiles other = authority_.issue({.hosts = {"a.test"}});
  const IssuedFiles old =
      authority_.issue({.hosts = {"a.test"}, .from_days = -20, .until_days = -10});
  const IssuedFiles early =
      authority_.issue({.hosts = {"a.test"}, .from_days = 10, .until_days = 20});
  const std::string missing = directory_ + "/missing.pem";
  expect_finding(missing, good_.key, missing, "No such file");
  expect_finding(good_.cert, missing, missing, "No such file");
  expect_finding(good_.cert, other.key, other.key, "does not belong to the certificate in");
  expect_warning(old.cert, old.key, old.cert, "expired on 20");
  expect_warning(early.cert, early.key, early.cert, "not valid before 20");
  expect_finding(good_.key, good_.key, good_.key, "has no certificate");
  expect_finding(good_.cert, authority_.file(), authority_.file(), "no private key");
}

TEST_F(TlsCheckTest, ChainInTheWrongOrderIsReported) {
  TestAuthority others("others");
  const std::string chain = file_text(good_.cert);
  const size_t second = chain.find("-----BEGIN", 1);
  const std::string leaf = chain.substr(0, second), root = chain.substr(second);
  const std::string gap = write("gap.pem", leaf + file_text(others.file()));
  expect_finding(gap, good_.key, gap, "certificate 1 was not issued by the one after it");
  const std::string late = write("late.pem", chain + file_text(others.file()));
  expect_finding(late, good_.key, late, "certificate 2 was not issued by the one after it");
  const std::string reversed = write("reversed.pem", root + leaf);
  expect_finding(reversed, good_.key, reversed, "must come first");
}

TEST_F(TlsCheckTest, KeyWithAPassphraseIsReportedWithoutAPrompt) {
  const std::string locked = directory_ + "/locked.key";
  for (const char* form : {"pkey", "ec"}) {  // PKCS #8, and the form of old
    ASSERT_EQ(std::system(fmt::format("openssl {} -in {} -aes256 -passout pass:secret -out {} "
                                      "2>/dev/null",
                                      form, good_.key, locked)
                              .c_str()),
              0);
    expect_finding(good_.cert, locked, locked, "has a passphrase");
  }
}

TEST_F(TlsCheckTest, DamagedFileIsReported) {
  std::string text = file_text(good_.cert);
  for (size_t i = 60; i < 90; ++i) text[i] = 'A';
  const std::string damaged = write("damaged.pem", text);
  expect_finding(damaged, good_.key, damaged, "damaged");
  const std::string empty = write("empty.pem", "");
  expect_finding(empty, good_.key, empty, "has no certificate");
}

class TlsFilesTest : public testing::Test {
 protected:
  TlsFilesTest() {
    char name[] = "/tmp/weir-files-XXXXXX";
    directory_ = ::mkdtemp(name);
    use(first_);
  }
  ~TlsFilesTest() override { std::filesystem::remove_all(directory_); }

  std::string cert() const { return directory_ + "/cert.pem"; }
  std::string key() const { return directory_ + "/key.pem"; }
  // Like tools that renew certificates: writes a copy and renames it over the file.
  void use(const IssuedFiles& files) const {
    put(files.cert, cert());
    put(files.key, key());
  }
  static void put(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to + ".new",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(to + ".new", to);
  }
  std::string text() const {
    return config_text(http_listener("web", bind_, "cluster: app, " + tls_with(cert(), key())),
                       cluster("app", {backend_.address()}), "logging: {access: {output: none}}\n");
  }
  std::unique_ptr<TlsPeer> peer() const {
    return std::make_unique<TlsPeer>(Socket::connect(bind_),
                                     TlsPeer::Wish{.sni = "a.test", .trust = &authority_});
  }
  // The name in the current certificate.
  std::string shown() const {
    auto one = peer();
    EXPECT_EQ(handshake(*one), TlsPeer::State::done) << one->error();
    return one->peer_name();
  }
  static std::string ask(TlsPeer& peer, const std::string& what, const std::string& fields = "") {
    return peer.send(http_get("/say/" + what, fields)) ? receive_until(peer, what) : "not sent";
  }

  std::string directory_;
  TestAuthority authority_;
  IssuedFiles first_ = authority_.issue({.hosts = {"a.test"}, .common_name = "first"});
  IssuedFiles second_ = authority_.issue({.hosts = {"a.test"}, .common_name = "second"});
  const Address bind_ = free_address();
  HttpBackend backend_{HttpLoad::answer};
};

TEST_F(TlsFilesTest, NewCertificateIsUsedFromTheNextHandshakeAndOpenConnectionsStay) {
  ProxyProcess weir(text());
  auto open = peer();
  ASSERT_EQ(handshake(*open), TlsPeer::State::done) << open->error();
  EXPECT_EQ(open->peer_name(), "first");
  EXPECT_THAT(ask(*open, "one"), HasSubstr("200 OK"));

  use(second_);
  EXPECT_EQ(shown(), "first") << "no reload was requested";
  weir.signal(SIGHUP);
  ASSERT_TRUE(weir.await_metric("weir_config_reloads_total", {{"result", "ok"}}, 1));
  EXPECT_EQ(shown(), "second");
  EXPECT_THAT(ask(*open, "two"), HasSubstr("200 OK"));

  use(first_);
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.json()["result"], "ok") << answer.body;
  ASSERT_EQ(answer.json()["changes"].size(), 1u) << answer.body;
  EXPECT_EQ(answer.json()["changes"][0]["path"], "listeners.web.tls");
  EXPECT_EQ(shown(), "first");
  EXPECT_THAT(ask(*open, "three"), HasSubstr("200 OK"));
  EXPECT_EQ(weir.reload().json()["result"], "unchanged");
  EXPECT_EQ(weir.scrape().imbalance(), 0);
}

TEST_F(TlsFilesTest, ChangedCertificateIsUsedWithoutAReloadRequest) {
  ProxyProcess weir(text() + "global: {watch: true}\n");
  use(second_);
  ASSERT_TRUE(weir.await_metric("weir_config_generation", {}, 2));
  EXPECT_EQ(shown(), "second");
  // As certbot and Kubernetes do it: the name is a link, and it is the link that changes.
  std::filesystem::create_directory(directory_ + "/..1");
  put(first_.cert, directory_ + "/..1/cert.pem");
  put(first_.key, directory_ + "/..1/key.pem");
  for (const char* name : {"/cert.pem", "/key.pem"}) {
    std::filesystem::create_symlink("..1" + std::string(name), directory_ + "/link");
    std::filesystem::rename(directory_ + "/link", directory_ + name);
  }
  ASSERT_TRUE(weir.await_metric("weir_config_generation", {}, 3));
  EXPECT_EQ(shown(), "first");
  EXPECT_EQ(weir.scrape().imbalance(), 0);
}

TEST_F(TlsFilesTest, InvalidNewFileFailsTheReloadAndTheOldCertificateStays) {
  ProxyProcess weir(text());
  const IssuedFiles old =
      authority_.issue({.hosts = {"a.test"}, .from_days = -20, .until_days = -10});
  const auto expect_refusal = [&](const std::string& file, const std::string& why) {
    const AdminAnswer answer = weir.reload();
    EXPECT_EQ(answer.status, 422) << answer.body;
    EXPECT_THAT(answer.body, AllOf(HasSubstr(file), HasSubstr(why)));
    EXPECT_EQ(shown(), "first");
    EXPECT_EQ(weir.scrape().sum("weir_config_last_reload_successful"), 0);
    EXPECT_EQ(weir.scrape().sum("weir_config_generation"), 1);
  };
  put(second_.cert, cert());
  expect_refusal(key(), "does not belong to the certificate");
  use(old);
  expect_refusal(cert(), "expired");
  std::filesystem::remove(cert());
  expect_refusal(cert(), "No such file");
  std::ofstream(cert()) << "-----BEGIN CERTIFICATE-----\nhalf of i";
  expect_refusal(cert(), cert());
  use(second_);
  EXPECT_EQ(weir.reload().json()["result"], "ok");
  EXPECT_EQ(shown(), "second");
}

// Three listeners, each with its own certificate.
TEST_F(TlsFilesTest, EveryInvalidFileIsReportedAtStartAndAtAReload) {
  std::string all;
  for (const std::string name : {"1", "2", "3"}) {
    put(first_.cert, directory_ + "/cert" + name);
    put(first_.key, directory_ + "/key" + name);
    all += http_listener(
        name, free_address(),
        "cluster: app, " + tls_with(directory_ + "/cert" + name, directory_ + "/key" + name));
  }
  const std::string text =
      config_text(all, cluster("app", {backend_.address()}), "logging: {access: {output: none}}\n");
  ProxyProcess weir(text);
  std::ofstream(directory_ + "/cert1") << "half of i";
  std::filesystem::remove(directory_ + "/key2");
  std::filesystem::remove(directory_ + "/cert3");
  ASSERT_EQ(::mkfifo((directory_ + "/cert3").c_str(), 0600), 0);
  const auto all_named = AllOf(HasSubstr("/cert1'"), HasSubstr("/key2'"), HasSubstr("/cert3'"));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 422) << answer.body;
  EXPECT_THAT(answer.body, all_named);
  EXPECT_THAT(answer.json()["message"].get<std::string>(), all_named);
  ProxyProcess other(text, {.await_ready = false});
  EXPECT_EQ(other.wait(), 78);
  EXPECT_THAT(other.errors(), all_named);
}

TEST_F(TlsFilesTest, ExpiredCertificateFailsNeitherTheStartNorAReloadOfSomethingElse) {
  use(authority_.issue({.hosts = {"a.test"}, .from_days = -20, .until_days = -10}));
  ProxyProcess weir(text());
  EXPECT_TRUE(weir.await_error("tls.file_out_of_date"));
  EXPECT_THAT(weir.errors(), AllOf(HasSubstr("W243"), HasSubstr("expired on 20")));
  EXPECT_EQ(weir.scrape().sum("weir_tls_files_out_of_date", {{"kind", "certificate"}}), 1);
  weir.write_config(text() + "drain: { timeout: 7s }\n");
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.json()["result"], "ok") << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("W243"));
  use(second_);
  EXPECT_EQ(weir.reload().json()["result"], "ok");
  EXPECT_EQ(weir.scrape().sum("weir_tls_files_out_of_date"), 0);
  EXPECT_EQ(shown(), "second");
}

TEST_F(TlsFilesTest, NewTicketKeysInTheSameFileAreUsedAfterAReloadAndByTheWatch) {
  const auto write_keys = [&](char key) {
    std::ofstream(directory_ + "/keys.new") << std::string(80, key);
    std::filesystem::rename(directory_ + "/keys.new", directory_ + "/keys");
  };
  write_keys('a');
  ProxyProcess weir(text() + "global: { tls_tickets: { file: " + directory_ + "/keys } }\n");
  write_keys('b');
  const AdminAnswer answer = weir.reload();
  ASSERT_EQ(answer.json()["changes"].size(), 1u) << answer.body;
  EXPECT_EQ(answer.json()["changes"][0]["path"], "global.tls_tickets.file");
  EXPECT_EQ(weir.reload().json()["result"], "unchanged");
  weir.write_config(text() + "global: { watch: true, tls_tickets: { file: " + directory_ +
                    "/keys } }\n");
  ASSERT_EQ(weir.reload().json()["result"], "ok");
  write_keys('c');
  EXPECT_TRUE(weir.await_metric("weir_config_generation", {}, 4));
}

TEST_F(TlsFilesTest, ManyRotationsUnderLoadCauseNoFailure) {
  std::vector<IssuedFiles> issued;
  for (int i = 0; i < 4; ++i)
    issued.push_back(authority_.issue(
        {.hosts = {"a.test"}, .common_name = fmt::format("n{}", i), .rsa = i == 3}));
  ProxyProcess weir(text() + "global: {workers: 2}\n");
  std::set<std::string> names;
  const auto fresh = [&](int version) {
    return [&, version]() -> std::string {
      TlsPeer one(Socket::connect(bind_),
                  {.sni = "a.test", .version = version, .trust = &authority_});
      if (handshake(one) != TlsPeer::State::done) return "handshake: " + one.error();
      if (version == TLS1_3_VERSION) names.insert(one.peer_name());
      const std::string got = ask(one, "hello", "Connection: close\r\n");
      return got.ends_with("hello") ? "" : "request: " + got + one.error();
    };
  };
  auto kept = peer();
  ASSERT_EQ(handshake(*kept), TlsPeer::State::done);
  std::vector<std::unique_ptr<HttpLoad>> loads;
  const auto add = [&](HttpLoad::Step step) {
    loads.push_back(std::make_unique<HttpLoad>(std::move(step)));
  };
  add(fresh(TLS1_3_VERSION));
  add(fresh(TLS1_2_VERSION));
  add([&]() -> std::string {
    const std::string got = ask(*kept, "again");
    return got.ends_with("again") ? "" : "kept: " + got + kept->error();
  });
  const std::string port = bind_.text().substr(bind_.text().rfind(':') + 1);
  add(HttpLoad::command(fmt::format("curl -sS --noproxy '*' --fail --cacert {} --resolve "
                                    "a.test:{}:127.0.0.1 https://a.test:{}/say/curl",
                                    authority_.file(), port, port),
                        "curl"));
  for (int i = 0; i < kRotations; ++i) {
    use(issued[static_cast<size_t>(i) % issued.size()]);
    const AdminAnswer answer = weir.reload();
    ASSERT_EQ(answer.json()["result"], "ok") << i << ": " << answer.body;
  }
  uint64_t done = 0;
  for (const auto& load : loads) EXPECT_TRUE(load->await_done(3));
  for (const auto& load : loads) {
    load->stop();
    EXPECT_EQ(load->failure(), "");
    done += load->done();
  }
  kept.reset();
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.imbalance(), 0);
  EXPECT_EQ(scrape.sum("weir_tls_handshake_errors_total"), 0);
  EXPECT_EQ(scrape.sum("weir_connections_ended_total", {{"reason", "tls_handshake_failed"}}), 0);
  EXPECT_GE(names.size(), 2u);
  std::cout << kRotations << " rotations, " << done << " rounds of load, " << names.size()
            << " certificates seen\n";
}

}  // namespace
}  // namespace weir::test
