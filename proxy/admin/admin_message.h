// The request that a handler of the admin API gets, and its reply. Thread: the loop's of the
// AdminServer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/admin_peer.h"

namespace weir {

struct AdminRequest {
  // A name and its decoded value, in the order they were sent.
  using Values = std::vector<std::pair<std::string, std::string>>;

  std::string method, path, query, body;  // path and query as sent, not decoded
  bool accepts_gzip = false;  // the connection compresses a reply that is not compressed yet
  AdminPeer peer;
  Values members;  // of the JSON body, once AdminRoutes has read it

  // `name=value` pairs of the query; "" for a bare name. A malformed %-sequence stays as it is.
  Values parameters() const;
  // Whether the query has `name=1`.
  bool flag(std::string_view name) const;
  std::optional<std::string> member(std::string_view name) const;
  // The same; moves the value out of the request.
  std::optional<std::string> take_member(std::string_view name);
};

struct AdminReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::string allow = {};  // of a 405: the methods of the path
  bool gzipped = false;    // the body is compressed already
};

// {"error": "<message>"}
AdminReply error_reply(int status, std::string_view message);

class AdminConnection;

// Answers one request, now or later, exactly once. Its destructor answers 503 to a request without
// a reply, as when weir ends. It may outlive its connection and the server; a reply then does
// nothing. Move-only (work to post is copyable: post a shared_ptr to it). Use and drop it on the
// loop's thread.
class AdminResponder {
 public:
  // What links a responder to its connection; the connection clears it when it closes.
  struct Ticket {
    AdminConnection* connection;
    // The request's place among the large bodies. Kept until the answer, even if the connection is
    // closed before.
    std::shared_ptr<void> large_body = {};
  };

  explicit AdminResponder(std::shared_ptr<Ticket> ticket) : ticket_(std::move(ticket)) {}
  AdminResponder(AdminResponder&&) = default;
  AdminResponder& operator=(AdminResponder&&) = delete;
  ~AdminResponder();

  void reply(AdminReply reply);
  // False when the connection or the server is closed: the work need not be done.
  bool wanted() const { return ticket_ != nullptr && ticket_->connection != nullptr; }

 private:
  std::shared_ptr<Ticket> ticket_;
};

using AdminHandler = std::function<void(AdminRequest, AdminResponder)>;

}  // namespace weir
