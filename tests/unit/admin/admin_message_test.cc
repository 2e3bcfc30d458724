#include "admin/admin_message.h"

#include <gtest/gtest.h>

#include "admin/admin_connection.h"
#include "admin/admin_routes.h"
#include "admin/gzip.h"

namespace weir {
namespace {

AdminRequest with_query(std::string query) {
  AdminRequest request;
  request.query = std::move(query);
  return request;
}

TEST(AdminRequest, DecodesTheNamesAndValuesOfItsQuery) {
  const AdminRequest::Values expected = {{"wait", "1"},  {"path", "/etc/weir.yaml"},
                                         {"a b", "c d"}, {"empty", ""},
                                         {"bare", ""},   {"wait", "2"}};
  EXPECT_EQ(with_query("wait=1&path=%2Fetc%2fweir.yaml&a+b=c+d&empty=&bare&wait=2").parameters(),
            expected);
  EXPECT_TRUE(with_query("").parameters().empty());
}

TEST(AdminRequest, LeavesMalformedEscapesAsTheyAre) {
  EXPECT_EQ(with_query("a=%zz%4").parameters()[0].second, "%zz%4");
  EXPECT_EQ(with_query("a=100%").parameters()[0].second, "100%");
}

TEST(AdminRequest, FlagIsSetOnlyByTheValueOne) {
  EXPECT_TRUE(with_query("dry_run=0&wait=1").flag("wait"));
  EXPECT_FALSE(with_query("wait=0").flag("wait"));
  EXPECT_FALSE(with_query("wait").flag("wait"));
  EXPECT_FALSE(with_query("").flag("wait"));
}

TEST(ErrorReply, ErrorIsValidJsonForAnyMessage) {
  EXPECT_EQ(error_reply(400, "a \"b\"\n\xff").body, "{\"error\":\"a \\\"b\\\"\\n\xef\xbf\xbd\"}\n");
  EXPECT_EQ(error_reply(400, "").status, 400);
}

TEST(AdminResponder, ReplyWithoutAConnectionDoesNothing) {
  auto ticket = std::make_shared<AdminResponder::Ticket>(AdminResponder::Ticket{nullptr});
  AdminResponder responder(ticket);
  EXPECT_FALSE(responder.wanted());
  responder.reply({});
  responder.reply({});
}

TEST(AdminRoutes, LargeBodiesAreReadOnAnotherThreadAndSmallOnesAtOnce) {
  std::vector<std::function<void()>> work, done;
  AdminRoutes routes([&](std::function<void()> w, std::function<void()> d) {
    work.push_back(std::move(w));
    done.push_back(std::move(d));
  });
  size_t received = 0;
  routes.add({"POST",
              "/act",
              [&](const AdminRequest& request, AdminResponder) {
                received = request.member("text").value_or("").size();
              },
              "",
              {},
              {"text"}});
  const auto send = [&](size_t size) {
    AdminRequest request;
    request.method = "POST";
    request.path = "/act";
    request.body = "{\"text\": \"" + std::string(size, 'x') + "\"}";
    routes(std::move(request), AdminResponder(nullptr));
  };
  send(100);
  EXPECT_EQ(received, 100u);
  EXPECT_TRUE(work.empty());
  send(kAdminSmallBody);
  EXPECT_EQ(received, 100u);
  ASSERT_EQ(work.size(), 1u);
  work[0]();
  EXPECT_EQ(received, 100u) << "the handler runs on the loop";
  done[0]();
  EXPECT_EQ(received, kAdminSmallBody);
}

TEST(Gzip, HasTheGzipMagicAndCompressesRepetition) {
  std::string packed = gzip(std::string(100000, 'x'));
  EXPECT_EQ(packed.substr(0, 2), "\x1f\x8b");
  EXPECT_LT(packed.size(), 1000u);
  EXPECT_GT(gzip("").size(), 0u);
}

}  // namespace
}  // namespace weir
