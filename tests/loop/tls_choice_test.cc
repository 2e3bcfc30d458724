// The choice of the certificate: for each key type the best one for the server name, also when the
// validity changes with time.
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using State = TlsPeer::State;

class TlsChoiceTest : public TlsListenerFixture {
 protected:
  static constexpr const char* kEcdsa = "ECDSA+SHA256";
  static constexpr const char* kRsa = "RSA-PSS+SHA256:RSA+SHA256";

  void show(const std::vector<IssuedFiles>& files, const std::string& more = "") {
    std::string all;
    for (const IssuedFiles& one : files) all += (all.empty() ? "" : ", ") + entry(one);
    secure("certificates: [" + all + "]" + more);
  }
  IssuedFiles issue(const std::string& name, const std::vector<std::string>& hosts, bool rsa,
                    int from_days = -1, int until_days = 30) {
    return authority.issue({.hosts = hosts,
                            .common_name = name,
                            .rsa = rsa,
                            .from_days = from_days,
                            .until_days = until_days});
  }
  // The name in the certificate; "none": no certificate has a key type that the client supports.
  std::string shown(const std::string& sni, const std::string& signatures = "") {
    auto one = peer({.sni = sni, .signatures = signatures});
    return handshake(*one) == State::done ? one->peer_name() : "none";
  }
};

TEST_F(TlsChoiceTest, KeyTypeIsChosenPerNameWhateverOtherNamesACertificateHas) {
  show({issue("rsa", {"a.test", "b.test"}, true),
        issue("ec", {"b.test", "a.test", "c.test"}, false)});
  for (const char* host : {"a.test", "b.test"}) {
    EXPECT_EQ(shown(host, kRsa), "rsa") << host;
    EXPECT_EQ(shown(host, kEcdsa), "ec") << host;
  }
  EXPECT_EQ(shown("c.test", kEcdsa), "ec");
  EXPECT_EQ(shown("c.test", kRsa), "none");
  EXPECT_EQ(shown("", kRsa), "rsa");
  EXPECT_EQ(shown("", kEcdsa), "ec") << "without a server name: the default certificate";
}

TEST_F(TlsChoiceTest, WildcardProvidesTheKeyTypeMissingFromTheExactCertificate) {
  show({issue("wild ec", {"*.test"}, false), issue("wild rsa", {"*.test"}, true),
        issue("own rsa", {"a.test"}, true), issue("other", {"*.a.test"}, false)});
  EXPECT_EQ(shown("a.test", kRsa), "own rsa");
  EXPECT_EQ(shown("a.test", kEcdsa), "wild ec");
  EXPECT_EQ(shown("b.test", kRsa), "wild rsa");
  EXPECT_EQ(shown("b.test", kEcdsa), "wild ec");
  EXPECT_EQ(shown("x.a.test", kRsa), "none");
}

TEST_F(TlsChoiceTest, ValidCertificateIsPreferred) {
  const IssuedFiles early = issue("early", {"a.test"}, false, 10, 20);
  const IssuedFiles wild = issue("wild", {"*.test"}, false);
  const IssuedFiles rsa = issue("rsa", {"a.test"}, true);
  const auto best_of = [&](const std::vector<IssuedFiles>& files) {
    show(files);
    return shown("a.test");
  };
  EXPECT_EQ(best_of({early, issue("good", {"a.test"}, false)}), "good");
  EXPECT_EQ(best_of({early, wild}), "wild");
  EXPECT_EQ(best_of({early, rsa}), "rsa") << "a valid certificate of another key type comes first";
  EXPECT_EQ(best_of({early}), "early") << "better than none";
}

TEST_F(TlsChoiceTest, RenewedCertificateIsUsedWhenItBecomesValid) {
  TempFolder folder;
  const IssuedFiles files{folder / "cert.pem", folder / "key.pem"};
  const auto put = [&](const IssuedFiles& from) {
    const auto how = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(from.cert, files.cert, how);
    std::filesystem::copy_file(from.key, files.key, how);
  };
  put(issue("first", {"a.test"}, false));
  show({files});
  EXPECT_EQ(shown("a.test"), "first");
  put(authority.issue(
      {.hosts = {"a.test"}, .common_name = "second", .from_days = 0, .valid_in = 4}));
  show({files});
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].code, "W243");
  EXPECT_EQ(shown("a.test"), "first");
  EXPECT_EQ(shown("unknown.test"), "first") << "the default";
  show({files}, ", reject_unknown_sni: true");
  EXPECT_EQ(shown("a.test"), "first") << "also after a reload of something else";
  EXPECT_TRUE(run_until([&] { return shown("a.test") == "second"; }, 5000));
}

}  // namespace
}  // namespace weir::test
