#include "server/admin_message.h"

#include <gtest/gtest.h>

#include "server/admin_routes.h"
#include "server/gzip.h"

namespace weir {
namespace {

AdminRequest with_query(std::string query) {
  AdminRequest request;
  request.query = std::move(query);
  return request;
}

TEST(AdminRequest, FindsDecodedQueryValues) {
  AdminRequest request = with_query("wait=1&path=%2Fetc%2fweir.yaml&a+b=c+d&empty=&bare&wait=2");
  EXPECT_EQ(request.query_value("wait"), "1") << "the first counts";
  EXPECT_EQ(request.query_value("path"), "/etc/weir.yaml");
  EXPECT_EQ(request.query_value("a b"), "c d");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("bare"), "");
  EXPECT_EQ(request.query_value("wai"), std::nullopt);
  EXPECT_EQ(with_query("").query_value(""), std::nullopt);
}

TEST(AdminRequest, LeavesMalformedEscapesAsTheyAre) {
  EXPECT_EQ(with_query("a=%zz%4&&=").query_value("a"), "%zz%4");
  EXPECT_EQ(with_query("a=100%").query_value("a"), "100%");
}

TEST(ErrorReply, IsJsonWhateverTheMessageHolds) {
  EXPECT_EQ(error_reply(400, "a \"b\"\n\xff").body, "{\"error\":\"a \\\"b\\\"\\n\xef\xbf\xbd\"}\n");
  EXPECT_EQ(error_reply(400, "").status, 400);
}

TEST(AdminResponder, WithoutAConnectionDoesNothing) {
  auto ticket = std::make_shared<AdminResponder::Ticket>(AdminResponder::Ticket{nullptr});
  AdminResponder responder(ticket);
  EXPECT_FALSE(responder.wanted());
  responder.reply({});
  responder.reply({});
}

TEST(Gzip, MarksItsOutputAndShrinksRepetition) {
  std::string packed = gzip(std::string(100000, 'x'));
  EXPECT_EQ(packed.substr(0, 2), "\x1f\x8b");
  EXPECT_LT(packed.size(), 1000u);
  EXPECT_GT(gzip("").size(), 0u);
}

}  // namespace
}  // namespace weir
