#include "cli/ad_hoc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

ProxyOptions flags() {
  ProxyOptions options;
  options.from = {":8080", "[::1]:8081"};
  options.to = {"a.example:9000", "unix:/run/b.sock"};
  options.balance = "random_two";
  options.tcp = true;
  return options;
}

config::Loaded loaded(const ProxyOptions& options) {
  Result<std::string> text = ad_hoc_config(options);
  EXPECT_TRUE(text);
  return config::load_text(*text, "weir proxy", config::process_environment());
}

TEST(AdHocConfig, WritesAFileEquivalentToTheFlags) {
  config::Loaded file = loaded(flags());
  ASSERT_TRUE(file.valid()) << config::format_text(file.diagnostics, false);
  ASSERT_EQ(file.model.listeners.size(), 1u);
  EXPECT_EQ(file.model.listeners[0].bind, flags().from);
  ASSERT_EQ(file.model.clusters.size(), 1u);
  EXPECT_EQ(file.model.clusters[0].balance, config::Balance::random_two);
  ASSERT_EQ(file.model.clusters[0].backends.size(), 2u);
  EXPECT_EQ(file.model.clusters[0].backends[1].address, "unix:/run/b.sock");
  EXPECT_EQ(file.model.admin.socket, "");
}

TEST(AdHocConfig, ServesTheAdminApiAtTheGivenAddress) {
  ProxyOptions options = flags();
  options.admin = "unix:/tmp/admin.sock";
  EXPECT_EQ(loaded(options).model.admin.socket, "/tmp/admin.sock");
  options.admin = "http://127.0.0.1:9901";
  EXPECT_EQ(loaded(options).model.admin.bind, "127.0.0.1:9901");
}

TEST(AdHocConfig, UsesHttpUnlessTcpIsGiven) {
  ProxyOptions options = flags();
  EXPECT_EQ(loaded(options).model.listeners[0].protocol, config::Protocol::tcp);
  options.tcp = false;
  const config::Loaded http = loaded(options);
  EXPECT_TRUE(http.valid()) << config::format_text(http.diagnostics, false);
  EXPECT_EQ(http.model.listeners[0].protocol, config::Protocol::http);
  EXPECT_FALSE(http.model.clusters[0].health_check);
}

TEST(AdHocConfig, UsesTlsIfACertificateIsGiven) {
  ProxyOptions options = flags();
  EXPECT_FALSE(loaded(options).model.listeners[0].tls);
  options.tls_cert = "site.pem";
  const config::Loaded one = loaded(options);
  EXPECT_TRUE(one.valid()) << config::format_text(one.diagnostics, false);
  EXPECT_EQ(one.model.listeners[0].tls->certificates.at(0).cert, "site.pem");
  EXPECT_EQ(one.model.listeners[0].tls->certificates.at(0).key, "site.pem");
  options.tls_key = "site.key";
  EXPECT_EQ(loaded(options).model.listeners[0].tls->certificates.at(0).key, "site.key");
}

TEST(AdHocConfig, ChecksTheBackendsWithAPath) {
  ProxyOptions options = flags();
  options.tcp = false;
  options.health = "/healthz?full=1";
  const config::Loaded file = loaded(options);
  ASSERT_TRUE(file.valid()) << config::format_text(file.diagnostics, false);
  const auto& check = file.model.clusters[0].health_check;
  ASSERT_TRUE(check);
  EXPECT_EQ(check->type, config::HealthCheck::Type::http);
  EXPECT_EQ(check->path, "/healthz?full=1");
  options.health = "healthz";
  EXPECT_THAT(ad_hoc_config(options).error().text(), HasSubstr("--health"));
  options = flags();
  options.health = "/healthz";
  EXPECT_THAT(ad_hoc_config(options).error().text(), HasSubstr("--tcp"));
}

TEST(AdHocConfig, RefusesAUrlAndSuggestsItsAddress) {
  ProxyOptions options = flags();
  options.to = {"http://127.0.0.1:3000/x"};
  EXPECT_THAT(ad_hoc_config(options).error().text(),
              HasSubstr("--to: 'http://127.0.0.1:3000/x' is a URL; write the address alone: "
                        "127.0.0.1:3000"));
  options.to = {"https://a.example"};
  EXPECT_THAT(ad_hoc_config(options).error().text(), HasSubstr("host:port"));
}

TEST(AdHocConfig, ErrorsOfAddressesNameTheFlag) {
  ProxyOptions options = flags();
  options.to = {"a.example"};
  EXPECT_THAT(ad_hoc_config(options).error().text(), HasSubstr("--to: 'a.example' has no port"));
  options.to = {":9000"};
  EXPECT_THAT(ad_hoc_config(options).error().text(), HasSubstr("127.0.0.1:9000"));
  options = flags();
  options.from = {"8080"};
  EXPECT_THAT(ad_hoc_config(options).error().text(), HasSubstr("--from"));
  EXPECT_THAT(ad_hoc_config(options).error().text(), HasSubstr("write :8080"));
  options = flags();
  options.to = {"9000"};
  EXPECT_THAT(ad_hoc_config(options).error().text(), HasSubstr("write 127.0.0.1:9000"));
}

}  // namespace
}  // namespace weir::cli
