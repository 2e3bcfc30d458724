// Sockets: the listening sockets of the process, and which of them a new configuration keeps, opens
// and closes. One per worker for an IP address (SO_REUSEPORT), a single one for a UNIX path.
//
// Owner: the snapshot store; thread: the control thread's, and prepare() the background thread's.
// It opens sockets, so that a bind error is known before a configuration is in force; workers own
// and close them. A socket whose address and congestion control stay is never closed: its queue
// survives every reload.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "control/listen_socket.h"
#include "worker/worker.h"

namespace weir {

class Sockets {
 public:
  struct Entry {
    Address address;  // as configured
    Address actual;   // differs when the port was 0
    ListenOptions options;
    uint64_t first = 0;  // socket numbers: one per worker from here, or this one
    SocketFile file;
    size_t listener = 0;           // in the model
    std::vector<UniqueFd> opened;  // not yet handed to workers
  };
  // New permissions for the file of a UNIX socket that stays.
  struct NewPermissions {
    size_t entry;
    PermissionChange change;
  };
  struct Prepared {
    std::vector<Entry> entries;
    std::vector<NewPermissions> permissions;  // applied by commit()
  };

  explicit Sockets(uint32_t workers) : workers_(workers) {}
  ~Sockets() { unlink_files(); }

  // Opens the missing sockets. After an error nothing has changed; the message names the listener.
  Result<Prepared> prepare(const config::Model& model) const;
  // Removes the socket files that prepare() made. The destructor of `prepared` closes the sockets.
  static void abandon(const Prepared& prepared);
  // The configuration is in force: the assignments for each worker. Call once per Prepared.
  std::vector<std::vector<SocketAssignment>> commit(Prepared prepared);
  // The assignments that each worker has already.
  std::vector<std::vector<SocketAssignment>> assignments() const;
  // Removes the files of sockets that workers have closed since the last commit, or of all sockets.
  void unlink_removed();
  void unlink_files();

  const std::vector<Entry>& entries() const { return entries_; }
  uint32_t workers() const { return workers_; }

 private:
  Result<void> bind_all(const config::Model& model, Prepared& prepared) const;
  static Result<void> listen_all(const config::Model& model, const Prepared& prepared);
  // Addresses that are open or about to be, by port.
  using Ports = std::unordered_multimap<uint16_t, Address>;
  Result<Entry> bind(const Address& address, const ListenOptions& options, const Ports& ours) const;
  using ByAddress = std::unordered_multimap<std::string, const Entry*>;
  static ByAddress by_address(const std::vector<Entry>& entries);
  static const Entry* find(const ByAddress& entries, const Address& address,
                           const ListenOptions& options);
  Result<void> prepare_permissions(const config::Model& model, Prepared& prepared) const;
  void apply_permissions(Prepared& prepared) const;

  const uint32_t workers_;
  uint64_t next_ = 1;
  std::vector<Entry> entries_;
  std::vector<Entry> removed_;
};

}  // namespace weir
