// The findings of a load about TLS files: at start, and at a reload, which compares them with the
// current ones.
#include "control/tls_contexts.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <utility>

#include "support/hanging_file.h"
#include "support/tls_peer.h"

namespace weir::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class TlsContextsTest : public testing::Test {
 protected:
  void TearDown() override { ::unsetenv("SSL_CERT_DIR"), ::unsetenv("SSL_CERT_FILE"); }

  static std::string entry(const IssuedFiles& files, const std::string& more = "") {
    return "{ name: c, cert: '" + files.cert + "', key: '" + files.key + "'" + more + " }";
  }
  static std::string listener(const std::string& certificates, const std::string& more = "") {
    return "listeners: [{ name: web, bind: '127.0.0.1:0', protocol: http, cluster: app, tls: { "
           "certificates: [" +
           certificates + "]" + more + " } }]\n";
  }
  static std::string cluster(const std::string& tls = "") {
    return "clusters: [{ name: app, backends: ['127.0.0.1:1']" +
           (tls.empty() ? "" : ", tls: { " + tls + " }") + " }]\n";
  }
  // The findings, each as "code message".
  std::vector<std::string> load(const std::string& yaml, bool reload = false) {
    loaded_ = config::load_text(yaml, "test.yaml", [](const std::string&) { return std::nullopt; });
    EXPECT_TRUE(loaded_.valid()) << config::format_text(loaded_.diagnostics, false);
    loaded_.diagnostics.clear();
    contexts_ = load_tls(loaded_, reload ? &before_ : nullptr, patience_);
    std::vector<std::string> found;
    for (const config::Diagnostic& one : loaded_.diagnostics)
      found.push_back(one.code + " " + one.message);
    return found;
  }
  std::vector<std::string> reload(const std::string& yaml) { return load(yaml, true); }
  void take_into_force() {
    ASSERT_TRUE(loaded_.valid());
    before_ = {{contexts_.listeners.begin(), contexts_.listeners.end()},
               {contexts_.clusters.begin(), contexts_.clusters.end()},
               contexts_.digests};
  }
  std::string put(const std::string& from, const std::string& name) {
    std::filesystem::copy_file(from, folder_ / name,
                               std::filesystem::copy_options::overwrite_existing);
    return folder_ / name;
  }
  std::string join(const std::vector<std::string>& files, const std::string& name) {
    std::ofstream all(folder_ / name);
    for (const std::string& file : files) all << std::ifstream(file).rdbuf();
    return folder_ / name;
  }
  static std::string demand(const std::string& ca, const std::string& crl = "") {
    return ", client_auth: { mode: require, ca: '" + ca + "'" +
           (crl.empty() ? "" : ", crl: '" + crl + "'") + " }";
  }

  TempFolder folder_;
  TestAuthority authority_;
  IssuedFiles good_ = authority_.issue({.hosts = {"a.test"}});
  IssuedFiles expired_ =
      authority_.issue({.hosts = {"a.test"}, .from_days = -20, .until_days = -10});
  config::Loaded loaded_;
  TlsContexts contexts_;
  TlsInForce before_;
  Duration patience_ = FileReader::kPatience;
};

TEST_F(TlsContextsTest, ReportsEveryUnusableFile) {
  const std::string missing = folder_ / "missing";
  const std::string fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string yaml =
      listener("{ cert: /1/cert, key: /1/key }, " + entry(good_, ", ocsp: /2/ocsp") +
                   ", { cert: " + fifo + " }",
               demand("/3/ca", "/3/crl")) +
      cluster("ca: /4/ca, cert: /4/cert, key: /4/key") +
      "global: { tls_tickets: { file: /5/keys } }\n";
  const std::vector<std::string> found = load(yaml);
  EXPECT_EQ(found.size(), 10u);
  for (const char* file :
       {"/1/cert", "/1/key", "/2/ocsp", "/3/ca", "/3/crl", "/4/ca", "/4/cert", "/4/key", "/5/keys"})
    EXPECT_THAT(found, Contains(AllOf(StartsWith("E238 "), HasSubstr(std::string(file) + "'"),
                                      HasSubstr("No such file"))));
  EXPECT_THAT(found, Contains(AllOf(HasSubstr(fifo), HasSubstr("it is a FIFO"))));
  EXPECT_FALSE(loaded_.valid());
}

TEST_F(TlsContextsTest, HangingFileFailsOneLoadAndNoLaterLoad) {
  const std::string stuck = put(good_.cert, "stuck.pem");
  HangingFile hanging(stuck);
  patience_ = 20ms;
  const std::string bad = "{ cert: '" + stuck + "', key: '" + good_.key + "' }";
  EXPECT_THAT(load(listener(bad + ", " + entry(good_)) + cluster("ca: /missing")),
              ElementsAre(AllOf(HasSubstr("'" + stuck + "': no answer within"))));
  patience_ = FileReader::kPatience;
  EXPECT_THAT(load(listener(entry(good_)) + cluster()), IsEmpty());
  hanging.answer();
  EXPECT_THAT(load(listener(bad) + cluster()), IsEmpty());
}

TEST_F(TlsContextsTest, ExpiredFileIsAWarningAtStartAndWhileItIsUsed) {
  const auto yaml = [&](const std::string& more) {
    return listener(entry(expired_,
                          ", ocsp: '" + authority_.ocsp_response(expired_, true, -9, -2) + "'"),
                    demand(authority_.file(), authority_.revoke({}, -1))) +
           cluster("cert: '" + expired_.cert + "', key: '" + expired_.key + "', verify: false") +
           more;
  };
  const std::string first = yaml("");
  const auto expect_warnings = [&](const std::vector<std::string>& found) {
    EXPECT_THAT(found, ElementsAre(AllOf(StartsWith("W243 "), HasSubstr("the revocation list in")),
                                   AllOf(StartsWith("W243 "), HasSubstr("the OCSP response in")),
                                   AllOf(StartsWith("W243 "), HasSubstr(expired_.cert),
                                         HasSubstr("expired on 20"), HasSubstr(" UTC"))));
    EXPECT_TRUE(loaded_.valid());
  };
  expect_warnings(load(first));
  take_into_force();
  expect_warnings(reload(first + "drain: { timeout: 7s }\n"));
}

TEST_F(TlsContextsTest, OcspResponseExpiresWithTheCertificateOfItsSigner) {
  TestAuthority signer(authority_.issue({.common_name = "responder",
                                         .from_days = -20,
                                         .until_days = -10,
                                         .extensions = {{"extendedKeyUsage", "OCSPSigning"}}}));
  const std::string ocsp = authority_.ocsp_response(good_, {.signer = &signer});
  EXPECT_THAT(load(listener(entry(good_, ", ocsp: '" + ocsp + "'")) + cluster()),
              ElementsAre(AllOf(StartsWith("W243 "), HasSubstr(ocsp), HasSubstr("expired on"))));
  EXPECT_TRUE(loaded_.valid());
}

TEST_F(TlsContextsTest, NewExpiredFileFailsAReload) {
  const std::string cert = put(good_.cert, "cert"), key = put(good_.key, "key");
  const std::string crl = put(authority_.revoke({}), "crl");
  const std::string ocsp = put(authority_.ocsp_response(good_), "ocsp");
  const std::string yaml =
      listener(entry({cert, key}, ", ocsp: '" + ocsp + "'"), demand(authority_.file(), crl)) +
      cluster();
  ASSERT_THAT(load(yaml), IsEmpty());
  take_into_force();
  put(authority_.revoke({}, -1), "crl");
  EXPECT_THAT(reload(yaml), ElementsAre(AllOf(StartsWith("E257 "), HasSubstr(crl))));
  put(authority_.revoke({}), "crl");
  put(authority_.ocsp_response(good_, true, -9, -2), "ocsp");
  EXPECT_THAT(reload(yaml), ElementsAre(AllOf(StartsWith("E257 "), HasSubstr(ocsp))));
  put(expired_.cert, "cert");
  put(expired_.key, "key");
  put(authority_.ocsp_response(expired_), "ocsp");
  EXPECT_THAT(reload(yaml), ElementsAre(AllOf(StartsWith("E257 "), HasSubstr(cert))));
  const std::string other = "cert: '" + expired_.cert + "', key: '" + expired_.key + "'";
  put(good_.cert, "cert");
  put(good_.key, "key");
  put(authority_.ocsp_response(good_), "ocsp");
  EXPECT_THAT(reload(listener(entry({cert, key})) + cluster(other + ", verify: false")),
              ElementsAre(AllOf(StartsWith("E257 "), HasSubstr(expired_.cert))));
}

TEST_F(TlsContextsTest, FileThatIsNotYetValidIsAcceptedAndReportedWithItsTime) {
  const std::string cert = put(good_.cert, "cert"), key = put(good_.key, "key");
  const std::string yaml = listener(entry({cert, key})) +
                           cluster("verify: false, cert: '" + cert + "', key: '" + key + "'");
  ASSERT_THAT(load(yaml), IsEmpty());
  take_into_force();
  const IssuedFiles early = authority_.issue({.hosts = {"a.test"}, .from_days = 2});
  put(early.cert, "cert");
  put(early.key, "key");
  EXPECT_THAT(reload(yaml),
              ElementsAre(AllOf(StartsWith("W243 "), HasSubstr("is not valid before 20"),
                                HasSubstr(" UTC: until then the previous one"))));
  EXPECT_TRUE(loaded_.valid());
}

TEST_F(TlsContextsTest, CertificateThatIsNotYetValidMayHaveFewerNames) {
  const IssuedFiles both = authority_.issue({.hosts = {"a.test", "b.test", "*.c.test"}});
  const std::string cert = put(both.cert, "cert"), key = put(both.key, "key");
  const std::string yaml = listener(entry({cert, key})) + cluster();
  ASSERT_THAT(load(yaml), IsEmpty());
  take_into_force();
  const IssuedFiles early = authority_.issue({.hosts = {"a.test"}, .from_days = 2});
  put(early.cert, "cert");
  put(early.key, "key");
  EXPECT_THAT(reload(yaml), ElementsAre(StartsWith("W243 ")));
  EXPECT_TRUE(loaded_.valid());
  const IssuedFiles second = authority_.issue({.hosts = {"b.test", "*.test"}});
  const std::string moved = entry({cert, key}) + ", { name: two, cert: '" + second.cert +
                            "', key: '" + second.key + "', client_auth: { mode: require, ca: '" +
                            authority_.file() + "' } }";
  EXPECT_THAT(reload(listener(moved) + cluster()), ElementsAre(StartsWith("W243 ")));
  EXPECT_TRUE(loaded_.valid());
}

// The fingerprint is of every list that is in force.
TEST_F(TlsContextsTest, ReplacementRevocationListsAreStoredOnceOverManyReloads) {
  const std::string crl = put(authority_.revoke({}), "crl");
  const std::string other = put(authority_.revoke({expired_}), "other.crl");
  const std::string yaml =
      listener(entry(good_, demand(authority_.file(), other)), demand(authority_.file(), crl)) +
      cluster();
  ASSERT_THAT(load(yaml), IsEmpty());
  take_into_force();
  put(authority_.revoke({}, 7, 1), "crl");
  put(authority_.revoke({expired_}, 7, 1), "other.crl");
  std::string fingerprint;
  for (int i = 0; i < 8; ++i) {
    EXPECT_THAT(reload(yaml),
                Each(AllOf(StartsWith("W243 "), HasSubstr("until then the previous one"))));
    take_into_force();
    const std::string now = contexts_.listeners.at("web")->fingerprint();
    EXPECT_EQ(std::exchange(fingerprint, now), i == 0 ? "" : now) << i;
  }
}

TEST_F(TlsContextsTest, SystemAuthoritiesAreReadAndWatched) {
  std::filesystem::create_directory(folder_ / "certs");
  ::setenv("SSL_CERT_DIR", (folder_ / "certs").c_str(), 1);
  ::setenv("SSL_CERT_FILE", put(authority_.file(), "bundle.pem").c_str(), 1);
  const std::string yaml = listener(entry(good_)) + cluster("sni: a.test");
  const auto fingerprint = [&] {
    EXPECT_THAT(load(yaml), IsEmpty());
    return contexts_.clusters.at("app")->fingerprint();
  };
  const std::string first = fingerprint();
  EXPECT_EQ(fingerprint(), first);
  EXPECT_THAT(loaded_.model.watched_directories,
              AllOf(Contains(folder_ / "certs"),
                    Contains(std::filesystem::path(folder_ / "certs").parent_path().string())));
  TestAuthority other("other");
  put(other.file(), "certs/0123abcd.0");
  const std::string second = fingerprint();
  EXPECT_NE(second, first) << "a new authority in the folder";
  put(other.file(), "bundle.pem");
  EXPECT_NE(fingerprint(), second) << "another bundle";
  put(other.file(), "certs/README");
  put(good_.key, "certs/89abcdef.0");
  EXPECT_THAT(load(yaml), ElementsAre(AllOf(StartsWith("W247 "), HasSubstr("89abcdef.0"))));
}

TEST_F(TlsContextsTest, HangingSystemAuthoritiesFailTheLoad) {
  std::filesystem::create_directory(folder_ / "certs");
  const std::string stuck = put(authority_.file(), "certs/0123abcd.0");
  ::setenv("SSL_CERT_DIR", (folder_ / "certs").c_str(), 1);
  ::setenv("SSL_CERT_FILE", put(authority_.file(), "bundle.pem").c_str(), 1);
  HangingFile hanging(stuck);
  patience_ = 500ms;
  EXPECT_THAT(load(listener(entry(good_)) + cluster("sni: a.test")),
              ElementsAre(AllOf(StartsWith("E238 "), HasSubstr(stuck))));
  hanging.answer();
}

TEST_F(TlsContextsTest, ReportsASystemWithoutAuthorities) {
  ::setenv("SSL_CERT_DIR", (folder_ / "none").c_str(), 1);
  ::setenv("SSL_CERT_FILE", (folder_ / "none.pem").c_str(), 1);
  EXPECT_THAT(load(listener(entry(good_)) + cluster("sni: a.test")),
              Contains(HasSubstr("no backend's certificate is accepted")));
}

TEST_F(TlsContextsTest, CipherThatHttp2ProhibitsIsAWarningWhereH2IsOffered) {
  const auto warnings = [&](const std::string& keys) {
    return load("listeners: [{ bind: '127.0.0.1:0', cluster: app, tls: { certificates: [" +
                entry(good_) + "], " + keys + " } }]\n" + cluster());
  };
  const std::string old = "ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:AES256-GCM-SHA384'";
  EXPECT_THAT(warnings("alpn: [h2, http/1.1], " + old),
              ElementsAre(AllOf(StartsWith("W250 "), HasSubstr(" AES128-SHA, AES256-GCM-SHA384 "),
                                Not(HasSubstr("ECDHE")))));
  EXPECT_THAT(warnings("alpn: http/1.1, " + old), IsEmpty());
  EXPECT_THAT(warnings("alpn: h2, min_version: '1.3'"), IsEmpty());
  EXPECT_THAT(warnings("alpn: h2"), IsEmpty()) << "the default ciphers are allowed";
}

TEST_F(TlsContextsTest, CertificateThatClientsWillRejectIsAWarning) {
  const auto warnings = [&](TestAuthority::Wish wish, const std::string& more = "") {
    return load(listener(entry(authority_.issue(wish), more)) + cluster());
  };
  EXPECT_THAT(warnings({.hosts = {"a.test"}, .extensions = {{"tlsfeature", "status_request"}}}),
              ElementsAre(AllOf(StartsWith("W244 "), HasSubstr("must-staple"))));
  EXPECT_THAT(warnings({.hosts = {"a.test"}, .extensions = {{"extendedKeyUsage", "clientAuth"}}}),
              ElementsAre(AllOf(StartsWith("W248 "), HasSubstr("not for servers"))));
  EXPECT_THAT(warnings({.hosts = {}}),
              ElementsAre(AllOf(StartsWith("W248 "), HasSubstr("no subjectAltName"))));
  IssuedFiles alone = authority_.issue(
      {.hosts = {"a.test"},
       .extensions = {{"authorityInfoAccess", "caIssuers;URI:http://ca.test/ca.der"}}});
  const std::string chain{std::istreambuf_iterator<char>(std::ifstream(alone.cert).rdbuf()), {}};
  EXPECT_THAT(load(listener(entry(alone)) + cluster()), IsEmpty());
  std::ofstream(alone.cert) << chain.substr(0, chain.find("-----BEGIN", 1));
  EXPECT_THAT(load(listener(entry(alone)) + cluster()),
              ElementsAre(AllOf(StartsWith("W249 "), HasSubstr(alone.cert))));
  const IssuedFiles server =
      authority_.issue({.hosts = {"b"}, .extensions = {{"extendedKeyUsage", "serverAuth"}}});
  EXPECT_THAT(load(listener(entry(good_)) + cluster("verify: false, cert: '" + server.cert +
                                                    "', key: '" + server.key + "'")),
              ElementsAre(AllOf(StartsWith("W248 "), HasSubstr("backends refuse it"))));
}

TEST_F(TlsContextsTest, SecondCertificateOfTheSameNameAndKeyTypeIsAWarning) {
  const IssuedFiles second = authority_.issue({.hosts = {"b.test", "a.test"}});
  const IssuedFiles rsa = authority_.issue({.hosts = {"a.test"}, .rsa = true});
  const std::string more =
      ", { name: two, cert: '" + second.cert + "', key: '" + second.key + "' }";
  EXPECT_THAT(load(listener(entry(good_) + more) + cluster()),
              ElementsAre(AllOf(StartsWith("W245 "), HasSubstr("'a.test'"), HasSubstr("'two'"))));
  const std::string beside = ", { name: two, cert: '" + rsa.cert + "', key: '" + rsa.key + "' }";
  EXPECT_THAT(load(listener(entry(good_) + beside) + cluster()), IsEmpty());
}

TEST_F(TlsContextsTest, AuthoritiesThatVerifyNoCertificateAreAWarning) {
  const IssuedFiles middle = authority_.issue({.common_name = "middle", .authority = true});
  std::string text{std::istreambuf_iterator<char>(std::ifstream(middle.cert).rdbuf()), {}};
  std::ofstream(folder_ / "middle.pem") << text.substr(0, text.find("-----BEGIN", 1));
  const auto warnings = [&](const std::string& ca, const std::string& crl = "") {
    return load(listener(entry(good_), demand(ca, crl)) + cluster());
  };
  EXPECT_THAT(warnings(folder_ / "middle.pem"),
              ElementsAre(AllOf(StartsWith("W247 "), HasSubstr("no root"), HasSubstr("'middle'"))));
  EXPECT_THAT(
      load(listener(entry(good_)) + cluster("sni: a.test, ca: '" + (folder_ / "middle.pem") + "'")),
      ElementsAre(AllOf(StartsWith("W247 "), HasSubstr("cluster 'app'"))));
  TestAuthority other("other root");
  EXPECT_THAT(warnings(join({other.file(), folder_ / "middle.pem"}, "both.pem")),
              ElementsAre(AllOf(StartsWith("W247 "), HasSubstr("issued by 'middle'"))));
  const std::string roots = join({authority_.file(), other.file()}, "roots.pem");
  EXPECT_THAT(warnings(roots, authority_.revoke({})),
              ElementsAre(AllOf(StartsWith("W246 "), HasSubstr("'other root'"))));
  EXPECT_THAT(warnings(roots, join({authority_.revoke({}), other.revoke({})}, "lists.pem")),
              IsEmpty());
}

}  // namespace
}  // namespace weir::test
