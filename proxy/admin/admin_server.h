// AdminServer: serves the admin API over HTTP/1.1, on TCP addresses and UNIX sockets.
//
// Owner: the control plane, by value. Thread: the loop's. It stays open through a drain, until
// close(). The memory and time that a client can take are bounded (admin_connection.h). A
// connection beyond kMaxAdminConnections evicts the one that has waited longest, so that slow
// clients do not lock an operator out. The handler may answer later; it must not destroy the server
// from within a request.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "admin/admin_access.h"
#include "admin/admin_connection.h"
#include "admin/admin_message.h"
#include "admin/admin_socket.h"
#include "net/listener.h"

namespace weir {

inline constexpr size_t kMaxAdminConnections = 64;
// Far fewer than the connections: a client that sends its request at once is read before it can be
// evicted.
inline constexpr int kAdminAcceptsPerTurn = 16;

class AdminServer {
 public:
  AdminServer(EventLoop& loop, AdminHandler handler);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  ~AdminServer();

  // Listens on this address too. The error names the address and the fix.
  Result<void> listen(const Address& address,
                      const SocketPermissions& permissions = kAdminPermissions);
  void set_access(AdminAccess access) { access_ = std::move(access); }
  const AdminAccess& access() const { return access_; }
  // Stops listening, removes the socket files and cuts all connections. Idempotent.
  void close();

  size_t connections() const { return connections_; }
  // True while a request is handled or a reply is not sent completely: close() would cut it.
  bool busy() const;
  // Where it listens, in the order of listen(), with the ports the kernel chose.
  std::vector<Address> addresses() const;

 private:
  friend class AdminConnection;
  class Listening;
  using StageList = IntrusiveList<AdminConnection, AdminStageLink>;

  void add(int fd, bool over_unix_socket);
  // One of kAdminLargeBodies places, held until the last copy is destroyed; null: none is free.
  std::shared_ptr<void> take_large_body();
  [[nodiscard]] bool evict_one();
  void drop(AdminConnection& connection);
  void restore_reserves();

  // For AdminConnection.
  void handle(AdminRequest request, AdminResponder responder) {
    handler_(std::move(request), std::move(responder));
  }
  void enlist(AdminConnection& connection);
  void release(AdminConnection& connection);
  StageList& list(AdminConnection::Stage stage) { return stages_[size_t(stage)]; }

  EventLoop& loop_;
  AdminHandler handler_;
  std::array<StageList, AdminConnection::kStages> stages_;
  std::array<Owned<AdminConnection>, kMaxAdminConnections> slots_;
  size_t connections_ = 0;
  const std::shared_ptr<size_t> large_bodies_ = std::make_shared<size_t>(0);  // places taken
  AdminAccess access_;
  std::vector<std::unique_ptr<Listening>> listening_;
};

}  // namespace weir
