// SharedConnection: a connection to a backend that carries the streams of many requests: connects,
// lends places, finds out whether it is alive, and leaves in order. RFC 9113 3, 5.1.2, 6.7, 6.8.
//
//   connecting → open → leaving → over
//
// connecting: requests wait for it. With TLS the backend chooses the protocol (ALPN): a connection
// of HTTP/1 becomes the lease of the first request that waits, and the others look for a connection
// again. open: the first streams begin before the backend's SETTINGS have come, at most
// kBeforeSettings. leaving: no new streams; when the last one is over, GOAWAY, then the end. Each
// reason to leave goes this way: GOAWAY of the backend, age, number of requests, idleness, a
// reload, a drain. over: the transport is closed; the object stays until every stream has left.
//
// While it is suspected to be dead it takes no new streams: a request was given up and nothing was
// read since it was sent. Then, and when it was idle for kTrusted, a PING asks the backend; without
// an ACK within kPingTimeout it is dead. No PING is sent otherwise: servers count them.
//
// Owner: its Pool; the transport is that of a Lease, which counts the connection. Thread: the
// worker's.
#pragma once

#include "h2/h2_link.h"
#include "upstream/shared_opening.h"
#include "upstream/shared_stream.h"

namespace weir {

class HpackWriter;

struct SharedNode : ListNode {};  // in a list of its SharedConnections

class SharedConnection final : public Retirable,
                               public SharedNode,
                               private SharedOpening::Owner,
                               private H2LinkOwner,
                               private Yielding,
                               private Deadline {
 public:
  static constexpr uint32_t kBeforeSettings = 16;
  static constexpr Duration kTrusted = 10s;
  static constexpr Duration kPingTimeout = 2s;

  // `number`: later ones have greater numbers.
  SharedConnection(PipeResources& resources, Pool& pool, Lease lease, uint64_t number);

  // Begins to connect. `cluster` is used during the call only.
  void start(const ClusterSpec& cluster, const HostSpec& host, ClusterCells& cells);

  uint64_t number() const { return number_; }
  bool has_place() const;
  // The backend allows no streams now. Another connection would not help.
  bool refuses_streams() const {
    return stage_ == Stage::open && link_.connection().peer().max_streams == 0;
  }
  uint32_t places() const { return places_; }  // in use
  bool idle() const { return places_ == 0 && stage_ == Stage::open; }

  // Takes a place, of a connection that has one, for a request with these properties.
  void join(SharedStream& stream, const Claim& claim);
  // The backend allows extended CONNECT (RFC 8441 3). Known when such a request has a ready place.
  bool allows_connect_protocol() const { return link_.connection().peer().connect_protocol; }
  // Begins the stream, of a place that is ready, with this block of fields. If the connection takes
  // no more streams, the stream fails as if it was reset.
  void open(SharedStream& stream, std::string_view block);
  // Before the block: HPACK wants it in the first one.
  void begin_block(HpackWriter& block) const;
  // The request is over. `whole`: and complete.
  void leave(SharedStream& stream, bool whole);

  // No new streams; ends with the last one.
  void retire();
  // The limits of the pool have changed.
  void renew();
  const TlsStream* tls() const { return lease_ != nullptr ? lease_->transport.tls() : nullptr; }

 private:
  friend class SharedConnections;
  enum class Stage : uint8_t { connecting, open, leaving, over };
  static constexpr Duration kGoodbye = 1s;             // for the GOAWAY to be sent
  static constexpr uint32_t kMostRequests = 1u << 29;  // half of the ids
  static constexpr uint64_t kAlivePing = 0x616c697665;

  ~SharedConnection() override;
  void close() override;

  // H2LinkOwner
  H2Stream* on_new_stream(uint32_t) override { return nullptr; }
  H2FieldTarget on_fields(H2Stream& stream, H2Fields kind) override;
  void on_fields_end(H2Stream& stream, H2Fields kind, const HpackOutcome& outcome,
                     bool end) override;
  void on_stream_reset(H2Stream& stream, H2Error code, bool by_peer) override;
  void on_priority(uint32_t, std::string_view) override {}
  void on_settings() override { places_changed(); }
  void on_goaway(uint32_t last, H2Error code, std::string_view debug) override;
  void on_ping_ack(uint64_t opaque) override;
  void on_received() override {}
  void on_flushed() override;
  void on_down(Down how) override;

  void on_opened(SharedOpening::Outcome outcome) override;
  void on_resume() override;
  void on_deadline() override;

  void begin_link();
  void over(SharedStream::Place waiters);
  uint32_t limit() const;
  bool may_begin(const SharedStream& stream) const;
  void begin_waiters();
  void tell(SharedStream& stream, SharedStream::Place place);
  void places_changed();
  void start_idling();
  void stop_idling();
  void ask();
  void suspect();
  void end_in_order();
  void fail();
  TimePoint next_deadline() const;
  void arm();

  Pool& pool_;
  const uint64_t number_;
  Lease lease_;
  H2Link link_;
  SharedOpening opening_;
  ClusterCells* cluster_cells_ = nullptr;
  TimePoint made_at_{};
  // It connects; it is idle, or was until then; it leaves.
  TimePoint since_{};
  TimePoint asked_at_ = kNever;  // by a PING, which was not answered yet
  // Bytes that had come when it was idle the last time.
  uint64_t received_when_idle_ = UINT64_MAX;
  IntrusiveList<SharedStream, PlaceNode> waiters_;
  uint32_t places_ = 0;
  uint32_t begun_ = 0;     // of these, ready or open
  uint32_t open_ = 0;      // of these, open
  uint32_t served_ = 0;    // streams that were opened
  uint32_t in_write_ = 0;  // of these, since the output was empty
  Stage stage_ = Stage::connecting;
  SharedStream::Place told_ = SharedStream::Place::moved;  // to those that wait, at the end
  bool listed_usable_ = false;                             // of SharedConnections,
  bool counted_idle_ = false;                              // this too
  bool suspected_ = false;                                 // to be dead: takes no streams
  bool unconfirmed_ = false;  // was idle for long, and a PING is on its way
  bool may_ask_ = true;       // HEADERS have come since the last PING for a suspicion
};

}  // namespace weir
