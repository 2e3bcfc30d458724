// TLS with curl, openssl s_client, and nginx as a backend; and thousands of clients that begin a
// handshake and do not complete it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <openssl/x509v3.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "support/config_text.h"
#include "support/foreign_server.h"
#include "support/http_load.h"
#include "support/proxy_process.h"
#include "support/tls_steps.h"
#include "support/weir_build.h"
#include "support/weir_command.h"

namespace weir::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A sanitizer is slow and keeps records of every byte.
const size_t kStalled = weir_is_sanitized() ? 500 : 2000;
const size_t kBytesEach = weir_is_sanitized() ? 400 * 1024 : 40 * 1024;

const std::string kQuiet = "logging: {level: warn, access: {output: none}}\n";

struct Ran {
  int code = -1;
  std::string out;  // of both kinds
};

Ran run(const std::string& line) {
  FILE* const out = ::popen(("{ " + line + "; } 2>&1").c_str(), "r");
  Ran ran;
  char block[4096];
  for (size_t n; (n = std::fread(block, 1, sizeof block, out)) > 0;) ran.out.append(block, n);
  const int status = ::pclose(out);
  if (WIFEXITED(status)) ran.code = WEXITSTATUS(status);
  return ran;
}

class TlsClientsTest : public testing::Test {
 protected:
  TlsClientsTest() {
    char name[] = "/tmp/weir-clients-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~TlsClientsTest() override { std::filesystem::remove_all(directory_); }

  // `tls`: further keys of it; `listener`: of the listener.
  std::string text(const std::string& tls = "", const std::string& listener = "") const {
    return config_text(
        http_listener("web", bind_,
                      "cluster: app, " + tls_with(site_.cert, site_.key, tls) + listener),
        cluster("app", {backend_.address()}), kQuiet);
  }
  std::string port() const { return bind_.text().substr(bind_.text().rfind(':') + 1); }
  std::string url(const std::string& path) const { return "https://a.test:" + port() + path; }
  Ran curl(const std::string& options) const {
    return run(
        fmt::format("curl -sS --noproxy '*' --max-time 60 --cacert {} --resolve "
                    "a.test:{}:127.0.0.1 {}",
                    authority_.file(), port(), options));
  }
  // Its standard input is `input`, in the format of printf.
  Ran s_client(const std::string& input, const std::string& options) const {
    return run(
        fmt::format("printf '{}' | timeout 60 openssl s_client -connect {} -CAfile {} "
                    "-verify_return_error {}",
                    input, bind_.text(), authority_.file(), options));
  }
  static std::string last_request(const std::string& what) {
    return "GET /say/" + what + " HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n";
  }
  static double handshakes(const Scrape& scrape, const std::string& version) {
    return scrape.sum("weir_tls_handshakes_total", {{"version", version}});
  }
  static double errors(const Scrape& scrape, const std::string& reason) {
    return scrape.sum("weir_tls_handshake_errors_total", {{"reason", reason}});
  }
  void expect_all_over(const ProxyProcess& weir) {
    EXPECT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
    EXPECT_EQ(weir.scrape().imbalance(), 0);
  }

  std::string directory_;
  TestAuthority authority_;
  IssuedFiles site_ = authority_.issue({.hosts = {"a.test"}, .common_name = "a"});
  const Address bind_ = free_address();
  HttpBackend backend_{HttpLoad::answer};
};

TEST_F(TlsClientsTest, CurlGetsSeveralUrlsOverOneConnection) {
  ProxyProcess weir(text());
  const Ran ran =
      curl("--fail " + url("/say/one") + " " + url("/say/two") + " " + url("/say/three"));
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "onetwothree");
  expect_all_over(weir);
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.sum("weir_connections_total"), 1);
  EXPECT_EQ(handshakes(scrape, "1.3"), 1);
}

TEST_F(TlsClientsTest, CurlVerifiesTheChainAndTrustsNoOther) {
  TestAuthority others("others");
  ProxyProcess weir(text());
  EXPECT_EQ(curl("--fail -o /dev/null " + url("/say/x")).code, 0);
  EXPECT_EQ(curl("--cacert " + others.file() + " " + url("/say/x")).code, 60);
  ASSERT_TRUE(weir.await_metric("weir_tls_handshake_errors_total", {{"reason", "refused"}}, 1));
  expect_all_over(weir);
}

TEST_F(TlsClientsTest, CurlUploadsAndDownloadsCompletelyInBothVersions) {
  constexpr size_t kSize = 5'000'000;
  const std::string file = directory_ + "/sent", got = directory_ + "/got";
  {
    std::ofstream out(file, std::ios::binary);
    for (size_t at = 0; at < kSize; at += 65536)
      out << pattern(at, std::min<size_t>(65536, kSize - at));
  }
  ProxyProcess weir(text());
  for (const char* version : {"--tls-max 1.2", "--tlsv1.3"}) {
    const Ran up =
        curl(fmt::format("--fail {} -H Expect: -X POST -T {} {}", version, file, url("/count")));
    EXPECT_EQ(up.out, fmt::format("{} bytes, intact", kSize)) << version;
    const Ran chunked =
        curl(fmt::format("--fail {} -H Expect: -X POST -T - {} <{}", version, url("/count"), file));
    EXPECT_EQ(chunked.out, fmt::format("{} bytes, intact", kSize)) << version;
    for (const char* kind : {"bytes", "chunks"}) {
      EXPECT_EQ(curl(fmt::format("--fail {} -o {} {}", version, got,
                                 url(fmt::format("/{}/{}", kind, kSize))))
                    .code,
                0);
      EXPECT_EQ(run("cmp " + file + " " + got).out, "") << version << kind;
    }
  }
  expect_all_over(weir);
  EXPECT_EQ(handshakes(weir.scrape(), "1.2"), 4);
  EXPECT_EQ(handshakes(weir.scrape(), "1.3"), 4);
}

TEST_F(TlsClientsTest, SelfSignedCertificateIsForLocalNamesAndKeptOverReloads) {
  const std::string admin = "unix:" + directory_ + "/admin.sock";
  const std::vector<std::string> arguments = {
      "proxy",   "--from", bind_.text(), "--to", backend_.address().text(), "--tls-self-signed",
      "--admin", admin};
  ProxyProcess weir("", {.arguments = arguments});
  ASSERT_TRUE(weir.ready()) << weir.errors();
  const auto shown = [&] {
    TlsPeer peer(Socket::connect(bind_), {});
    EXPECT_EQ(handshake(peer), TlsPeer::State::done) << peer.error();
    X509* certificate = SSL_get1_peer_certificate(peer.ssl());
    EXPECT_EQ(X509_check_host(certificate, "localhost", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(certificate, "::1", 0), 1);
    const std::string serial(
        reinterpret_cast<const char*>(X509_get0_serialNumber(certificate)->data),
        static_cast<size_t>(X509_get0_serialNumber(certificate)->length));
    X509_free(certificate);
    return serial;
  };
  const std::string first = shown();
  const Ran distrusted = curl("--fail " + url("/say/x"));
  EXPECT_EQ(distrusted.code, 60);
  EXPECT_EQ(curl("--insecure --fail " + url("/say/one")).out, "one");
  EXPECT_EQ(run_weir("reload", directory_, admin).code, 0);
  EXPECT_EQ(shown(), first);
  for (const char* other : {"--print-config", "--tls-cert x.pem"})
    EXPECT_EQ(
        run_weir("proxy --from :1 --to :2 --tls-self-signed " + std::string(other), directory_)
            .code,
        2);
}

TEST_F(TlsClientsTest, OpensslConnectsWithBothVersionsAndNoOlderOne) {
  ProxyProcess weir(text());
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const Ran ran =
        s_client(last_request("hello"), fmt::format("-ign_eof -servername a.test {}", version));
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_THAT(ran.out, AllOf(HasSubstr("HTTP/1.1 200 OK"), HasSubstr("hello"),
                               HasSubstr("Verify return code: 0 (ok)")));
  }
  for (const char* version : {"-tls1_1", "-tls1"}) {
    const Ran ran = s_client("", fmt::format("{} -cipher DEFAULT@SECLEVEL=0", version));
    EXPECT_NE(ran.code, 0);
    EXPECT_THAT(ran.out, HasSubstr("protocol version"));
  }
  expect_all_over(weir);
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(handshakes(scrape, "1.2"), 1);
  EXPECT_EQ(handshakes(scrape, "1.3"), 1);
  EXPECT_EQ(errors(scrape, "version"), 2);
}

TEST_F(TlsClientsTest, OpensslResumesItsSession) {
  ProxyProcess weir(text() + "global: {workers: 2}\n");
  const std::string session = directory_ + "/session";
  double resumed = 0;
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const std::string options = fmt::format("-ign_eof -servername a.test {} ", version);
    const Ran first = s_client(last_request("one"), options + "-sess_out " + session);
    EXPECT_THAT(first.out, AllOf(HasSubstr("New, TLSv1."), HasSubstr("one"))) << version;
    const Ran second = s_client(last_request("two"), options + "-sess_in " + session);
    EXPECT_THAT(second.out, AllOf(HasSubstr("Reused, TLSv1."), HasSubstr("two"))) << version;
    EXPECT_EQ(weir.scrape().sum("weir_tls_resumptions_total"), ++resumed);
  }
  const Ran again = s_client(last_request("three"), "-ign_eof -tls1_2 -reconnect");
  EXPECT_THAT(again.out, HasSubstr("Reused, TLSv1.2"));
  EXPECT_EQ(weir.scrape().sum("weir_tls_resumptions_total"), resumed + 5);
  expect_all_over(weir);
}

TEST_F(TlsClientsTest, OpensslSendsACertificateWhenRequired) {
  ProxyProcess weir(text(", client_auth: {mode: require, ca: '" + authority_.file() + "'}"));
  TestAuthority others("others");
  const IssuedFiles known = authority_.issue({.common_name = "client"});
  const IssuedFiles stranger = others.issue({.common_name = "client"});
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const auto with = [&](const std::string& certificate) {
      return s_client(last_request("hello"), fmt::format("-ign_eof {} {}", version, certificate));
    };
    const auto files = [](const IssuedFiles& issued) {
      return fmt::format("-cert {} -key {}", issued.cert, issued.key);
    };
    EXPECT_THAT(with(files(known)).out, HasSubstr("HTTP/1.1 200 OK")) << version;
    EXPECT_THAT(with(files(stranger)).out, AllOf(HasSubstr("alert"), Not(HasSubstr("200 OK"))))
        << version;
    EXPECT_THAT(with("").out, AllOf(HasSubstr("alert"), Not(HasSubstr("200 OK")))) << version;
  }
  expect_all_over(weir);
  EXPECT_EQ(errors(weir.scrape(), "client_cert"), 4);
}

TEST_F(TlsClientsTest, ClientThatClosesAtOnceIsNoFailure) {
  ProxyProcess weir(text());
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const Ran ran = s_client("", version);
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("Verify return code: 0 (ok)"));
  }
  expect_all_over(weir);
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.sum("weir_tls_handshake_errors_total"), 0);
  EXPECT_EQ(scrape.sum("weir_connections_ended_total", {{"reason", "error"}}), 0);
}

ForeignServer nginx_with(const IssuedFiles& files, const Address& at) {
  return ForeignServer::nginx(fmt::format(R"(http {{ {}
  keepalive_timeout 65s; client_max_body_size 0;
  server {{
    listen {} ssl;
    ssl_certificate {}; ssl_certificate_key {};
    ssl_session_tickets on; ssl_protocols TLSv1.2 TLSv1.3;
    location /files/ {{ alias files/; dav_methods PUT; create_full_put_path on; }}
    location /last {{ keepalive_timeout 0; return 200 "$ssl_server_name $ssl_session_reused"; }}
    location / {{ return 200 "$ssl_protocol $ssl_server_name"; }}
  }}
}})",
                                          kNginxInItsFolder, at.text(), files.cert, files.key),
                              {at});
}

TEST_F(TlsClientsTest, NginxBackendIsVerified) {
  const Address behind = free_address();
  const ForeignServer nginx =
      nginx_with(authority_.issue({.hosts = {"b.test"}, .common_name = "b"}), behind);
  const auto with = [&](const std::string& tls) {
    return config_text(
        http_listener("web", bind_, "cluster: app"),
        cluster("app", {behind}, "tls: {ca: '" + authority_.file() + "', " + tls + "}"), kQuiet);
  };
  ProxyProcess weir(with("sni: b.test"));
  HttpPeer peer(Socket::connect(bind_));
  for (int i = 0; i < 20; ++i) {
    const HttpMessage answer = peer.ask(http_get("/"));
    ASSERT_EQ(answer.status(), 200) << answer.head;
    EXPECT_EQ(answer.body, "TLSv1.3 b.test");
  }
  EXPECT_EQ(weir.scrape().sum("weir_backend_connects_total"), 1);
  EXPECT_EQ(peer.ask(http_get("/last")).body, "b.test .");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(peer.ask(http_get("/last")).body, "b.test r") << i;

  const std::string file = directory_ + "/sent", got = directory_ + "/got";
  {
    std::ofstream out(file, std::ios::binary);
    for (size_t at = 0; at < 8'000'000; at += 50'000) out << pattern(at, 50'000);
  }
  const std::string target = "http://" + bind_.text() + "/files/uploaded";
  EXPECT_EQ(run(fmt::format("curl -sS --noproxy '*' --fail -T {} {}", file, target)).code, 0);
  EXPECT_EQ(run(fmt::format("curl -sS --noproxy '*' --fail -o {} {}", got, target)).code, 0);
  EXPECT_EQ(run("cmp " + file + " " + got).out, "");
  EXPECT_EQ(weir.scrape().sum("weir_backend_connect_errors_total"), 0);

  weir.write_config(with("sni: c.test"));
  ASSERT_EQ(weir.reload().status, 200);
  EXPECT_EQ(peer.ask(http_get("/")).status(), 502);
  EXPECT_GT(weir.scrape().sum("weir_backend_connect_errors_total", {{"reason", "tls_name"}}), 0);
}

class StalledHandshakesTest : public TlsClientsTest {
 protected:
  StalledHandshakesTest() { allow_many_descriptors(); }

  // The first bytes of a client.
  static std::string client_hello() {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL* const ssl = SSL_new(context);
    BIO* const out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    SSL_set_tlsext_host_name(ssl, "a.test");
    SSL_connect(ssl);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string hello(data, static_cast<size_t>(size));
    SSL_free(ssl);
    SSL_CTX_free(context);
    return hello;
  }
  // One of three clients sends nothing, one half of its first message, one the whole message.
  void open_all() {
    const std::string hello = client_hello();
    for (size_t i = 0; i < kStalled; ++i) {
      stalled_.push_back(Socket::connect(bind_));
      ASSERT_TRUE(stalled_.back()) << i;
      ASSERT_TRUE(stalled_.back().send(hello.substr(0, hello.size() * (i % 3) / 2))) << i;
    }
  }
  std::string request(TlsPeer& peer) const {
    return peer.send(http_get("/say/hello")) ? receive_until(peer, "hello") : "not sent";
  }
  static double heap(const ProxyProcess& weir) { return weir.scrape().sum("process_heap_bytes"); }

  std::vector<Socket> stalled_;
};

TEST_F(StalledHandshakesTest, UseBoundedMemoryDelayNoOtherClientAndTimeOut) {
  // Long enough for all of them to be there at once on a slow machine.
  ProxyProcess weir(text("", ", timeouts: {tls_handshake: 12s, keep_alive: 5m}"));
  TlsPeer kept(Socket::connect(bind_), {.sni = "a.test", .trust = &authority_});
  ASSERT_EQ(handshake(kept), TlsPeer::State::done) << kept.error();
  ASSERT_THAT(request(kept), HasSubstr("200 OK"));
  const size_t before = weir.resident_bytes();
  const double heap_before = heap(weir);

  ASSERT_NO_FATAL_FAILURE(open_all());
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, double(kStalled + 1)));
  for (int i = 0; i < 50; ++i) ASSERT_THAT(request(kept), HasSubstr("200 OK")) << i;
  TlsPeer fresh(Socket::connect(bind_), {.sni = "a.test", .trust = &authority_});
  ASSERT_EQ(handshake(fresh), TlsPeer::State::done) << fresh.error();
  ASSERT_THAT(request(fresh), HasSubstr("200 OK"));
  const size_t growth = weir.resident_bytes() - before;
  EXPECT_LT(growth, kStalled * kBytesEach);
  EXPECT_EQ(errors(weir.scrape(), "timeout"), 0) << "until now all clients were connected";

  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 2, 60s));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(errors(scrape, "timeout"), kStalled);
  EXPECT_EQ(scrape.sum("weir_connections_ended_total", {{"reason", "tls_handshake_timeout"}}),
            kStalled);
  for (Socket& one : stalled_) EXPECT_NE(one.wait_end(1s), Socket::End::open);
  EXPECT_THAT(request(kept), HasSubstr("200 OK"));
  EXPECT_EQ(scrape.imbalance(), 0);
  const double left = heap(weir) - heap_before;
  EXPECT_LT(left, 6 << 20) << "their memory was freed";
  std::cout << kStalled << " handshakes, " << growth / kStalled << " bytes each, "
            << size_t(std::max(left, 0.0)) << " left\n";
}

}  // namespace
}  // namespace weir::test
