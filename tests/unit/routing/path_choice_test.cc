// The route of a request whose path has several readings, and the path that is forwarded.
#include "routing/path_choice.h"

#include "base/random.h"
#include "routing/http_spec.h"
#include "unit/routing/routing_model.h"

namespace weir {
namespace {

class Listener {
 public:
  explicit Listener(std::string_view yaml) : model_(routing_model(yaml)), spec_(spec()) {}

  // "ROUTE: FORWARDED PATH", or the status of the refusal.
  std::string operator()(std::string_view raw) {
    memory_.assign(2 * raw.size(), '\0');
    const PathChoice choice =
        choose_path(spec_.routes, spec_.path_rules, RouteQuery(), raw, memory_);
    if (choice.fault) return std::to_string(choice.fault.status);
    if (choice.route == nullptr) return "404";
    std::vector<char> target(8192 + raw.size());
    return choice.route->name + ": " +
           std::string(rewritten_target(choice.route->rewrite, choice.path, "", target));
  }

  // The route that matches exactly this path.
  std::string match(std::string_view path) const {
    RouteQuery query;
    query.path = path;
    const Route* route = spec_.routes.match(query);
    return route == nullptr ? "404" : route->name;
  }

 private:
  HttpSpec spec() const { return HttpSpec(model_.listeners[0], model_.clusters); }

  config::Model model_;
  HttpSpec spec_;
  std::string memory_;
};

constexpr const char* kAdmin =
    "    cluster: a\n"
    "    routes: [{ name: admin, match: { path_prefix: /admin }, respond: { status: 403 } }]\n";

TEST(PathChoice, ForwardsAsReceivedIfAllReadingsMatchTheSameRoute) {
  Listener admin(kAdmin);
  for (const std::string path :
       {"/a", "/a//b", "/a/./b", "/x;a=1//y", "/a/b/../c", "/@types%2fnode", "/%7Euser/%41",
        "/caf%c3%a9", "/a%5cb", "/a\\b", "/a/..;/b", "/a/b%2f..%2fc", "/%252e%252e/admin",
        "/.well-known/x", "//", "/administrator", "/a%2fadmin", "/%2e", "/a/x%3Bv"})
    EXPECT_EQ(admin(path), "*: " + path);
}

TEST(PathChoice, UsesTheNormalFormIfItMatchesAnotherRoute) {
  Listener admin(kAdmin);
  for (const char* path : {"/admin", "/%61dmin", "/%61%64%6D%69%6e/x", "//admin", "/./admin",
                           "/x/../admin", "/x/%2e%2E/admin/y", "/.//admin", "/%2e/%61dmin",
                           "///admin//x", "/x//../admin", "/admin/../admin/x", "//x/..//admin"})
    EXPECT_EQ(admin(path).substr(0, 7), "admin: ") << path;
  EXPECT_EQ(admin("/admin/../a//b"), "*: /a/b");
  EXPECT_EQ(admin("/%61dmin/./../x"), "*: /x");
  EXPECT_EQ(admin("//admin//../x"), "*: /x") << "some servers do not merge the slashes first";
}

TEST(PathChoice, RefusesEncodedSlashesThatChangeTheRoute) {
  Listener admin(kAdmin);
  for (const char* path : {"/x%2f..%2fadmin", "/x/..%2fadmin", "/%2fadmin", "/admin%2fx",
                           "/x/..%5cadmin", "/\\admin", "/x/..\\admin", "/admin%5C", "/.%2fadmin",
                           "/admin%2f..", "/x%2F..%5cadmin", "/admin%2f../a"})
    EXPECT_EQ(admin(path), "400") << path;
  for (const char* path : {"/admin/a%2fb", "/admin/a%5cb"})
    EXPECT_EQ(admin(path), std::string("admin: ") + path);
}

TEST(PathChoice, RefusesParametersThatChangeTheRoute) {
  Listener admin(kAdmin);
  for (const char* path : {"/admin;x", "/admin;x=1/y", "/x/..;/admin", "/;x/admin",
                           "/a;b/..;/admin", "/admin%3bx", "/admin/..;/x"})
    EXPECT_EQ(admin(path), "400") << path;
  EXPECT_EQ(admin("/administrator;x"), "*: /administrator;x");
  Listener meant(
      "    cluster: a\n    routes: [{ name: v, match: { path: /a;v=1 }, cluster: b }]\n");
  EXPECT_EQ(meant("/a;v=1"), "v: /a;v=1") << "the path of the route has the parameter";
}

TEST(PathChoice, RefusesParametersAfterARouteWithParameters) {
  Listener two(
      "    cluster: a\n    routes: [{ name: admin, match: { path_prefix: /admin }, respond: {} }, "
      "{ name: v, match: { path_prefix: /a;v=1 }, cluster: b }]\n");
  EXPECT_EQ(two("/a;v=1"), "v: /a;v=1");
  EXPECT_EQ(two("/a;v=1/b"), "v: /a;v=1/b");
  EXPECT_EQ(two("/a;v=1/b%2fc"), "v: /a;v=1/b%2fc");
  for (const char* path : {"/a;v=1/..;/admin", "/a;v=1/..%3b/admin", "/a;v=1/x/..;/..;/admin/y",
                           "/a;v=1/..;%2fadmin", "/a;v=1/b;c"})
    EXPECT_EQ(two(path), "400") << path;
}

TEST(PathChoice, RefusesLongPathsWithSeveralReadings) {
  Listener admin(kAdmin);
  const auto long_path = [](std::string path, size_t size) {
    return path + std::string(size - path.size(), 'a');
  };
  for (const char* path : {"/x;a=1/", "/x/./", "/x//", "/x%2fy", "/x%5cy", "/x\\y", "/x%3by"}) {
    EXPECT_EQ(admin(long_path(path, 8193)), "414") << path;
    EXPECT_EQ(admin(long_path(path, 8192)).substr(0, 4), "*: /") << path;
  }
  for (const char* path : {"/x/", "/x%20/", "/%61/"})
    EXPECT_EQ(admin(long_path(path, 8193)), "*: " + long_path(path, 8193)) << path;
  Listener all("    cluster: a\n");
  EXPECT_EQ(all(long_path("/x//", 8193)), "*: " + long_path("/x//", 8193))
      << "no route depends on the path";
  Listener merged(std::string(kAdmin) + "    paths: { double_slashes: merge }\n");
  EXPECT_EQ(merged(long_path("/x//", 8193)), "*: " + long_path("/x/", 8192))
      << "the explicit rule leaves one reading";
}

TEST(PathChoice, RefusesCombinedSeparatorsThatHideAnotherRoute) {
  Listener admin(
      "    cluster: a\n    routes: [{ name: admin, match: { path_prefix: /admin }, respond: {} }, "
      "{ name: pub, match: { path_prefix: /pub }, cluster: b }]\n");
  for (const char* path : {"/pub/..%2fadmin%5c..%5cpub/x", "/pub/..%2fadmin/..;/pub/x",
                           "/pub/..;/admin/z%2f..%2f..%2fpub/x"})
    EXPECT_EQ(admin(path), "400") << path;
}

TEST(PathChoice, RefusesPathsAboveTheRootInAnyReading) {
  for (const char* listener : {kAdmin, "    cluster: a\n"}) {
    Listener any(listener);
    for (const char* path : {"/..", "/../a", "/a/../../b", "/%2e%2e/a", "/a//../../b", "/..;/a",
                             "/..%2fa", "/a%2f..%2f..%2fb", "/..\\a", "/a/..%5c..%5cb", "/.%2e"})
      EXPECT_EQ(any(path), "400") << path;
    for (const char* path : {"/%00", "/a%", "/a%zz", "%2f", "a//b"})
      EXPECT_EQ(any(path), "400") << path;
  }
}

TEST(PathChoice, ForwardsAnyPathIfNoRouteDependsOnPaths) {
  Listener all(
      "    cluster: a\n    routes: [{ name: m, match: { methods: [PUT] }, cluster: b }]\n");
  for (const std::string path :
       {"/a//b/./c/../d", "/x/..%2fadmin", "/%61", "/a\\b", "/x;y/..;/z", "/caf%c3%a9"})
    EXPECT_EQ(all(path), "*: " + path);
}

TEST(PathChoice, AppliesExplicitRules) {
  Listener dots(std::string(kAdmin) + "    paths: { dot_segments: normalize }\n");
  EXPECT_EQ(dots("/a/../b//c"), "*: /b//c") << "double_slashes is auto";
  EXPECT_EQ(dots("/a%2fb"), "*: /a%2fb") << "encoded_slashes is auto";
  EXPECT_EQ(dots("/a//b"), "*: /a//b");
  EXPECT_EQ(dots("//admin"), "admin: /admin");
  EXPECT_EQ(dots("/admin%2fx"), "400");
  EXPECT_EQ(dots("/a/..;/b"), "400");
  EXPECT_EQ(dots("/admin;x"), "*: /admin;x")
      << "parameters are a reading only if dot_segments is auto";
  Listener doubles(std::string(kAdmin) + "    paths: { double_slashes: merge }\n");
  EXPECT_EQ(doubles("/a//b/./c"), "*: /a/b/./c");
  EXPECT_EQ(doubles("/%41/./c"), "*: /%41/./c");
  Listener slashes(std::string(kAdmin) + "    paths: { encoded_slashes: reject }\n");
  EXPECT_EQ(slashes("/a%2fb"), "400");
  EXPECT_EQ(slashes("/a//b"), "*: /a//b");
  Listener keep(std::string(kAdmin) +
                "    paths: { encoded_slashes: keep, dot_segments: keep, double_slashes: keep }\n");
  EXPECT_EQ(keep("/x/..%2fadmin"), "*: /x/..%2fadmin");
  EXPECT_EQ(keep("//admin/../x"), "*: //admin/../x");
  EXPECT_EQ(keep("/%61dmin"), "admin: /admin");
  Listener decode("    cluster: a\n    paths: { encoded_slashes: decode }\n");
  EXPECT_EQ(decode("/a%2fb//c"), "*: /a/b//c");
  Listener old(
      std::string("    cluster: a\n    paths: { encoded_slashes: reject, dot_segments: "
                  "normalize, double_slashes: merge }\n"));
  EXPECT_EQ(old("/a//b/./c"), "*: /a/b/c");
  EXPECT_EQ(old("/a%2fb"), "400");
}

constexpr const char* kApi =
    "    cluster: a\n"
    "    routes: [{ name: api, match: { path_prefix: /api }, cluster: b, rewrite: { strip_prefix: "
    "/api } }, { name: v2, match: { path_prefix: /v1 }, cluster: b, rewrite: { replace_prefix: /v2 "
    "} }]\n";

TEST(PathChoice, ForwardsTheRestAfterAPrefixAsReceived) {
  Listener api(kApi);
  EXPECT_EQ(api("/api/@types%2fnode"), "api: /@types%2fnode");
  EXPECT_EQ(api("/api/a//b/./c/%41"), "api: /a//b/./c/%41");
  EXPECT_EQ(api("/api/a/../b"), "api: /a/../b");
  EXPECT_EQ(api("/v1/a%2Fb%5cc"), "v2: /v2/a%2Fb%5cc");
  EXPECT_EQ(api("/api//a/"), "api: //a/");
  EXPECT_EQ(api("/v1//a/"), "v2: /v2//a/") << "the key of an object may begin with a slash";
  EXPECT_EQ(api("/%61pi/a%2fb"), "api: /a%2Fb");
}

TEST(PathChoice, RefusesPathsAboveTheRemovedPrefix) {
  Listener api(kApi);
  EXPECT_EQ(api("/api/../x"), "*: /x");
  EXPECT_EQ(api("/api/x/../../api/y"), "api: /y");
  EXPECT_EQ(api("/v1/../v1/y"), "v2: /v2/y");
  EXPECT_EQ(api("/api/x%2f..%2f..%2fapi%2fy"), "400");
  EXPECT_EQ(api("/api/..;/api/y"), "400");
  Listener strip("    routes: [{ name: all, cluster: a, rewrite: { strip_prefix: /api } }]\n");
  EXPECT_EQ(strip("/%61pi/x"), "all: /x");
  EXPECT_EQ(strip("/./api/x"), "all: /x");
  EXPECT_EQ(strip("/api/../x"), "all: /x");
  EXPECT_EQ(strip("/y/./api/x"), "all: /y/./api/x");
}

TEST(PathChoice, NormalizesPathsOfTheConfigurationLikePathsOfRequests) {
  Listener odd(
      "    cluster: a\n    routes: [{ name: exact, match: { path: /%61%2d%c3%a9 }, cluster: b }, "
      "{ name: below, match: { path_prefix: /%7eu }, cluster: b, rewrite: { strip_prefix: /%7Eu } "
      "}]\n");
  EXPECT_EQ(odd("/a-%C3%A9"), "exact: /a-%C3%A9");
  EXPECT_EQ(odd("/a-%c3%a9"), "exact: /a-%c3%a9") << "hexadecimal digits are compared without case";
  EXPECT_EQ(odd("/%61-%c3%a9"), "exact: /a-%C3%A9");
  EXPECT_EQ(odd("/~u/x"), "below: /x");
  EXPECT_EQ(odd("/%7eu/x"), "below: /x");
}

// A backend that reads the forwarded path in another way must not reach the path of another route.
TEST(PathChoice, MatchesTheSameRouteInEveryReadingOfTheForwardedPath) {
  Listener two(
      "    cluster: a\n    routes: [{ name: admin, match: { path_prefix: /b }, respond: {} }, "
      "{ name: pub, match: { path_prefix: /c/a }, cluster: b }]\n");
  Random random(3);
  const std::string_view parts[] = {"/",   "/",   "..", ".",   "a",   "b",  "c",
                                    "%2f", "%5c", ";",  "%62", "%2e", "//", "\\"};
  size_t forwarded = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string path = "/";
    for (uint64_t i = random.below(10); i > 0; --i) path += parts[random.below(std::size(parts))];
    const std::string chosen = two(path);
    const size_t at = chosen.find(": ");
    if (at == std::string::npos) continue;
    const std::string route = chosen.substr(0, at), sent = chosen.substr(at + 2);
    ++forwarded;
    for (unsigned way = 0; way < 32; ++way) {
      const PathReading how{(way & 1) != 0, (way & 2) != 0, (way & 4) != 0, (way & 8) != 0,
                            (way & 16) != 0};
      std::string memory(sent.size(), '\0');
      const PathText read = read_path(sent, how, memory);
      ASSERT_FALSE(read.fault) << path;
      ASSERT_EQ(two.match(read.path), route)
          << path << " sent as " << sent << ", read as " << read.path;
    }
  }
  EXPECT_GT(forwarded, 500u);
}

}  // namespace
}  // namespace weir
