#include "support/value_text.h"

namespace weir::config {
namespace {

TEST(Durations, HaveUnitsFromLargeToSmall) {
  using Type = types::duration;
  for (const char* good : {"0s", "5s", "500ms", "1m30s", "8h", "1d", "1d2h3m4s5ms6us", "365d"})
    EXPECT_EQ(read<Type>(good), good);
  EXPECT_EQ(read<Type>("90s"), "1m30s");
  EXPECT_EQ(read<Type>("24h"), "1d");
  EXPECT_EQ(read<Type>("1000ms"), "1s");
  EXPECT_EQ(read<Type>("30"), "E121");
  for (const char* bad : {"", "s", "5 s", "5sec", "1.5s", "-5s", "+5s", "5S", "30s1m", "1s1s",
                          "5s5", "5ns", "1e3s", "5s "})
    EXPECT_EQ(read<Type>(bad), "E122") << bad;
  for (const char* long_ones :
       {"366d", "8761h", "99999999999999999999s", "365d1us", "18446744073709551615d"})
    EXPECT_EQ(read<Type>(long_ones), "E123") << long_ones;
  EXPECT_EQ(read<types::positive_duration>("0ms"), "E123");
}

TEST(Durations, OfKeepaliveAreThoseTheKernelAccepts) {
  for (const char* good : {"1s", "2m", "9h6m7s"}) {
    EXPECT_EQ(read<types::keepalive_interval>(good), good);
    EXPECT_EQ(read<types::keepalive_idle>(good), good);
  }
  for (const char* bad : {"500ms", "1s500ms", "9h6m8s", "1d"}) {
    EXPECT_EQ(read<types::keepalive_interval>(bad), "E123") << bad;
    EXPECT_EQ(read<types::keepalive_idle>(bad), "E123") << bad;
  }
  EXPECT_EQ(read<types::keepalive_interval>("0s"), "E123");
  EXPECT_EQ(read<types::keepalive_idle>("0s"), "0s");
  EXPECT_EQ(read<types::keepalive_idle>("0ms"), "0s");
  EXPECT_EQ(read<types::keepalive_idle>("off"), "E122");
  EXPECT_EQ(read<types::keepalive_probes>("127"), "127");
  EXPECT_EQ(read<types::keepalive_probes>("128"), "E111");
  EXPECT_EQ(read<types::keepalive_probes>("0"), "E111");
}

TEST(Numbers, AreDecimalAndInRange) {
  EXPECT_EQ(read<types::weight>("1"), "1");
  EXPECT_EQ(read<types::weight>("1000"), "1000");
  for (const char* bad :
       {"", "010", "00", "0x10", "1_000", "1e3", "3.7", "-1", "+1", " 1", "1 ", "one"})
    EXPECT_EQ(read<types::weight>(bad), "E110") << bad;
  for (const char* bad : {"0", "1001", "4294967297", "18446744073709551617"})
    EXPECT_EQ(read<types::weight>(bad), "E111") << bad;
  EXPECT_EQ(read<types::workers>("auto"), "auto");
  EXPECT_EQ(read<types::workers>("0"), "E111");
  EXPECT_EQ(read<types::count>("0"), "0");
}

TEST(Percentages, HaveTheirSignAndReadBackAsWritten) {
  for (const char* good : {"0%", "20%", "2.5%", "100%", "33.3333%", "0.0001%", "99.9999%"})
    EXPECT_EQ(read<types::percent>(good), good);
  EXPECT_EQ(read<types::percent>("100.0001%"), "E111");
  for (const char* bad :
       {"", "%", "20", "0.2", "-1%", ".5%", "5.%", "1.23456%", "1000%", "5 %", "nan%", "inf%"})
    EXPECT_EQ(read<types::percent>(bad), "E125") << bad;
}

TEST(Booleans, AreTrueAndFalse) {
  EXPECT_EQ(read<types::boolean>("true"), "true");
  EXPECT_EQ(read<types::boolean>("false"), "false");
  for (const char* bad : {"yes", "no", "on", "off", "True", "TRUE", "1", "0", "y", ""})
    EXPECT_EQ(read<types::boolean>(bad), "E112") << bad;
  EXPECT_EQ(read<types::optional_boolean>("true"), "true");
  EXPECT_EQ(read<types::optional_boolean>("false"), "false");
  EXPECT_EQ(read<types::optional_boolean>("yes"), "E112");
}

TEST(Addresses, OfListenersAreNumeric) {
  for (const char* good : {":80", "0.0.0.0:80", "127.0.0.1:0", "[::]:80", "[2001:db8::1]:443",
                           "unix:/run/x", "unix:@x"})
    EXPECT_EQ(read<types::bind_address>(good), good);
  for (const char* bad :
       {"", "80", "127.0.0.1", "localhost:80", "*:80", "::1:80", "[::1]", "1.2.3.4:080", "1.2.3:80",
        "unix:", "unix:run/x", "10.0.0.1:65536", "10.0.0.1:80\n"})
    EXPECT_EQ(read<types::bind_address>(bad), "E130") << bad;
}

TEST(Addresses, OfBackendsMayBeNames) {
  for (const char* good : {"app:80", "db.example.com:3306", "a_b-c.internal:1", "10.0.0.1:80",
                           "[::1]:80", "unix:/run/x"})
    EXPECT_EQ(read<types::backend_address>(good), good);
  for (const char* bad : {":80", "app", "app:0", "10.0.0.256:80", "1.2.3:80", "-a:80", "a b:80",
                          "[zz::]:80", "http://a:80", "a/b:80", "*:80"})
    EXPECT_EQ(read<types::backend_address>(bad), "E130") << bad;
}

TEST(Names, OfListenersAndBackendsMayBeTheirAddress) {
  EXPECT_EQ(read<types::name>("web-1.eu"), "web-1.eu");
  EXPECT_EQ(read<types::name>("a/b"), "E131");
  EXPECT_EQ(read<types::name>(""), "E131");
  EXPECT_EQ(read<types::name>(std::string(65, 'x')), "E131");
  EXPECT_EQ(read<types::label>("unix:/run/a b"), "unix:/run/a b");
  EXPECT_EQ(read<types::label>("a/b"), "E131");
}

TEST(Words, AreThoseOfTheirEnum) {
  EXPECT_EQ(read<types::balance>("source_hash"), "source_hash");
  EXPECT_EQ(read<types::balance>("Round_Robin"), "E104");
  EXPECT_EQ(read<types::backend_state>("maintenance"), "maintenance");
  EXPECT_EQ(read<types::log_level>("warn"), "warn");
  EXPECT_EQ(read<types::optional_access_format>("json"), "json");
  EXPECT_EQ(read<types::protocol>("http"), "http");
  EXPECT_EQ(read<types::protocol>("https"), "E104");
}

TEST(Paths, AreOfTheirKind) {
  EXPECT_EQ(read<types::socket_path>("/run/weir.sock"), "/run/weir.sock");
  EXPECT_EQ(read<types::socket_path>("unix:/run/weir.sock"), "E132");
  EXPECT_EQ(read<types::socket_path>("/" + std::string(107, 'x')), "E132");
  EXPECT_EQ(read<types::url_path>("/metrics"), "/metrics");
  EXPECT_EQ(read<types::url_path>("/a?b"), "E132");
  EXPECT_EQ(read<types::url_path>("/a b"), "E132");
  EXPECT_EQ(read<types::log_output>("none"), "E132");
  EXPECT_EQ(read<types::access_output>("none"), "none");
  EXPECT_EQ(read<types::log_output>("./weir.log"), "./weir.log");
}

}  // namespace
}  // namespace weir::config
