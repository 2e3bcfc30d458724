// Session: one client connection, from accept to its end reason. Abstract: TcpSession,
// HttpSession.
//
// A session keeps the configuration it began with; an HTTP session changes to the current one
// between two requests: HttpSession::renew().
//
// Owner: a worker, through its list of sessions; thread: the worker's. It ends exactly once, with a
// reason, in end(), which counts the session, writes the access line, closes both sides and retires
// the object. Invariant: on the list ⇔ counted as active.
#pragma once

#include <optional>
#include <string>

#include "base/address.h"
#include "base/session_id.h"
#include "event/owned.h"
#include "metrics/cells.h"
#include "net/pipe.h"
#include "routing/snapshot.h"
#include "session/opening.h"

namespace weir {

class Session;

// The functions of its worker that a session calls.
class SessionOwner {
 public:
  explicit SessionOwner(PipeResources& pipe_resources) : resources(pipe_resources) {}
  virtual void release(Session& session) = 0;  // it has ended
  virtual const SnapshotRef& current() const = 0;
  virtual ListenerCells& listener_cells(uint32_t series) = 0;
  virtual bool draining() const = 0;
  virtual uint32_t index() const = 0;  // of the worker

  PipeResources& resources;
  Handshakes handshakes;

 protected:
  ~SessionOwner() = default;
};

struct SessionNode : ListNode {};  // of the worker's list

class Session : public Retirable, public SessionNode {
 public:
  static constexpr Duration kSilence = Pipe::kSilence;
  // The most reads in one event whose bytes are discarded.
  static constexpr int kDiscardsPerEvent = 16;

  struct Start {
    SnapshotRef snapshot;
    const ListenerSpec& listener;
    Address client;
    uint64_t serial;  // of this worker; never used twice
  };
  // For the admin API; by value, since the session may be gone when it is read.
  struct View {
    std::string id, listener, client, backend;
    Duration age, idle;
    WaitingFor waiting_for;
    uint64_t received_bytes, sent_bytes;
    std::optional<HttpMajor> version = {};  // none: not known yet, or TCP
    uint64_t streams = 0;                   // requests under way
  };

  // No bytes are in transit and both directions are open: the session can be closed without loss.
  virtual bool quiet() const = 0;
  virtual TimePoint last_active() const = 0;
  // The client has sent bytes, and the backend has sent none since.
  virtual bool awaits_answer() const = 0;
  // Idle, without an outstanding response, and not only for a moment.
  bool silent() const {
    return quiet() && !awaits_answer() && loop().now() - last_active() >= kSilence;
  }
  // Both sides have acknowledged everything we sent them. Asks the kernel.
  virtual bool delivered() const = 0;
  virtual WaitingFor waiting_for() const = 0;
  // Sends both sides their FIN and waits a moment for theirs. Only when quiet() or may_be_told().
  virtual void close_quiet(EndReason reason) = 0;
  // HTTP/2: the client has not been told that the connection ends; close_quiet() tells it, and the
  // requests that are under way finish. `tunnels`: also where a tunnel is under way, which some
  // clients end when they are told.
  virtual bool may_be_told([[maybe_unused]] bool tunnels) { return false; }
  // A reload has put another configuration in force.
  virtual void on_reload() {}
  // Ends it soon: with FINs if it is silent(), else at once with a reset, because after a FIN a
  // part would look complete.
  virtual void cut(EndReason reason) = 0;
  virtual void abort(EndReason reason) = 0;  // at once, with a reset
  // Adds the bytes moved since the last call to the metrics.
  virtual void settle() = 0;
  virtual View view() const = 0;

  // Opening calls these; the session destroys it in them.
  virtual void on_opened() = 0;
  virtual void on_opening_failed(EndReason reason) = 0;
  // Passthrough: the cluster for the server name of the ClientHello. TCP listeners only.
  virtual void choose_cluster(size_t) {}
  // A PROXY header has named the client's address, and the address that the client connected to.
  virtual void on_client_address(const Address& client, const Address&) {
    client_address_ = client;
  }

  const ListenerSpec& listener() const { return *listener_; }
  const SnapshotRef& snapshot() const { return snapshot_; }
  const SnapshotRef& current() const { return owner_.current(); }  // the one in force
  const Address& client_address() const { return client_address_; }
  ListenerCells& cells() const { return cells_; }
  TimePoint started() const { return started_; }
  SessionId id() const { return {owner_.index(), serial_}; }

 protected:
  Session(SessionOwner& owner, Start start);
  ~Session() override = default;
  // Starts Opening, which calls on_opened() or on_opening_failed(), perhaps at once.
  void open(Transport& client);
  void drop_opening() { opening_.reset(); }
  // Counts and logs the end; the subclass has closed both sides. `cut`: how a drain has cut it, if
  // one has.
  void account(EndReason reason, DrainEnd cut);
  ConfigAge age() const;  // of its snapshot
  std::string timeout_place(EndReason reason) const;
  virtual size_t cluster() const { return listener_->cluster; }  // of TCP

  SessionOwner& owner_;
  SnapshotRef snapshot_;
  const ListenerSpec* listener_;  // of the snapshot
  ListenerCells& cells_;
  Address client_address_;
  const uint64_t serial_;
  const TimePoint started_;

 private:
  Owned<Opening> opening_;
};

}  // namespace weir
