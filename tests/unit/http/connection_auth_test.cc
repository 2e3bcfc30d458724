#include "http/connection_auth.h"

#include <gtest/gtest.h>

#include "http/h1_parser.h"

namespace weir {
namespace {

bool response_logs_in(const std::string& fields) {
  const std::string text = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n" + fields + "\r\n";
  H1ResponseReader parser;
  parser.reset(AnswerTo::other);
  EXPECT_EQ(parser.feed(text), H1ResponseParser::State::complete) << fields;
  return authenticates_connection(parser.head(text));
}

bool request_logs_in(const std::string& fields) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  H1RequestReader parser;
  EXPECT_EQ(parser.feed(text), H1RequestParser::State::complete) << fields;
  return authenticates_connection(parser.head(text));
}

TEST(ConnectionAuth, ChallengesAreFoundInAnyCasePlaceAndField) {
  for (const char* fields :
       {"WWW-Authenticate: NTLM\r\n", "www-authenticate: ntlm TlRM\r\n",
        "WWW-Authenticate: Negotiate\r\n", "WWW-Authenticate: Basic realm=\"x\" , NEGOTIATE\r\n",
        "WWW-Authenticate: Basic realm=\"a, b\"\r\nWWW-Authenticate:\tNTLM\r\n",
        "WWW-Authenticate: ,,Negotiate\tabc\r\n"})
    EXPECT_TRUE(response_logs_in(fields)) << fields;
}

TEST(ConnectionAuth, OtherSchemesAreNot) {
  for (const char* fields :
       {"", "WWW-Authenticate: Basic realm=\"NTLM\"\r\n", "WWW-Authenticate: NTLMv2\r\n",
        "WWW-Authenticate: Bearer negotiate=1\r\n", "WWW-Authenticate: Digest qop=x, NTLM=1\r\n",
        "X-Authenticate: NTLM\r\n", "Authorization: NTLM\r\n", "Proxy-Authenticate: NTLM\r\n"})
    EXPECT_FALSE(response_logs_in(fields)) << fields;
}

TEST(ConnectionAuth, CredentialsOfAClientAreFoundToo) {
  EXPECT_TRUE(request_logs_in("Authorization: NTLM TlRMTVNTUAABAAAA\r\n"));
  EXPECT_TRUE(request_logs_in("authorization: negotiate YIIZ\r\n"));
  EXPECT_FALSE(request_logs_in("Authorization: Basic TlRMTQ==\r\n"));
  EXPECT_FALSE(request_logs_in("Authorization: Bearer NTLM\r\n"));
  EXPECT_FALSE(request_logs_in("Proxy-Authorization: Negotiate YIIZ\r\n")) << "it is not relayed";
}

}  // namespace
}  // namespace weir
