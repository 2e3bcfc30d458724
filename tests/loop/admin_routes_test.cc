// The table of the admin API refuses all that a route does not declare.
#include "admin_fixture.h"

namespace weir::test {
namespace {

class AdminRoutesTest : public AdminServerTest {
 protected:
  AdminRoutesTest() {
    const auto show = [](const AdminRequest& request, AdminResponder responder) {
      std::string shown = request.flag("wait") ? "wait " : "";
      for (const auto& [name, value] : request.members) shown += name + "=" + value + " ";
      responder.reply({.content_type = "text/plain", .body = shown});
    };
    routes_.add({"POST", "/act", show, "does it", {"wait", "dry_run"}, {"timeout", "path"}});
    routes_.add({"GET", "/act", show, "shows it", {"wait"}});
    metrics_ = routes_.add({"GET", "/metrics", show, "numbers"});
  }
  // The answer to one request; its status stays in `status_`.
  std::string answer(const std::string& request) {
    AdminClient client(address_);
    client.send(request);
    EXPECT_TRUE(replied(client)) << request;
    status_ = client.status;
    allow_ = client.field("Allow");
    return client.body;
  }
  bool refused(const std::string& request, const std::string& why) {
    const std::string body = answer(request);
    EXPECT_EQ(status_, 400) << request;
    EXPECT_NE(body.find(why), std::string::npos) << body;
    return status_ == 400;
  }
  size_t metrics_ = 0;
  int status_ = 0;
  std::string allow_;
};

TEST_F(AdminRoutesTest, AcceptsDeclaredFlagsAndMembers) {
  EXPECT_EQ(answer(post("/act?wait=1&dry_run=0", "{\"path\":\"/x\",\"timeout\":\"1s\"}")),
            "wait path=/x timeout=1s ");
  EXPECT_EQ(answer(post("/act?wait=0", "{}")), "");
  EXPECT_EQ(answer(post("/act", "")), "");
}

TEST_F(AdminRoutesTest, RefusesUnknownFlagsNamingTheKnownOnes) {
  refused(post("/act?wiat=1", ""),
          "unknown flag 'wiat' in the query; this request accepts the flags "
          "wait, dry_run");
  refused(get("/act?dry_run=1"), "accepts the flag wait");
  refused(get("/metrics?name=a"), "accepts no flags");
  refused(get("/later?x"), "unknown flag 'x'");
  refused(get("/act?wait=1&&"), "unknown flag ''");
}

TEST_F(AdminRoutesTest, RefusesRepeatedFlagsAndOtherValues) {
  refused(get("/act?wait=1&wait=1"), "given twice");
  refused(get("/act?wait=1&w%61it=0"), "given twice");
  for (const char* value : {"", "=", "=true", "=2", "=01", "=1 "})
    refused(get("/act?wait" + std::string(value == std::string("=1 ") ? "=1+" : value)),
            "write wait=1 or wait=0");
}

TEST_F(AdminRoutesTest, RefusesBodiesThatItsRouteDoesNotDeclare) {
  refused(post("/act", "{\"pth\":\"/x\"}"),
          "unknown member 'pth' in the body; this request accepts "
          "the members timeout, path");
  refused(post("/act", "{\"path\":1}"), "must be a text, not number");
  refused(post("/act", "{\"path\":null}"), "must be a text, not null");
  refused(post("/act", "{\"path\":\"a\",\"path\":\"b\"}"), "given twice");
  refused(post("/act", "{\"path\":[1,2]}"), "must be a text, not array");
  refused(post("/act", "{\"path\":{\"path\":\"a\"}}"), "must be a text, not object");
  for (const char* body : {"{", "[]", "\"path\"", "1", "null", "{} {}", "{}x", "path=/x", " "})
    refused(post("/act", body), "one JSON object");
  refused("GET /later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
          "accepts no members");
}

TEST_F(AdminRoutesTest, AnswersOtherMethodsWithTheAllowedMethods) {
  for (const char* method : {"PUT", "DELETE", "PATCH", "OPTIONS"}) {
    answer(std::string(method) + " /act HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(status_, 405) << method;
    EXPECT_EQ(allow_, "POST, GET, HEAD") << method;
  }
  answer(post("/metrics", ""));
  EXPECT_EQ(status_, 405);
  EXPECT_EQ(allow_, "GET, HEAD");
}

TEST_F(AdminRoutesTest, AnswersAnUnknownPathWithAListOfPaths) {
  routes_.set_path(metrics_, "/numbers");
  const std::string list = answer(get("/metrics"));
  EXPECT_EQ(status_, 404);
  EXPECT_NE(list.find("GET  /numbers  numbers\n"), std::string::npos) << list;
  EXPECT_NE(list.find("POST /act[?wait=1&dry_run=1]  does it\n"), std::string::npos) << list;
  answer(get("/numbers"));
  EXPECT_EQ(status_, 200);
}

}  // namespace
}  // namespace weir::test
