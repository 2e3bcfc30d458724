#include "upstream/shared_connection.h"

#include <algorithm>

#include "base/log.h"
#include "http/hpack_writer.h"

namespace weir {
namespace {

using Place = SharedStream::Place;

constexpr uint32_t kSharedHeaderList = 65'535;  // of responses
constexpr size_t kLoggedDebug = 64;             // bytes of the debug text of a GOAWAY

SharedStream& shared(H2Stream& stream) {
  return static_cast<SharedStream&>(stream);
}

std::string printable(std::string_view text) {
  std::string result(text.substr(0, kLoggedDebug));
  for (char& c : result)
    if (c < ' ' || c > '~') c = '.';
  return result;
}

}  // namespace

SharedConnection::SharedConnection(PipeResources& resources, Pool& pool, Lease lease,
                                   uint64_t number)
    : Retirable(resources.loop),
      pool_(pool),
      number_(number),
      lease_(std::move(lease)),
      link_(resources, lease_->transport, H2Role::client, *this),
      opening_(pool, lease_->transport, *this) {}

SharedConnection::~SharedConnection() {
  close();
}

void SharedConnection::close() {
  DCHECK(places_ == 0);
  Deadline::cancel();
  cancel_yield();
  if (std::exchange(stage_, Stage::over) == Stage::connecting) opening_.stop();
  link_.close();
  lease_.reset();
}

// ---- connecting

void SharedConnection::start(const ClusterSpec& cluster, const HostSpec& host,
                             ClusterCells& cells) {
  cluster_cells_ = &cells;
  made_at_ = loop().now();
  opening_.start(cluster, host, cells);
}

// A connection of HTTP/1 is for the request that has waited for longest.
void SharedConnection::on_opened(SharedOpening::Outcome outcome) {
  if (outcome == SharedOpening::Outcome::http2) return begin_link();
  const bool failed = outcome == SharedOpening::Outcome::failed;
  if (!failed && !waiters_.empty()) waiters_.front().lease_ = std::move(lease_);
  lease_.reset();
  over(failed ? Place::refused : Place::moved);
}

void SharedConnection::begin_link() {
  stage_ = Stage::open;
  since_ = loop().now();
  H2OwnSettings settings;
  settings.max_header_list = kSharedHeaderList;
  link_.start(settings, 1);
  link_.receive_first({});
  if (!pool_.limits().shares) return retire();  // a reload has changed the protocol
  if (stage_ != Stage::open) return;
  if (places_ == 0) start_idling();
  places_changed();
}

// There is no transport any more.
void SharedConnection::over(Place waiters) {
  stage_ = Stage::over;
  told_ = waiters;
  Deadline::cancel();
  places_changed();
  if (places_ == 0) pool_.shared().drop(*this);
}

// ---- places

uint32_t SharedConnection::limit() const {
  const uint32_t most =
      std::min(pool_.limits().max_streams, pool_.shared().most_streams(open_, served_));
  if (stage_ == Stage::connecting) return opening_.expects_http1() ? 1 : most;
  return std::min(most, link_.connection().peer().max_streams);
}

bool SharedConnection::has_place() const {
  if (stage_ > Stage::open || suspected_ || places_ >= limit()) return false;
  const uint32_t most = pool_.limits().max_requests;
  return most == 0 || served_ + (places_ - open_) < most;
}

// The limit of a backend is known when its SETTINGS have come.
bool SharedConnection::may_begin(const SharedStream& stream) const {
  if (stage_ != Stage::open || suspected_ || (unconfirmed_ && !stream.repeatable_)) return false;
  const bool known = link_.connection().established();
  if (stream.needs_settings_ && !known) return false;
  return begun_ < (known ? limit() : std::min(limit(), kBeforeSettings));
}

void SharedConnection::join(SharedStream& stream, const Claim& claim) {
  DCHECK(has_place() && stream.connection_ == nullptr);
  if (idle()) stop_idling();
  ++places_;
  stream.attach(link_);
  stream.set_abort_code(H2Error::cancel);
  stream.connection_ = this;
  stream.repeatable_ = claim.repeatable;
  stream.needs_settings_ = claim.extended;
  stream.why_ended_.reset();
  stream.ended_noted_ = stream.left_by_connection_ = stream.requires_http1_ = false;
  if (waiters_.empty() && may_begin(stream)) {
    ++begun_;
    stream.place_ = Place::ready;
  } else {
    stream.place_ = Place::waiting;
    waiters_.push_back(stream);
  }
  pool_.shared().update(*this);
  arm();
}

// The loop calls it: a waiter that is told may end, and tell others (trap T23).
void SharedConnection::on_resume() {
  if (stage_ == Stage::connecting) return;
  if (stage_ == Stage::open) return begin_waiters();
  while (SharedStream* const stream = waiters_.pop_front()) {
    tell(*stream, told_);
    if (!SharedNode::linked()) return;
  }
}

// Of those for whom the backend turns out to have no room others are asked.
void SharedConnection::begin_waiters() {
  while (!waiters_.empty() && may_begin(waiters_.front())) {
    ++begun_;
    tell(*waiters_.pop_front(), Place::ready);
  }
  if (stage_ != Stage::open || !link_.connection().established()) return;
  for (uint32_t excess = places_ > limit() ? places_ - limit() : 0; excess > 0; --excess) {
    if (waiters_.empty()) return;
    SharedStream& last = waiters_.back();
    static_cast<PlaceNode&>(last).unlink();
    tell(last, Place::moved);
    if (stage_ != Stage::open) return;
  }
}

void SharedConnection::tell(SharedStream& stream, Place place) {
  stream.place_ = place;
  stream.tell_place();
}

void SharedConnection::begin_block(HpackWriter& block) const {
  if (served_ == 0) block.empty_table();
}

void SharedConnection::open(SharedStream& stream, std::string_view block) {
  DCHECK(stream.place_ == Place::ready);
  stream.place_ = Place::open;
  ++open_;
  if (stage_ != Stage::open || !link_.connection().open(stream)) {
    stream.fail_unsent();
    return retire();
  }
  if (++served_ > 1) pool_.cells_.reuses.add();
  ++in_write_;
  stream.before_settings_ = !link_.connection().established();
  stream.received_before_ = link_.received();
  stream.head_at_ = link_.end_of_outbox();
  stream.send_fields(block, false);
  const uint32_t most = pool_.limits().max_requests;
  if (served_ >= (most != 0 ? most : kMostRequests)) retire();
}

// A stream that has not ended on both sides is reset. RFC 9113 8.1: NO_ERROR when the backend has
// answered before it had the whole request.
void SharedConnection::leave(SharedStream& stream, bool whole) {
  DCHECK(stream.connection_ == this);
  static_cast<PlaceNode&>(stream).unlink();
  if (stream.place_ == Place::ready || stream.place_ == Place::open) --begun_;
  if (stream.place_ == Place::open) --open_;
  if (stream.attached()) {
    const bool answered = stream.Stream::ended_by_peer();
    stream.reset(answered ? H2Error::no_error : H2Error::cancel);
    if (!whole && !answered && link_.received() == stream.received_before_) suspect();
  }
  stream.detach();
  stream.lease_.reset();
  stream.connection_ = nullptr;
  stream.place_ = Place::none;
  if (--places_ == 0) {
    if (stage_ == Stage::over) return pool_.shared().drop(*this);
    if (stage_ == Stage::leaving) return end_in_order();
    if (stage_ == Stage::open) start_idling();
  }
  if (stage_ == Stage::open) pool_.shared().note_served(served_ - open_);
  places_changed();
}

void SharedConnection::places_changed() {
  pool_.shared().update(*this);
  if (!waiters_.empty()) loop().yield(*this);
  if (has_place()) pool_.serve_waiters();
  arm();
}

// ---- idle, or dead

void SharedConnection::start_idling() {
  since_ = loop().now();
  if (!pool_.shared().may_idle(pool_.keep_time(made_at_, since_))) return retire();
  pool_.shared().count_idle(*this, true);
}

void SharedConnection::stop_idling() {
  pool_.shared().count_idle(*this, false);
  const TimePoint now = loop().now();
  if (now - since_ >= kTrusted) {
    unconfirmed_ = true;
    ask();
  }
  since_ = now;
  if (served_ > 0) received_when_idle_ = link_.received();
}

void SharedConnection::ask() {
  if (asked_at_ != kNever) return;
  asked_at_ = loop().now();
  link_.connection().send_ping(kAlivePing);
  link_.flush_later();
}

void SharedConnection::suspect() {
  if (stage_ != Stage::open || (asked_at_ == kNever && !may_ask_)) return;
  ask();
  may_ask_ = false;
  suspected_ = true;
}

void SharedConnection::on_ping_ack(uint64_t) {
  asked_at_ = kNever;
  suspected_ = unconfirmed_ = false;
  places_changed();
}

// ---- what comes

H2FieldTarget SharedConnection::on_fields(H2Stream& stream, H2Fields kind) {
  may_ask_ = true;
  return shared(stream).on_fields(kind);
}

void SharedConnection::on_fields_end(H2Stream& stream, H2Fields kind, const HpackOutcome& outcome,
                                     bool end) {
  shared(stream).on_fields_end(kind, outcome, end);
  link_.announce(stream);
}

void SharedConnection::on_stream_reset(H2Stream& stream, H2Error code, bool by_peer) {
  if (!by_peer) return shared(stream).note_end(std::nullopt);
  switch (code) {
    case H2Error::refused_stream:
      pool_.cells_.http2_refused_streams.add();
      shared(stream).left_by_connection_ |= shared(stream).before_settings_;
      return shared(stream).note_end(RetryCause::refused_stream);
    case H2Error::http_1_1_required:
      shared(stream).requires_http1_ = true;
      return shared(stream).note_end(std::nullopt);
    default: return shared(stream).note_end(RetryCause::reset_before_response);
  }
}

// RFC 9113 6.8: streams above the id were not and will not be processed; the others go on.
void SharedConnection::on_goaway(uint32_t last, H2Error code, std::string_view debug) {
  if (stage_ == Stage::open) pool_.cells_.http2_goaways.add();  // a server sends two
  if (code != H2Error::no_error)
    LOG(warn, "backend.goaway", kv("cluster", pool_.backend().cluster()),
        kv("backend", pool_.backend().name()), kv("code", unsigned(code)),
        kv("debug", printable(debug)));
  else if (idle())
    pool_.learn(loop().now() - since_);
  uint32_t refused = 0;
  link_.connection().streams().for_each([&](H2StreamState& state) {
    if (state.id() <= last) return;
    ++refused;
    SharedStream& stream = static_cast<SharedStream&>(state);
    stream.note_end(RetryCause::refused_stream);
    stream.left_by_connection_ = true;
    pool_.cells_.http2_refused_streams.add();
    link_.drop(stream);
  });
  retire();
  const uint32_t taken = served_ - refused;
  if (code == H2Error::no_error && refused > 0 && taken > 0) pool_.shared().note_last_stream(taken);
}

void SharedConnection::on_flushed() {
  if (in_write_ > 0) cluster_cells_->streams_per_write.observe(std::exchange(in_write_, 0));
  if (stage_ == Stage::leaving && places_ == 0) pool_.shared().drop(*this);
}

void SharedConnection::on_down(Down how) {
  if (how == Down::error) {
    const H2ConnectionError& error = *link_.connection().error();
    pool_.cells_.http2_errors.add();
    LOG(warn, "backend.http2_error", kv("cluster", pool_.backend().cluster()),
        kv("backend", pool_.backend().name()), kv("kind", text(error.counted)),
        kv("reason", error.reason));
    // The GOAWAY, as far as there is room.
    (void)lease_->transport.write(link_.outbox().view());
  } else if (how == Down::ended && idle()) {
    pool_.learn(loop().now() - since_);
  }
  fail();
}

// ---- the end

void SharedConnection::retire() {
  if (stage_ == Stage::connecting && places_ == 0) return pool_.shared().drop(*this);
  if (stage_ != Stage::open) return;
  pool_.shared().count_idle(*this, false);
  stage_ = Stage::leaving;
  told_ = Place::moved;
  if (places_ == 0) return end_in_order();
  places_changed();
}

void SharedConnection::end_in_order() {
  since_ = loop().now();
  link_.connection().leave();
  link_.flush_later();
  places_changed();
}

// The streams learn it at once, the waiters by the loop.
void SharedConnection::fail() {
  if (stage_ == Stage::over) return;
  const bool stale = link_.received() == received_when_idle_;
  link_.connection().streams().for_each([&](H2StreamState& state) {
    SharedStream& stream = static_cast<SharedStream&>(state);
    if (!link_.outbox().may_have_left(stream.head_at_))
      stream.note_end(RetryCause::not_sent);
    else
      stream.note_end(stale ? RetryCause::reused_connection : RetryCause::reset_before_response);
  });
  over(Place::moved);
  if (!SharedNode::linked()) return;
  link_.reset_all();
  link_.close();
  lease_.reset();
}

void SharedConnection::renew() {
  const uint32_t most = pool_.limits().max_requests;
  if (!pool_.limits().shares || (most != 0 && served_ >= most)) return retire();
  places_changed();
}

TimePoint SharedConnection::next_deadline() const {
  const auto after = [](TimePoint from, Duration time) {
    return from == kNever || time <= Duration::zero() ? kNever : from + time;
  };
  switch (stage_) {
    case Stage::open: break;
    case Stage::leaving: return places_ == 0 ? since_ + kGoodbye : after(asked_at_, kPingTimeout);
    case Stage::connecting:
    case Stage::over: return kNever;
  }
  const TimePoint answer = after(asked_at_, kPingTimeout);
  if (places_ == 0) return std::min(answer, since_ + pool_.keep_time(made_at_, since_));
  return std::min(answer, after(made_at_, pool_.limits().max_age));
}

void SharedConnection::arm() {
  loop().deadlines().set(*this, next_deadline());
}

void SharedConnection::on_deadline() {
  const TimePoint now = loop().now();
  if (now < next_deadline()) return arm();
  if (asked_at_ != kNever && now >= asked_at_ + kPingTimeout) {
    pool_.cells_.http2_pings_unanswered.add();
    return fail();
  }
  if (stage_ == Stage::leaving) return pool_.shared().drop(*this);
  retire();
}

}  // namespace weir
