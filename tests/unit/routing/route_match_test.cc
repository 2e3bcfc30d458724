#include "routing/route_match.h"

#include "routing/http_spec.h"
#include "unit/routing/routing_model.h"

namespace weir {
namespace {

using What = Mismatch::What;

RouteMatch match(void (*fill)(config::Match&)) {
  config::Match written;
  fill(written);
  return RouteMatch(written);
}
What at(const RouteMatch& match, const RouteQuery& query) {
  return mismatch(match, query).what;
}
RouteQuery path(std::string_view text) {
  RouteQuery query;
  query.path = text;
  return query;
}

TEST(RouteMatch, PrefixesMatchWholeSegments) {
  for (const char* prefix : {"/v1", "/v1/"}) {
    config::Match written;
    written.path_prefix = prefix;
    const RouteMatch v1(written);
    for (const char* in : {"/v1", "/v1/", "/v1/x", "/v1//x"})
      EXPECT_EQ(at(v1, path(in)), What::nothing);
    for (const char* out : {"/v1x", "/v", "/", "", "*", "/V1", "/x/v1"})
      EXPECT_EQ(at(v1, path(out)), What::path) << out;
  }
}

TEST(RouteMatch, ThePrefixSlashMatchesEveryPath) {
  const RouteMatch root = match([](config::Match& m) { m.path_prefix = "/"; });
  EXPECT_EQ(at(root, path("/")), What::nothing);
  EXPECT_EQ(at(root, path("/x")), What::nothing);
  EXPECT_EQ(at(root, path("*")), What::path) << "OPTIONS * has no path";
  EXPECT_EQ(at(RouteMatch(), path("*")), What::nothing);
}

TEST(RouteMatch, ExactPathsMatchOnlyThemselves) {
  const RouteMatch exact = match([](config::Match& m) { m.path = "/ping/"; });
  EXPECT_EQ(at(exact, path("/ping/")), What::nothing);
  EXPECT_EQ(at(exact, path("/ping")), What::path);
}

TEST(RouteMatch, ReportsTheFirstConditionThatIsNotMet) {
  const RouteMatch all = match([](config::Match& m) {
    m.hosts = {"a.example", "*.b.example"};
    m.path = "/x";
    m.methods = {"GET", "HEAD"};
    m.headers = {{"X-There", "*"}, {"X-One", "1"}};
    m.query = {{"q", "1"}};
  });
  TestFields fields;
  RouteQuery query;
  EXPECT_EQ(at(all, query), What::host);
  query.host = "c.b.example";
  EXPECT_EQ(at(all, query), What::path);
  query.path = "/x";
  EXPECT_EQ(at(all, query), What::method);
  query.method = "HEAD";
  EXPECT_EQ(at(all, query), What::header) << "without any lookup, there are no fields";
  query.fields = fields.lookup();
  EXPECT_EQ(mismatch(all, query).index, 0u);
  fields.fields = {{"x-there", ""}, {"x-one", "2"}, {"x-one", "1"}};
  EXPECT_EQ(at(all, query), What::header) << "only the first field of a name counts";
  EXPECT_EQ(mismatch(all, query).index, 1u);
  fields.fields = {{"x-there", ""}, {"x-one", "1"}};
  EXPECT_EQ(at(all, query), What::query);
  query.query = "q=1";
  EXPECT_TRUE(matches(all, query));
}

TEST(Parameters, AreComparedDecodedAndOnlyTheFirstOfANameCounts) {
  const NamedPredicate one{"a b", "1&2", false}, any{"a", "", true}, empty{"a", "", false};
  EXPECT_TRUE(has_parameter("x=1&a+b=1%262", one));
  EXPECT_TRUE(has_parameter("a%20b=1%262&a+b=3", one));
  EXPECT_FALSE(has_parameter("a+b=3&a+b=1%262", one));
  EXPECT_FALSE(has_parameter("a+b=1%2", one));
  EXPECT_FALSE(has_parameter("a+b=1%26", one));
  EXPECT_FALSE(has_parameter("", any));
  EXPECT_TRUE(has_parameter("a", any));
  EXPECT_TRUE(has_parameter("&&a=1", any));
  EXPECT_FALSE(has_parameter("aa=1&A=1", any));
  EXPECT_TRUE(has_parameter("a", empty));
  EXPECT_TRUE(has_parameter("a=", empty));
  EXPECT_FALSE(has_parameter("a=1", empty));
  EXPECT_TRUE(has_parameter("%61", any));
  EXPECT_TRUE(has_parameter("p=100%", {"p", "100%", false})) << "a lone % stands for itself";
}

TEST(HttpSpec, CompilesTheListener) {
  const config::Model model = routing_model(R"(
    cluster: a
    trusted_proxies: [10.0.0.0/8]
    forwarded: both
    server_header: weir
    via: true
    paths: { encoded_slashes: decode, dot_segments: reject, double_slashes: keep }
    limits: { max_header_size: 8KiB })");
  const HttpSpec spec(model.listeners[0], model.clusters);
  EXPECT_EQ(spec.routes.routes().size(), 1u);
  EXPECT_TRUE(spec.trusted.contains(*Address::parse("10.1.2.3:1")));
  EXPECT_FALSE(spec.trusted.contains(*Address::parse("11.1.2.3:1")));
  EXPECT_EQ(spec.forwarded, config::Forwarded::both);
  EXPECT_EQ(spec.server, HttpSpec::Server::replace);
  EXPECT_EQ(spec.server_text, "weir");
  EXPECT_EQ(spec.via, "weir");
  EXPECT_FALSE(spec.allow_connect);
  EXPECT_EQ(spec.path_rules.encoded_slashes, EncodedSlashes::decode);
  EXPECT_EQ(spec.path_rules.dot_segments, DotSegments::reject);
  EXPECT_EQ(spec.path_rules.double_slashes, DoubleSlashes::keep);
  EXPECT_EQ(spec.limits.max_header_size, 8192u);
}

}  // namespace
}  // namespace weir
