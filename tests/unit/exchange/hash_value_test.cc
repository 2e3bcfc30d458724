// What requests are hashed by, and that the balancer gets it.
#include "exchange/hash_value.h"

#include "unit/exchange/exchange_fixture.h"

namespace weir::test {
namespace {

using Part = config::HashBy::Part;

std::string value(Part part, const std::string& name = "") {
  const std::string text =
      "GET /a/./b?user=1&user=2 HTTP/1.1\r\nHost: A.test:80\r\nx-user: u1\r\nX-User: u2\r\n"
      "Cookie: other=0\r\nCookie: user=c1\r\n\r\n";
  RequestHead head;
  H1RequestParser parser;
  EXPECT_EQ(parser.feed(text, head), H1RequestParser::State::complete);
  return std::string(hash_value({part, name}, head, "a.test", "/a/b"));
}

TEST(HashValue, IsThePartOfTheRequestThatIsNamed) {
  EXPECT_EQ(value(Part::client), "");
  EXPECT_EQ(value(Part::host), "a.test");
  EXPECT_EQ(value(Part::path), "/a/b");
  EXPECT_EQ(value(Part::header, "X-User"), "u1");
  EXPECT_EQ(value(Part::header, "Cookie"), "other=0");
  EXPECT_EQ(value(Part::cookie, "user"), "c1");
  EXPECT_EQ(value(Part::query, "user"), "1");
}

TEST(HashValue, IsEmptyWithoutThatPart) {
  EXPECT_EQ(value(Part::header, "X-Other"), "");
  EXPECT_EQ(value(Part::cookie, "User"), "");
  EXPECT_EQ(value(Part::query, "users"), "");
}

class HashByTest : public ExchangeFixture {
 protected:
  BackendIndex backend_of(const std::string& fields) {
    ask("GET /hashed HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n");
    backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(outcome(), "keep");
    return backend.last_backend;
  }
  std::string cookie(int user) { return fmt::format("Cookie: a=b; user={}\r\n", user); }
};

// A guarantee for updates and for several instances: the seed is fixed.
TEST_F(HashByTest, ValueLeadsToTheSameBackendInEveryProcess) {
  std::vector<BackendIndex> backends;
  for (int user = 0; user < 12; ++user) backends.push_back(backend_of(cookie(user)));
  EXPECT_THAT(backends, testing::ElementsAre(0, 0, 0, 0, 0, 1, 4, 1, 1, 0, 2, 2));
  for (int user = 0; user < 12; ++user)
    EXPECT_EQ(backend_of("X: y\r\n" + cookie(user)), backends[static_cast<size_t>(user)]);
}

TEST_F(HashByTest, WithoutTheValueTheClientIsHashed) {
  std::set<BackendIndex> backends;
  for (const char* address : {"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1"}) {
    client.address = *Address::parse(address);
    const BackendIndex one = backend_of("");
    EXPECT_EQ(backend_of("Cookie: user=\r\n"), one) << "an empty value is none";
    EXPECT_EQ(backend_of(cookie(7)), backend_of(cookie(7)));
    backends.insert(one);
  }
  EXPECT_GT(backends.size(), 1u);
}

}  // namespace
}  // namespace weir::test
