// AdminConnection: one client of the admin server, request after request, in order.
//
// Owner: AdminServer, by Owned<>. Thread: the loop's. It reads the next request after the response
// to the last one, so the limits below bound its memory. After a fault, or when the client asks for
// it, it closes in this order: response, FIN, discard further input, close.
#pragma once

#include <memory>
#include <string>

#include "admin/admin_message.h"
#include "event/event_loop.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "net/transport.h"

namespace weir {

class AdminServer;

inline constexpr size_t kAdminHeadLimit = 8 * 1024;
// Enough for a large configuration file as a JSON string.
inline constexpr uint64_t kAdminBodyLimit = 8 * 1024 * 1024;
// Over TCP at most kAdminLargeBodies at once are larger than this.
inline constexpr uint64_t kAdminSmallBody = 64 * 1024;
inline constexpr size_t kAdminLargeBodies = 4;
inline constexpr Duration kAdminRequestTimeout =
    10s;  // head and body together, from accept or first byte
inline constexpr Duration kAdminIdleTimeout = 30s;   // between requests
inline constexpr Duration kAdminWriteTimeout = 30s;  // one whole reply
inline constexpr Duration kAdminLingerTimeout = 2s;  // for the client to read the last response
inline constexpr size_t kAdminGzipAbove = 1024;
inline constexpr int kAdminStepsPerTurn =
    16;  // reads, requests and writes before other connections run

// Links a connection into the list of its stage. The first has been there longest: it is evicted
// first.
struct AdminStageLink : ListNode {};

class AdminConnection final : public Retirable,
                              public AdminStageLink,
                              private TransportReader,
                              private TransportWriter,
                              private Deadline,
                              private Yielding {
 public:
  enum class Stage : uint8_t { reading, handling, writing, lingering, closed };
  static constexpr size_t kStages = 5;

  AdminConnection(EventLoop& loop, AdminServer& server, AdminPeer peer);

  // Takes over the accepted descriptor; false: the kernel refused.
  [[nodiscard]] bool start(int fd);
  // Called by the request's responder, once for each request.
  void answer(AdminReply reply);
  Stage stage() const { return stage_; }

 private:
  friend class AdminServer;
  enum class Step : uint8_t { next, wait, close };

  ~AdminConnection() override = default;
  void close() override;
  void on_readable() override { advance(); }
  void on_writable() override { advance(); }
  void on_resume() override { advance(); }
  void on_deadline() override;

  void advance();
  Step perform();
  Step read_request();
  Step fill();
  Step parse_input();
  Step accept_head();
  std::string objection(const RequestHead& head) const;
  Step decode_body();
  Step dispatch();
  Step refuse(Fault fault);
  Step refuse(int status, std::string_view message);
  bool is_large() const { return request_.body.size() > kAdminSmallBody; }
  Step write_reply();
  Step discard();
  void await_request(Duration timeout);
  void enter(Stage stage, Duration timeout);
  void append_head(const AdminReply& reply, bool compressed, bool negotiable);

  AdminServer& server_;
  Transport transport_;
  Stage stage_ = Stage::closed;
  bool advancing_ = false;
  const AdminPeer peer_;

  H1RequestReader parser_;
  H1BodyDecoder decoder_;
  AdminRequest request_;
  bool started_ = false;  // a byte of the request has arrived
  bool in_body_ = false;
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  std::shared_ptr<void> large_body_;  // its place among the server's large bodies; null: none
  std::string in_;

  std::shared_ptr<AdminResponder::Ticket> ticket_;
  std::string out_;
  size_t sent_ = 0;
};

}  // namespace weir
