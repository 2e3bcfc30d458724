// What decide() returns for a request, and the order of its checks.
#include "routing/decide.h"

#include "http/h1_parser.h"
#include "unit/routing/routing_model.h"

namespace weir {
namespace {

class DecideTest : public testing::Test {
 protected:
  // The decision for the request `text`, as one line.
  std::string decided(const std::string& text, bool misdirected = false) {
    H1RequestReader parser;
    if (parser.feed(text) != H1RequestParser::State::complete) return "not a request";
    const RequestHead& head = parser.head(text);
    RequestFacts facts = facts_of(head, host_, "http");
    facts.misdirected = misdirected;
    const Decision decision = decide(spec_, facts, {path_memory_, location_memory_});
    const std::string status = std::to_string(decision.status);
    const Route* const route = decision.choice.route;
    switch (decision.kind) {
      case Decision::Kind::forward:
        return "forward " + route->name + " " +
               std::string(backend_target(*route, head, decision.choice.path, target_memory_));
      case Decision::Kind::respond: return "respond " + route->name + " " + status;
      case Decision::Kind::redirect:
        return "redirect " + route->name + " " + status + " " + std::string(decision.location);
      case Decision::Kind::refuse:
        return "refuse " + (route != nullptr ? route->name + " " : "") + status + ": " +
               decision.reason;
    }
    return "";
  }
  static std::string request(const std::string& line, const std::string& fields = "Host: h\r\n") {
    return line + " HTTP/1.1\r\n" + fields + "\r\n";
  }

  const config::Model model_ = routing_model(
      "    allow_connect: true\n"
      "    limits: { max_body_size: 10B }\n"
      "    routes:\n"
      "      - { name: ping, match: { path: /ping }, respond: { status: 204 } }\n"
      "      - { name: old, match: { path_prefix: /old }, redirect: { prefix: /new, status: 308 } "
      "}\n"
      "      - { name: strip, match: { path_prefix: /s }, cluster: b, rewrite: { strip_prefix: /s "
      "} }\n"
      "      - { name: named, match: { hosts: [named.test] }, cluster: a }\n"
      "      - { name: star, match: { methods: [OPTIONS] }, cluster: a }\n"
      "      - { name: tunnel, match: { methods: [CONNECT] }, cluster: c }\n");
  HttpSpec spec_{model_.listeners.at(0), model_.clusters};
  TextBuffer host_;
  std::array<char, 4096> path_memory_{}, location_memory_{}, target_memory_{};
};

TEST_F(DecideTest, RefusesInAFixedOrder) {
  const std::string large = "Host: h\r\nContent-Length: 11\r\n";
  const std::string connect = request("CONNECT h:443", "Host: h:443\r\nContent-Length: 11\r\n");
  EXPECT_EQ(decided(connect, /*misdirected=*/true),
            "refuse 421: host requires different client authentication; open a new connection");
  spec_.allow_connect = false;
  EXPECT_EQ(decided(connect), "refuse 405: CONNECT is not allowed on this listener");
  spec_.allow_connect = true;
  const std::string too_large = "refuse 413: the body is larger than limits.max_body_size";
  EXPECT_EQ(decided(connect), too_large);
  EXPECT_EQ(decided(request("POST /..", large)), too_large);
  EXPECT_EQ(decided(request("GET /..")), "refuse 400: the path goes above its root");
  EXPECT_EQ(decided(request("GET /x")), "refuse 404: no route matches the request");
  EXPECT_EQ(decided("GET /old HTTP/1.0\r\n\r\n"), "refuse old 400: a redirect needs a Host field");
}

TEST_F(DecideTest, ComparesOnlyAnnouncedLengthsWithTheLimitForBodies) {
  EXPECT_EQ(decided(request("POST /ping", "Host: h\r\nContent-Length: 10\r\n")),
            "respond ping 204");
  EXPECT_EQ(decided(request("POST /ping", "Host: h\r\nTransfer-Encoding: chunked\r\n")),
            "respond ping 204");
  spec_.limits.max_body_size = 0;
  EXPECT_EQ(decided(request("POST /ping", "Host: h\r\nContent-Length: 99\r\n")), "respond ping 204")
      << "0: no limit";
}

TEST_F(DecideTest, TakesTheActionOfTheRoute) {
  EXPECT_EQ(decided(request("GET /ping")), "respond ping 204");
  EXPECT_EQ(decided(request("GET /old/a?b=c")), "redirect old 308 http://h/new/a?b=c");
  EXPECT_EQ(decided(request("GET /s/a?b=c")), "forward strip /a?b=c");
}

TEST_F(DecideTest, MatchesTheAsteriskAndConnectByMethodAndHost) {
  EXPECT_EQ(decided(request("OPTIONS *")), "forward star *");
  EXPECT_EQ(decided(request("CONNECT other.test:443", "Host: other.test:443\r\n")),
            "forward tunnel other.test:443");
  EXPECT_EQ(decided(request("CONNECT named.test:443", "Host: named.test:443\r\n")),
            "forward named named.test:443");
}

TEST_F(DecideTest, ReadsTheHostAndThePathOfEveryFormOfTarget) {
  EXPECT_EQ(decided(request("GET /x", "Host: NAMED.test.:80\r\n")), "forward named /x");
  EXPECT_EQ(decided(request("GET /x", "Host: %6eamed.test\r\n")), "forward named /x");
  EXPECT_EQ(decided(request("GET http://named.test/x?y", "Host: other\r\n")), "forward named /x?y");
  EXPECT_EQ(decided(request("GET http://named.test", "Host: other\r\n")), "forward named /");
}

TEST_F(DecideTest, ForwardsTheChosenReadingOfThePath) {
  EXPECT_EQ(decided(request("GET /x/../ping")), "respond ping 204");
  EXPECT_EQ(decided(request("GET /x//y", "Host: named.test\r\n")), "forward named /x//y");
  EXPECT_EQ(decided(request("GET /x%2f..%2fping")),
            "refuse 400: an encoded slash in the path changes its route");
}

TEST(IsAmbiguousHost, HoldsForNamesThatBackendsReadInTwoWays) {
  EXPECT_FALSE(is_ambiguous_host("b.test", "B.test.:443"));
  EXPECT_TRUE(is_ambiguous_host("b.test.", "b.test.."));
  EXPECT_TRUE(is_ambiguous_host("b.test", "%62.test"));
}

}  // namespace
}  // namespace weir
