#include "peers/http_peer.h"

#include <algorithm>

namespace weir::sim {
namespace {

constexpr Duration kLookAtTheTime = 20ms;

}  // namespace

HttpPeer::HttpPeer(Ledger& ledger, const HttpBehavior& behavior, std::shared_ptr<Wire> wire)
    : ledger_(ledger),
      network_(ledger.network()),
      behavior_(behavior),
      wire_(std::move(wire)),
      began_(network_.now()) {}

void HttpPeer::start() {
  wire_->endpoint().set_waker([weak = weak_from_this()] {
    auto self = weak.lock();
    if (self && !self->over_ && !std::exchange(self->soon_, true))
      self->schedule(self->behavior_.pace);
  });
  schedule(behavior_.pace);
}

void HttpPeer::schedule(Duration within) {
  const auto most = static_cast<uint64_t>(within.count());
  network_.after(Duration(1000 + network_.random().below(most)),
                 [weak = weak_from_this(), visit = ++visit_] {
                   auto self = weak.lock();
                   if (self && self->visit_ == visit) self->step();
                 });
}

void HttpPeer::step() {
  soon_ = false;
  if (over_) return;
  bool moved = false;
  if (!wire_->endpoint().connecting()) {
    if (age() >= behavior_.abort_after) return on_own_end(), abort();
    if (age() >= behavior_.give_up_after) return on_own_end(), leave();
    const bool open = wire_->step_handshake();
    moved = read_some();
    if (!over_ && (open || end_ != End::none)) act();
    if (!over_) moved = write_some() || moved;
  }
  if (over_) return;
  const bool rests = moved && behavior_.pause > 0ns && network_.chance(20);
  soon_ = moved;
  schedule(rests ? behavior_.pause : moved ? behavior_.pace : kLookAtTheTime);
}

bool HttpPeer::read_some() {
  if (end_ != End::none || received_ >= behavior_.read_at_most) return false;
  char bytes[65536];
  const ssize_t n = wire_->recv(bytes, std::min(sizeof(bytes), behavior_.chunk));
  if (n < 0 && errno == EAGAIN) return false;
  if (n > 0) {
    received_ += static_cast<uint64_t>(n);
    ledger_.trace("{}: {:?}", state(),
                  std::string_view(bytes, static_cast<size_t>(n)).substr(0, 400));
    take({bytes, static_cast<size_t>(n)});
    return true;
  }
  // After a write has reported the reset, a read only reports the end.
  end_ = n < 0 || failed_ ? End::reset : End::fin;
  ledger_.trace("{}: {}", state(), end_ == End::fin ? "FIN" : "reset");
  on_end(end_);
  return true;
}

bool HttpPeer::write_some() {
  const uint64_t may = behavior_.send_at_most - std::min(behavior_.send_at_most, sent_);
  if (to_send_.empty() || failed_ || may == 0) return false;
  const size_t size = std::min({to_send_.size(), behavior_.chunk, static_cast<size_t>(may)});
  const ssize_t n = wire_->send(to_send_.view().data(), size);
  if (n < 0) {
    failed_ = errno != EAGAIN;
    if (failed_) to_send_.clear();
    return failed_;
  }
  sent_ += static_cast<uint64_t>(n);
  to_send_.pop(static_cast<size_t>(n));
  return true;
}

void HttpPeer::leave() {
  wire_->close();
  over_ = true;
}

void HttpPeer::abort() {
  wire_->abort();
  over_ = true;
}

}  // namespace weir::sim
