// The route of a request, and the answers of weir itself.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpAnswersTest : public HttpFixture {
 protected:
  // The whole answer to a request on its own connection.
  std::string whole_answer(const std::string& request) {
    Socket one = client();
    EXPECT_TRUE(one.send(request));
    one.finish();
    return rest(one);
  }
  static std::string body(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
  static std::string field(const std::string& answer, const std::string& name) {
    const size_t at = answer.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const size_t begin = at + name.size() + 4;
    return answer.substr(begin, answer.find('\r', begin) - begin);
  }
  static std::string with_host(const std::string& host, const std::string& path = "/") {
    return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
  }
  // The target that the backend receives, or the status of weir's answer.
  std::string forwarded_target(const std::string& target) {
    Socket one = client();
    EXPECT_TRUE(one.send(get(target)));
    Socket server;
    EXPECT_TRUE(run_until([&] {
      if (wait_ready(backend.fd(), POLLIN, 0ms)) server = backend.accept(1s);
      return static_cast<bool>(server) || wait_ready(one.fd(), POLLIN, 0ms);
    }));
    const std::string head = message(server ? server : one);
    const size_t begin = head.find(' ') + 1;
    return head.substr(begin, head.find(' ', begin) - begin);
  }
};

TEST_F(HttpAnswersTest, ErrorHasStatusAndRequestIdAndNoDetailsOfBackends) {
  serve();
  backend.stop();
  serve("cluster: c, retry: { attempts: 0 }");
  const std::string answer = whole_answer(get("/"));
  const std::string id = field(answer, "X-Request-Id");
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(body(answer), "502 Bad Gateway\nrequest " + id + "\n");
  EXPECT_EQ(field(answer, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_THAT(answer, Not(testing::ContainsRegex("127\\.0\\.0\\.1|refused|weir")));
}

TEST_F(HttpAnswersTest, RequestIdOfATrustedProxyIsForwarded) {
  serve("trusted_proxies: 127.0.0.1, routes: [{ match: { path: /x }, cluster: c }]");
  EXPECT_EQ(field(whole_answer(get("/", "X-Request-Id: outer-7\r\n")), "X-Request-Id"), "outer-7");
}

TEST_F(HttpAnswersTest, ErrorsHaveTheConfiguredBodies) {
  serve(
      "routes: [{ match: { path: /x }, cluster: c }], errors: { 404: \"<p>$request_id, "
      "$request_id</p>\", 400: '{ \"id\": \"$request_id\" }', 505: \"just text\" }");
  std::string answer = whole_answer(get("/"));
  const std::string id = field(answer, "X-Request-Id");
  EXPECT_EQ(body(answer), "<p>" + id + ", " + id + "</p>");
  EXPECT_EQ(field(answer, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(field(answer, "Content-Length"), fmt::format("{}", body(answer).size()));
  answer = whole_answer("BAD\r\n\r\n");
  EXPECT_EQ(body(answer), "{ \"id\": \"" + field(answer, "X-Request-Id") + "\" }");
  EXPECT_EQ(field(answer, "Content-Type"), "application/json");
  EXPECT_EQ(body(whole_answer("GET / HTTP/3.0\r\n\r\n")), "just text");
}

TEST_F(HttpAnswersTest, ErrorsOfTheBackendAreRelayedUnchanged) {
  serve("cluster: c, errors: { 404: ours }");
  Sides sides = asked(get("/"));
  ASSERT_TRUE(sides.server.send("HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\ntheirs"));
  EXPECT_THAT(until(sides.client, "theirs"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(HttpAnswersTest, EditsOfARouteApplyAlsoToAnswersOfWeir) {
  serve(
      "routes: [{ match: { path: /r }, respond: { status: 200, body: hi, content_type: text/x }, "
      "headers: { response: { set: { X-Frame: deny }, add: { X-More: 1 }, remove: [Date] } } }, "
      "{ match: { path: /e }, cluster: c, headers: { response: { set: { X-Frame: deny } } }, "
      "retry: { "
      "attempts: 0 } }]");
  backend.stop();
  const std::string answer = whole_answer(get("/r"));
  EXPECT_EQ(field(answer, "X-Frame"), "deny");
  EXPECT_EQ(field(answer, "X-More"), "1");
  EXPECT_EQ(field(answer, "Date"), "");
  EXPECT_EQ(field(answer, "Content-Type"), "text/x");
  EXPECT_EQ(body(answer), "hi");
  EXPECT_EQ(field(whole_answer(get("/e")), "X-Frame"), "deny");
}

TEST_F(HttpAnswersTest, AnswerDoesNotWaitForTheBodyAndACompleteBodyKeepsTheConnection) {
  serve("routes: [{ match: { path_prefix: / }, respond: { status: 204 } }]");
  Socket one = client();
  ASSERT_TRUE(one.send(post("/", "abc") + get("/")));
  message(one);
  EXPECT_THAT(message(one), Not(HasSubstr("Connection: close")));
  ASSERT_TRUE(one.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"));
  const std::string last = rest(one);
  EXPECT_THAT(last, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(last, HasSubstr("Connection: close"));
  EXPECT_THAT(last, Not(HasSubstr("Content-Length")));
}

TEST_F(HttpAnswersTest, RequestsWithoutARouteAreRedirectedToHttps) {
  serve("redirect_https: true, routes: [{ match: { path_prefix: /.well-known }, cluster: c }]");
  const std::string answer = whole_answer(with_host("example.com:8080", "/a?b=c"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 308 "));
  EXPECT_EQ(field(answer, "Location"), "https://example.com/a?b=c");
  EXPECT_EQ(forwarded_target("/.well-known/acme"), "/.well-known/acme");
}

TEST_F(HttpAnswersTest, DoesNotRedirectToHttpsWhenATrustedProxyReportsHttps) {
  serve("trusted_proxies: [127.0.0.1, 10.0.0.0/8], redirect_https: true");
  for (const char* fields : {"X-Forwarded-Proto: https\r\n", "x-forwarded-proto: HTTPS\r\n",
                             "Forwarded: for=1.2.3.4;proto=https\r\n",
                             "Forwarded: For=\"1.2.3.4:5\"; Proto=\"https\"\r\n",
                             "Forwarded: for=1.2.3.4;proto=https, for=10.0.0.1;proto=http\r\n",
                             "X-Forwarded-Proto: wss\r\n"})
    EXPECT_THAT(whole_answer(get("/", fields)), StartsWith("HTTP/1.1 404 ")) << fields;
  for (const char* fields :
       {"", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Proto: https, http\r\n",
        "X-Forwarded-Proto: http\r\nForwarded: proto=https\r\n",
        "Forwarded: for=1.1.1.1;proto=https, for=1.2.3.4;proto=http\r\n",
        "Forwarded: \"proto=https\r\n"})
    EXPECT_EQ(field(whole_answer(get("/", fields)), "Location"), "https://example.com/") << fields;
  serve("redirect_https: true");
  EXPECT_THAT(whole_answer(get("/", "X-Forwarded-Proto: https\r\n")), StartsWith("HTTP/1.1 308 "))
      << "no proxy is trusted";
}

TEST_F(HttpAnswersTest, RedirectsKeepTheSchemeThatATrustedProxyReports) {
  serve(
      "trusted_proxies: 127.0.0.1, routes: [{ match: { path_prefix: /old }, redirect: { prefix: "
      "/new "
      "} }, { match: { path: /s }, redirect: { scheme: https } }, { match: { path: /s }, respond: "
      "{ "
      "body: secure } }]");
  EXPECT_EQ(field(whole_answer(get("/old/x?y", "X-Forwarded-Proto: https\r\n")), "Location"),
            "https://example.com/new/x?y");
  EXPECT_EQ(field(whole_answer(get("/old")), "Location"), "http://example.com/new");
  EXPECT_EQ(field(whole_answer(get("/s")), "Location"), "https://example.com/s");
  EXPECT_EQ(body(whole_answer(get("/s", "X-Forwarded-Proto: https\r\n"))), "secure")
      << "the next route matches a request that would be redirected to itself";
}

TEST_F(HttpAnswersTest, DoesNotRedirectARequestToItsOwnAddress) {
  serve(
      "routes: [{ redirect: { host: www.example } }, { match: { path: /maintenance }, redirect: { "
      "path: /maintenance } }, { match: { path_prefix: /m }, redirect: { path: /maintenance } }, { "
      "match: { path: /maintenance }, respond: { body: closed } }]");
  EXPECT_EQ(field(whole_answer(with_host("a.example:8080", "/x")), "Location"),
            "http://www.example/x");
  EXPECT_EQ(field(whole_answer(with_host("www.example", "/m/x")), "Location"),
            "http://www.example/maintenance");
  EXPECT_EQ(field(whole_answer(with_host("a.example", "/maintenance")), "Location"),
            "http://www.example/maintenance");
  EXPECT_EQ(body(whole_answer(with_host("www.example", "/maintenance"))), "closed");
}

TEST_F(HttpAnswersTest, RoutesMatchInOrderByAllTheirConditions) {
  serve(
      "routes: [{ match: { hosts: [a.example, \"*.b.example\"] }, respond: { body: host } }, "
      "{ match: { path: /x, methods: [PUT] }, respond: { body: method } }, "
      "{ match: { headers: { X-Beta: \"1\" } }, respond: { body: header } }, "
      "{ match: { headers: { X-Any: \"*\" } }, respond: { body: any } }, "
      "{ match: { query: { v: \"2 3\" } }, respond: { body: query } }, "
      "{ match: { path_prefix: /v1 }, respond: { body: prefix } }]");
  EXPECT_EQ(body(whole_answer(with_host("A.EXAMPLE:80"))), "host");
  EXPECT_EQ(body(whole_answer(with_host("x.y.b.example"))), "host");
  EXPECT_THAT(whole_answer(with_host("b.example")), StartsWith("HTTP/1.1 404"));
  EXPECT_EQ(body(whole_answer("PUT /x HTTP/1.1\r\nHost: c\r\n\r\n")), "method");
  EXPECT_THAT(whole_answer(get("/x")), StartsWith("HTTP/1.1 404"));
  EXPECT_EQ(body(whole_answer(get("/", "x-beta: 1\r\n"))), "header");
  EXPECT_THAT(whole_answer(get("/", "X-Beta: 12\r\n")), StartsWith("HTTP/1.1 404"));
  EXPECT_EQ(body(whole_answer(get("/", "X-Any: thing\r\n"))), "any");
  EXPECT_EQ(body(whole_answer(get("/?a=b&v=2+3"))), "query");
  EXPECT_EQ(body(whole_answer(get("/?v=2%203"))), "query");
  EXPECT_EQ(body(whole_answer(get("/v1/x"))), "prefix");
  EXPECT_THAT(whole_answer(get("/v1x")), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpAnswersTest, SplitFollowsItsWeights) {
  Acceptor other;
  apply("listeners:\n" +
        listener_text("routes: [{ match: { path_prefix: / }, clusters: [{ name: c, weight: 3 }, { "
                      "name: d, weight: 1 }, { name: e, weight: 0 }] }]") +
        "clusters:\n" + cluster_text("c", backend.address(), "pool: { max_idle: 0 }") +
        cluster_text("d", other.address(), "pool: { max_idle: 0 }") +
        cluster_text("e", free_address(), ""));
  int c = 0, d = 0;
  for (int i = 0; i < 200; ++i) {
    Socket one = client();
    ASSERT_TRUE(one.send(get("/")));
    Socket server;
    ASSERT_TRUE(run_until([&] {
      if (wait_ready(backend.fd(), POLLIN, 0ms)) server = backend.accept(1s), ++c;
      if (wait_ready(other.fd(), POLLIN, 0ms)) server = other.accept(1s), ++d;
      return static_cast<bool>(server);
    }));
    message(server);
    ASSERT_TRUE(server.send(ok("")));
    EXPECT_THAT(message(one), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_GT(d, 20) << c;
  EXPECT_LT(d, 85) << c;
}

TEST_F(HttpAnswersTest, ForwardsPathsAsReceivedIfAllReadingsMatchTheSameRoute) {
  serve();
  for (const std::string target : {"/a//b", "/a/./b", "/x;a=1//y", "/@types%2fnode", "/%7Euser/%41",
                                   "/a/%2e%2e/b?x=//y/../z", "/a%5Cb", "/a\\b"})
    EXPECT_EQ(forwarded_target(target), target);
  EXPECT_EQ(forwarded_target("http://example.com/a//b?c"), "/a//b?c");
  EXPECT_EQ(forwarded_target("/a/../../b"), "400");
  EXPECT_EQ(forwarded_target("/a%2f..%2f..%2fb"), "400");
}

TEST_F(HttpAnswersTest, NoSpellingOfAPathBypassesItsRoute) {
  serve(
      "routes: [{ match: { path_prefix: /admin }, respond: { status: 403 } }, { match: { "
      "path_prefix: / }, cluster: c }]");
  for (const char* target : {"/%61dmin", "//admin", "/./admin", "/x/../admin", "/x/%2e%2E/admin",
                             "http://example.com//admin"})
    EXPECT_EQ(forwarded_target(target), "403") << target;
  for (const char* target : {"/x/..%2fadmin", "/admin%2f..", "/\\admin", "/%5cadmin", "/admin;x"})
    EXPECT_EQ(forwarded_target(target), "400") << target;
  EXPECT_EQ(forwarded_target("/admin/../a//b?q=//"), "/a/b?q=//");
  EXPECT_EQ(forwarded_target("/%2561dmin"), "/%2561dmin") << "nothing is decoded twice";
}

TEST_F(HttpAnswersTest, NoSpellingOfAHostBypassesItsRoute) {
  serve(
      "routes: [{ match: { hosts: [admin.example] }, respond: { status: 403 } }, { match: { "
      "path_prefix: / }, cluster: c }]");
  for (const char* host : {"ADMIN.example.", "%61dmin.example", "%41dmin%2eexample:80"})
    EXPECT_THAT(whole_answer(with_host(host)), StartsWith("HTTP/1.1 403 ")) << host;
}

TEST_F(HttpAnswersTest, RedirectOfAPathWithTwoSlashesStaysOnItsHost) {
  serve(
      "routes: [{ match: { path_prefix: /old }, redirect: { prefix: / } }, { match: { path_prefix: "
      "/ }, redirect: { scheme: https } }]");
  EXPECT_EQ(field(whole_answer(with_host("a.example", "//host/x")), "Location"),
            "https://a.example//host/x");
  EXPECT_EQ(field(whole_answer(with_host("a.example", "/old//host/x")), "Location"),
            "http://a.example//host/x");
}

TEST_F(HttpAnswersTest, PathsStayUnchangedWhenConfigured) {
  serve("cluster: c, paths: { encoded_slashes: keep, double_slashes: keep, dot_segments: reject }");
  EXPECT_EQ(forwarded_target("/a%2Fb//c"), "/a%2Fb//c");
  EXPECT_EQ(forwarded_target("/a/../b"), "400");
  EXPECT_EQ(forwarded_target("/a/%2E%2E/b"), "400");
}

TEST_F(HttpAnswersTest, EncodedSlashesAreSlashesWhenConfigured) {
  serve(
      "paths: { encoded_slashes: decode }, routes: [{ match: { path_prefix: /admin }, respond: { "
      "status: 403 } }, { match: { path_prefix: / }, cluster: c }]");
  EXPECT_EQ(forwarded_target("/x%2F..%2Fadmin"), "403") << "the forwarded path is the matched path";
  EXPECT_EQ(forwarded_target("/a%2Fb"), "/a/b");
}

TEST_F(HttpAnswersTest, RewritesKeepTheQuery) {
  serve(
      "routes: [{ match: { path_prefix: /api }, cluster: c, rewrite: { strip_prefix: /api, "
      "replace_prefix: /v2, host: app.internal } }]");
  Sides sides = asked(get("/api/x?q=/api"));
  EXPECT_THAT(sides.request, StartsWith("GET /v2/x?q=/api HTTP/1.1\r\nHost: app.internal\r\n"));
  EXPECT_THAT(sides.request, HasSubstr("X-Forwarded-Host: example.com\r\n"));
}

}  // namespace
}  // namespace weir::test
