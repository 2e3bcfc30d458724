#include "routing/rewrite.h"

#include <array>

namespace weir {
namespace {

std::array<char, 256> memory;

std::string rewritten(const config::Rewrite& rewrite, std::string_view path,
                      std::string_view query = "", std::string_view matched = "") {
  config::Match match;
  match.path_prefix = matched;
  return std::string(
      rewritten_target(RouteRewrite(rewrite, RouteMatch(match)), path, query, memory));
}
config::Rewrite strip(std::string prefix, std::string replacement = "") {
  config::Rewrite rewrite;
  rewrite.strip_prefix = std::move(prefix);
  rewrite.replace_prefix = std::move(replacement);
  return rewrite;
}

TEST(Rewrite, StripsWholeSegmentsAndKeepsTheRoot) {
  for (const char* prefix : {"/v1", "/v1/"}) {
    EXPECT_EQ(rewritten(strip(prefix), "/v1/users"), "/users");
    EXPECT_EQ(rewritten(strip(prefix), "/v1"), "/");
    EXPECT_EQ(rewritten(strip(prefix), "/v1/"), "/");
    EXPECT_EQ(rewritten(strip(prefix), "/v1x"), "/v1x");
    EXPECT_EQ(rewritten(strip(prefix), "/"), "/");
    EXPECT_EQ(rewritten(strip(prefix), "/x/v1"), "/x/v1");
  }
  EXPECT_EQ(rewritten(strip("/"), "/x"), "/x");
}

TEST(Rewrite, KeepsTheQuery) {
  EXPECT_EQ(rewritten(strip("/v1"), "/v1", "a=/v1&b"), "/?a=/v1&b");
  EXPECT_EQ(rewritten({}, "/v1", "a=1"), "/v1?a=1");
}

TEST(Rewrite, ReplacesTheStrippedOrTheMatchedPrefix) {
  EXPECT_EQ(rewritten(strip("/v1", "/v2"), "/v1/x"), "/v2/x");
  EXPECT_EQ(rewritten(strip("", "/v2/"), "/v1/x", "", "/v1/"), "/v2/x");
  EXPECT_EQ(rewritten(strip("", "/v2"), "/v1", "", "/v1"), "/v2");
  EXPECT_EQ(rewritten(strip("", "/v2"), "/v1/", "", "/v1"), "/v2/");
  EXPECT_EQ(rewritten(strip("", "/"), "/v1/x", "", "/v1"), "/x");
  EXPECT_EQ(rewritten(strip("", "/"), "/v1", "", "/v1"), "/");
  EXPECT_EQ(rewritten(strip("", "/app"), "/x", "", "/"), "/app/x");
  EXPECT_EQ(rewritten(strip("", "/app"), "/", "", "/"), "/app/");
}

TEST(Rewrite, LeavesTheSlashesAfterThePrefix) {
  EXPECT_EQ(rewritten(strip("/v1", "/v2"), "/v1//x///y/"), "/v2//x///y/");
  EXPECT_EQ(rewritten(strip("/v1", "/v2"), "/v1//"), "/v2//");
  EXPECT_EQ(rewritten(strip("", "/app"), "//x", "", "/"), "/app//x");
  EXPECT_EQ(rewritten(strip("/v1"), "/v1//x/y"), "//x/y");
  EXPECT_EQ(rewritten(strip("/v1"), "/v1//"), "//");
  EXPECT_EQ(rewritten(strip("/v1", "/"), "/v1//x"), "//x");
}

TEST(Rewrite, ReportsIfItDoesNotChangeThePath) {
  config::Rewrite host;
  host.host = "app.internal";
  EXPECT_FALSE(RouteRewrite(host, RouteMatch()).changes_path);
  EXPECT_TRUE(RouteRewrite(strip("/v1"), RouteMatch()).changes_path);
}

TEST(Rewrite, ReturnsNullIfTheTargetDoesNotFit) {
  const RouteRewrite rewrite(strip("/v1", "/longer"), RouteMatch());
  std::array<char, 9> little;
  EXPECT_EQ(rewritten_target(rewrite, "/v1/x", "", little), "/longer/x");
  EXPECT_EQ(rewritten_target(rewrite, "/v1/xy", "", little).data(), nullptr);
  EXPECT_EQ(rewritten_target(rewrite, "/v1/x", "q", little).data(), nullptr);
  EXPECT_EQ(rewritten_target(rewrite, "/v1/x", "", {}).data(), nullptr);
}

using Scheme = config::Redirect::Scheme;

std::string location(const config::Redirect& redirect, const RequestAddress& request,
                     std::string_view matched = "") {
  config::Match match;
  match.path_prefix = matched;
  return std::string(
      redirect_location(RouteRedirect(redirect, RouteMatch(match)), request, memory));
}
RequestAddress request() {
  return {.scheme = "http", .host = "a.example", .port = 8080, .path = "/x/y", .query = "q=1"};
}

TEST(Redirect, ToHttpsDropsThePort) {
  config::Redirect redirect;
  redirect.scheme = Scheme::https;
  EXPECT_EQ(location(redirect, request()), "https://a.example/x/y?q=1");
  redirect.port = 8443;
  EXPECT_EQ(location(redirect, request()), "https://a.example:8443/x/y?q=1");
  redirect.port = 443;
  EXPECT_EQ(location(redirect, request()), "https://a.example/x/y?q=1");
  RequestAddress v6 = request();
  v6.host = "[::1]";
  EXPECT_EQ(location(redirect, v6), "https://[::1]/x/y?q=1");
}

TEST(Redirect, KeepsPartsThatAreNotConfigured) {
  config::Redirect redirect;
  redirect.path = "/new";
  EXPECT_EQ(location(redirect, request()), "http://a.example:8080/new?q=1");
  redirect = {};
  redirect.host = "b.example";
  EXPECT_EQ(location(redirect, request()), "http://b.example/x/y?q=1");
  redirect = {};
  redirect.port = 80;
  EXPECT_EQ(location(redirect, request()), "http://a.example/x/y?q=1");
  redirect = {};
  redirect.scheme = Scheme::http;
  EXPECT_EQ(location(redirect, request()), "http://a.example:8080/x/y?q=1") << "not changed";
}

TEST(Redirect, ReplacesTheMatchedPrefix) {
  config::Redirect redirect;
  redirect.prefix = "/new/";
  RequestAddress from = request();
  from.query = "";
  EXPECT_EQ(location(redirect, from, "/x"), "http://a.example:8080/new/y");
  from.path = "/x//y";
  EXPECT_EQ(location(redirect, from, "/x"), "http://a.example:8080/new//y");
  from.path = "/x";
  EXPECT_EQ(location(redirect, from, "/x"), "http://a.example:8080/new");
  redirect.prefix = "/";
  EXPECT_EQ(location(redirect, from, "/x"), "http://a.example:8080/");
}

TEST(Redirect, KeepsAPathThatLooksLikeAHostAfterTheHost) {
  config::Redirect redirect;
  redirect.scheme = Scheme::https;
  RequestAddress from = request();
  from.path = "//evil.example/";
  EXPECT_EQ(location(redirect, from), "https://a.example//evil.example/?q=1");
  from.path = "*";
  EXPECT_EQ(location(redirect, from), "https://a.example/?q=1");
}

TEST(Redirect, ReturnsNullWithoutHostOrRoom) {
  config::Redirect redirect;
  redirect.scheme = Scheme::https;
  RequestAddress from = request();
  from.host = "";
  EXPECT_EQ(redirect_location(RouteRedirect(redirect, RouteMatch()), from, memory).data(), nullptr);
  std::array<char, 8> little;
  EXPECT_EQ(redirect_location(RouteRedirect(redirect, RouteMatch()), request(), little).data(),
            nullptr);
}

}  // namespace
}  // namespace weir
