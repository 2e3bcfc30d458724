#include "admin/admin_server.h"

#include <cstring>

#include "os/sys.h"

namespace weir {
namespace {

using Stage = AdminConnection::Stage;

bool out_of_descriptors(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

AdminServer::AdminServer(EventLoop& loop, AdminHandler handler)
    : loop_(loop),
      handler_(std::move(handler)),
      reserve_(sys::open_reserve()),
      resume_timer_(loop, [this] { resume_accepting(); }) {}

Result<void> AdminServer::listen(const Address& address, const SocketPermissions& permissions) {
  Result<AdminSocket> socket = AdminSocket::open(address, permissions);
  if (!socket) return socket.error();
  std::unique_ptr<Listening> listening(new Listening{*this, std::move(*socket), {}});
  if (!watch(*listening))
    return Error{std::string("cannot watch the admin socket: ") + std::strerror(errno),
                 address.text()};
  listening_.push_back(std::move(listening));
  return {};
}

bool AdminServer::watch(Listening& listening) {
  return listening.watch.start<&AdminServer::on_acceptable>(loop_.poller(), listening.socket.fd(),
                                                            IoWatch::Mode::level_read, &listening);
}

void AdminServer::on_acceptable(void* listening, Readiness) noexcept {
  auto& where = *static_cast<Listening*>(listening);
  where.server.accept_from(where);
}

void AdminServer::accept_from(Listening& listening) {
  const bool local = listening.socket.address().is_unix();
  for (int accepted = 0; accepted < kAdminAcceptsPerTurn; ++accepted) {
    int fd = sys::accept(listening.socket.fd(), nullptr, nullptr);
    if (fd >= 0) {
      add(fd, local);
      continue;
    }
    if (errno == EAGAIN) return;
    if (!out_of_descriptors(errno)) continue;  // concerns that connection only
    // accept(2) fails like this even with an empty queue; only the first failure means that a
    // connection waits.
    if (accepted > 0) return;
    fd = find_descriptor() ? sys::accept(listening.socket.fd(), nullptr, nullptr) : -1;
    if (fd >= 0)
      add(fd, local);
    else
      pause_accepting();
    return;
  }
}

// An operator may connect to see why descriptors have run out: use the reserve, or evict a
// connection.
bool AdminServer::find_descriptor() {
  if (!reserve_ && !evict_one()) return false;
  reserve_.reset();  // what an eviction frees becomes the reserve first
  return true;
}

void AdminServer::pause_accepting() {
  for (auto& each : listening_) each->watch.stop();
  resume_timer_.set_in(kAdminAcceptPause);
}

void AdminServer::resume_accepting() {
  for (auto& each : listening_) {
    if (!each->watch.active() && !watch(*each)) return resume_timer_.set_in(kAdminAcceptPause);
  }
}

void AdminServer::add(int fd, bool over_unix_socket) {
  UniqueFd accepted(fd);
  if (connections_ == kMaxAdminConnections && !evict_one()) return;
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
    release(list(stage).front());
    return true;
  }
  return false;
}

void AdminServer::enlist(AdminConnection& connection) {
  static_cast<AdminStageLink&>(connection).unlink();
  list(connection.stage()).push_back(connection);
}

void AdminServer::release(AdminConnection& connection) {
  for (auto& slot : slots_) {
    if (slot.get() != &connection) continue;
    slot.reset();
    --connections_;
  }
  if (!reserve_) reserve_.reset(sys::open_reserve());
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
  for (const auto& each : listening_) all.push_back(each->socket.address());
  return all;
}

void AdminServer::close() {
  resume_timer_.cancel();
  listening_.clear();
  for (auto& slot : slots_) slot.reset();
  connections_ = 0;
}

}  // namespace weir
