// Sticky cookies: what is read, what is set, and what an exchange does with them.
#include "exchange/sticky.h"

#include "unit/exchange/exchange_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
constexpr uint32_t kNow = 1'800'000'000;

std::string_view view(const StickyText& text) {
  return {text.data(), text.size()};
}

class StickySpec : public testing::Test {
 protected:
  StickySpec() {
    spec.name = "c";
    spec.sticky.emplace().cookie = "s";
    spec.sticky->keys = {StickyKey(std::string(32, 'k'))};
    for (uint16_t port = 1; port <= 3; ++port)
      spec.hosts.push_back({.backend = std::make_shared<Backend>("c", std::to_string(port), "",
                                                                 Address::loopback(port)),
                            .series = port});
    spec.index();
  }
  std::string value(BackendIndex backend, uint32_t issued = kNow) {
    return std::string(
        view(sticky_text({spec.sticky->tags->key(), issued, spec.sticky->tags->tag(backend)})));
  }
  StickyChoice read(const std::string& cookies, uint32_t now = kNow) {
    const std::string text = "GET / HTTP/1.1\r\nHost: a.test\r\nCookie: " + cookies + "\r\n\r\n";
    RequestHead head;
    EXPECT_EQ(H1RequestParser().feed(text, head), H1RequestParser::State::complete);
    return read_sticky(head, spec, now);
  }
  std::string set(bool https = false) {
    std::array<char, kMaxStickyField> memory;
    return std::string(set_sticky(spec, 1, kNow, https, memory));
  }

  ClusterSpec spec;
};

TEST_F(StickySpec, CookieLeadsToItsBackend) {
  EXPECT_EQ(read("a=1; s=" + value(2)).backend, 2u);
  EXPECT_EQ(read("S=" + value(2)).backend, kNoBackend);
  EXPECT_EQ(read("a=1").backend, kNoBackend);
}

TEST_F(StickySpec, FirstCookieThatIsValidCounts) {
  EXPECT_EQ(read("s=foreign; s=" + value(1) + "; s=" + value(2)).backend, 1u);
  std::string forged = value(1);
  forged[20] = forged[20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(read("s=" + forged).backend, kNoBackend);
  EXPECT_EQ(read("s=" + forged + "; s=" + value(2)).backend, 2u);
}

TEST_F(StickySpec, CookieIsRenewedAfterHalfOfItsTimeAndThenExpires) {
  spec.sticky->ttl = 100s;
  EXPECT_FALSE(read("s=" + value(1), kNow + 50).renew);
  EXPECT_TRUE(read("s=" + value(1), kNow + 51).renew);
  EXPECT_EQ(read("s=" + value(1), kNow + 100).backend, 1u);
  EXPECT_EQ(read("s=" + value(1), kNow + 101).backend, kNoBackend);
  EXPECT_EQ(read("s=" + value(1, kNow - 200) + "; s=" + value(2)).backend, 2u);
  EXPECT_EQ(read("s=" + value(1, kNow + 1000)).backend, 1u) << "the clocks of instances differ";
  spec.sticky->ttl = 0s;
  EXPECT_EQ(read("s=" + value(1, 1)).backend, 1u);
  EXPECT_FALSE(read("s=" + value(1, 1)).renew);
}

TEST_F(StickySpec, AttributesAreThoseOfTheConfiguration) {
  EXPECT_EQ(set(), "s=" + value(1) + "; Path=/; SameSite=Lax; HttpOnly");
  EXPECT_EQ(set(true), "s=" + value(1) + "; Path=/; SameSite=Lax; Secure; HttpOnly");
  spec.sticky->secure = config::CookieSecure::never;
  EXPECT_THAT(set(true), Not(HasSubstr("Secure")));
  spec.sticky->ttl = 2h;
  spec.sticky->path = "/shop";
  spec.sticky->domain = "a.test";
  spec.sticky->same_site = config::SameSite::none;
  spec.sticky->secure = config::CookieSecure::always;
  EXPECT_EQ(set(),
            "s=" + value(1) +
                "; Path=/shop; Domain=a.test; Max-Age=7200; SameSite=None; Secure; HttpOnly");
  spec.sticky->cookie.assign(64, 'n');
  spec.sticky->path.assign(256, '/');
  spec.sticky->domain.assign(253, 'd');
  EXPECT_THAT(set(), HasSubstr("; HttpOnly")) << "the longest ones fit";
}

class StickyExchange : public ExchangeFixture {
 protected:
  // The backend that got a request with these fields. `cookie`: that the response has set.
  BackendIndex backend_of(const std::string& fields = "", int status = 200) {
    ask("GET /sticky HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n");
    backend.answers(fmt::format("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", status));
    EXPECT_EQ(outcome(), "keep");
    cookie = client.cookie.substr(0, client.cookie.find(';'));
    return backend.last_backend;
  }
  std::string with(const std::string& set) { return "Cookie: a=b; " + set + "\r\n"; }
  Cluster& sticky() { return current->cluster(4); }
  const HostSpec& host(BackendIndex index) { return sticky().spec().hosts[index]; }

  std::string cookie;
};

TEST_F(StickyExchange, CookieIsSetOnceAndFollowed) {
  const BackendIndex first = backend_of();
  ASSERT_THAT(cookie, testing::StartsWith("s="));
  const std::string set = cookie;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(backend_of(with(set)), first);
    EXPECT_EQ(cookie, "") << "the client has it";
  }
  EXPECT_EQ(backend.hidden_cookie, "s");
}

TEST_F(StickyExchange, CookieOfABackendThatIsDownIsReplaced) {
  const BackendIndex first = backend_of();
  const std::string set = cookie;
  host(first).backend->set_health(Health::down);
  sticky().health_changed();
  const BackendIndex second = backend_of(with(set));
  EXPECT_NE(second, first);
  ASSERT_THAT(cookie, testing::StartsWith("s="));
  EXPECT_EQ(backend_of(with(cookie)), second);
}

TEST_F(StickyExchange, FullBackendKeepsItsClients) {
  const BackendIndex first = backend_of();
  const std::string set = cookie;
  // The kept connection is lost, and another request has the only one.
  Lease taken = sticky().pool(first).take(Pool::Trust::events);
  ASSERT_NE(taken, nullptr);
  EXPECT_NE(backend_of(with(set)), first);
  EXPECT_EQ(cookie, "");
  taken.reset();
  EXPECT_EQ(backend_of(with(set)), first);
}

TEST_F(StickyExchange, RequestThatHasFailedAtItsBackendMovesWithItsCookie) {
  const BackendIndex first = backend_of();
  const std::string set = cookie;
  ask("GET /sticky HTTP/1.1\r\nHost: a.test\r\n" + with(set) + "\r\n");
  EXPECT_EQ(backend.last_backend, first);
  backend.answers("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n");
  const BackendIndex second = backend.last_backend;
  EXPECT_NE(second, first);
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(outcome(), "keep");
  cookie = client.cookie.substr(0, client.cookie.find(';'));
  EXPECT_EQ(backend_of(with(cookie)), second);
}

TEST_F(StickyExchange, DrainingBackendKeepsItsClientsUnlessTheyMove) {
  const StickyTags& tags = *sticky().spec().sticky->tags;
  const auto cookie_for = [&](BackendIndex index) {
    const auto text = sticky_text({tags.key(), kNow, tags.tag(index)});
    return "s=" + std::string(view(text));
  };
  EXPECT_EQ(backend_of(with(cookie_for(2))), 2u) << "it drains";
  EXPECT_EQ(cookie, "");
  EXPECT_NE(backend_of(with(cookie_for(3))), 3u) << "it is in maintenance";
  EXPECT_NE(cookie, "");
  for (int i = 0; i < 10; ++i) EXPECT_LT(backend_of(), 2u) << "new clients go elsewhere";
  host(0).backend->set_health(Health::draining);
  sticky().health_changed();
  EXPECT_EQ(backend_of(with(cookie_for(0))), 0u) << "it drains by itself";
  EXPECT_EQ(cookie, "");
  ClusterSpec moves = sticky().spec();
  moves.sticky->drain = config::StickyDrain::move;
  const Cluster cluster(moves, metrics, 1);
  const std::string text = "GET / HTTP/1.1\r\nHost: a.test\r\n" + with(cookie_for(2)) + "\r\n";
  RequestHead head;
  ASSERT_EQ(H1RequestParser().feed(text, head), H1RequestParser::State::complete);
  EXPECT_EQ(sticky_backend({cluster, head, clock.now(), kNow}, false), kNoBackend);
  EXPECT_EQ(sticky_backend({sticky(), head, clock.now(), kNow}, false), 2u);
}

}  // namespace
}  // namespace weir::test
