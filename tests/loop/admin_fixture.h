// An admin server with a few routes on a loopback port, and its clients.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "admin/admin_routes.h"
#include "admin/admin_server.h"
#include "admin_client.h"
#include "support/test_loop.h"

namespace weir::test {

inline std::string get(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}
inline std::string post(const std::string& path, const std::string& body,
                        const std::string& fields = "") {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         fields + "\r\n" + body;
}

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest() {
    routes_.add({"GET", "/hello", [this](const AdminRequest&, AdminResponder responder) {
                   ++handled_;
                   responder.reply({.body = "hello you"});
                 }});
    routes_.add({"GET", "/big", [this](const AdminRequest&, AdminResponder responder) {
                   responder.reply({.content_type = "text/plain", .body = big_});
                 }});
    routes_.add({"GET", "/later", [this](const AdminRequest&, AdminResponder responder) {
                   later_.push_back(std::move(responder));
                 }});
    routes_.add({"GET", "/drop", [](const AdminRequest&, AdminResponder) {}});
    for (int i = 0; i < 20000; ++i) big_ += "line " + std::to_string(i) + "\n";
    auto listening = server_.listen(Address::loopback(0));
    EXPECT_TRUE(listening) << listening.error().text();
    address_ = server_.addresses().front();
  }

  // Past the routes: any body, and any name in the query.
  void handle(const AdminRequest& request, AdminResponder responder) {
    if (request.path == "/echo") {
      ++handled_;
      return responder.reply({.content_type = "text/plain", .body = request.body});
    }
    if (request.path == "/hold") return later_.push_back(std::move(responder));
    const AdminRequest::Values named = request.parameters();
    if (request.path != "/hello" || named.empty()) return routes_(request, std::move(responder));
    ++handled_;
    responder.reply({.body = "hello " + named[0].second});
  }
  bool run_until(const std::function<bool()>& done) { return test_.run_until(done); }
  bool replied(AdminClient& client, bool without_body = false) {
    return run_until([&] { return client.take_reply(without_body); });
  }
  // Sends one request on a new connection and waits for the reply.
  int status_of(const std::string& request) {
    AdminClient client(address_);
    client.send(request);
    return replied(client) ? client.status : -1;
  }
  // Clients that send the beginning of a request and then nothing.
  std::deque<AdminClient> drip(size_t count) {
    std::deque<AdminClient> clients;
    for (size_t i = 0; i < count; ++i) {
      clients.emplace_back(address_).send("GET /hello HT");
      test_.turns(1);
    }
    return clients;
  }

  TestLoop test_;
  AdminRoutes routes_;
  int handled_ = 0;
  std::string big_;
  std::deque<AdminResponder> later_;
  AdminServer server_{test_.loop, [this](const AdminRequest& request, AdminResponder responder) {
                        handle(request, std::move(responder));
                      }};
  Address address_;
};

}  // namespace weir::test
