#include "admin/admin_server.h"

#include <cerrno>
#include <cstring>

namespace weir {
namespace {

using Stage = AdminConnection::Stage;

}  // namespace

// One address that the server listens on.
class AdminServer::Listening final : public AcceptObserver {
 public:
  Listening(EventLoop& loop, AdminServer& server, AdminSocket socket)
      : server_(server),
        socket_(std::move(socket)),
        listener_(make_owned<Listener>(loop, socket_.release(), *this, kAdminAcceptsPerTurn)) {}

  // While the socket still listens: a process that finds the file of a closed one may replace it.
  ~Listening() { socket_.unlink_file(); }

  Listener& listener() { return *listener_; }
  const Address& address() const { return socket_.address(); }

 private:
  void on_accept(int fd, const sockaddr*, socklen_t) override {
    server_.add(fd, socket_.address().is_unix());
  }
  // An operator may connect to see why descriptors have run out: the connection is served.
  bool on_out_of_descriptors(int fd, const sockaddr* client, socklen_t length) override {
    on_accept(fd, client, length);
    return true;
  }
  bool free_descriptor() override { return server_.evict_one(); }

  AdminServer& server_;
  AdminSocket socket_;
  Owned<Listener> listener_;
};

AdminServer::AdminServer(EventLoop& loop, AdminHandler handler)
    : loop_(loop), handler_(std::move(handler)) {}

AdminServer::~AdminServer() {
  close();
}

Result<void> AdminServer::listen(const Address& address, const SocketPermissions& permissions) {
  Result<AdminSocket> socket = AdminSocket::open(address, permissions);
  if (!socket) return socket.error();
  auto listening = std::make_unique<Listening>(loop_, *this, std::move(*socket));
  if (!listening->listener().accepting())
    return Error{std::string("cannot watch the admin socket: ") + std::strerror(errno),
                 address.text()};
  listening_.push_back(std::move(listening));
  return {};
}

void AdminServer::add(int fd, bool over_unix_socket) {
  UniqueFd accepted(fd);
  if (connections_ == kMaxAdminConnections) {
    if (!evict_one()) return;
    restore_reserves();
  }
  for (auto& slot : slots_) {
    if (slot != nullptr) continue;
    slot =
        make_owned<AdminConnection>(loop_, *this, AdminPeer::of(accepted.get(), over_unix_socket));
    ++connections_;
    if (!slot->start(accepted.release())) release(*slot);
    return;
  }
}

std::shared_ptr<void> AdminServer::take_large_body() {
  if (*large_bodies_ == kAdminLargeBodies) return nullptr;
  ++*large_bodies_;
  return {large_bodies_.get(), [taken = large_bodies_](void*) { --*taken; }};
}

bool AdminServer::evict_one() {
  // Handling comes last. weir does not read from such a connection, so its client may be gone.
  for (Stage stage : {Stage::lingering, Stage::reading, Stage::writing, Stage::handling}) {
    if (list(stage).empty()) continue;
    drop(list(stage).front());
    return true;
  }
  return false;
}

void AdminServer::enlist(AdminConnection& connection) {
  static_cast<AdminStageLink&>(connection).unlink();
  list(connection.stage()).push_back(connection);
}

void AdminServer::release(AdminConnection& connection) {
  drop(connection);
  restore_reserves();
}

void AdminServer::drop(AdminConnection& connection) {
  for (auto& slot : slots_) {
    if (slot.get() != &connection) continue;
    slot.reset();
    --connections_;
  }
}

void AdminServer::restore_reserves() {
  for (const auto& each : listening_) each->listener().restore_reserve();
}

bool AdminServer::busy() const {
  for (const auto& slot : slots_) {
    if (slot != nullptr && (slot->stage() == Stage::handling || slot->stage() == Stage::writing))
      return true;
  }
  return false;
}

std::vector<Address> AdminServer::addresses() const {
  std::vector<Address> all;
  for (const auto& each : listening_) all.push_back(each->address());
  return all;
}

void AdminServer::close() {
  listening_.clear();
  for (auto& slot : slots_) slot.reset();
  connections_ = 0;
}

}  // namespace weir
