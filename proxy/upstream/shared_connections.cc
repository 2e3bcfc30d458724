#include "upstream/shared_connections.h"

#include <utility>

#include "upstream/shared_connection.h"

namespace weir {
namespace {

// Before a connection makes room for one of another worker: to connect again costs more than a
// request.
constexpr Duration kServesAtLeast = 1s;

}  // namespace

void SharedConnections::close() {
  while (!usable_.empty()) drop(usable_.front());
  while (!others_.empty()) drop(others_.front());
}

bool SharedConnections::refuses_streams() {
  return !others_.empty() && others_.front().refuses_streams();
}

SharedConnection* SharedConnections::claim(Cluster& cluster, BackendIndex backend,
                                           Reservation& reservation) {
  if (!usable_.empty()) return &usable_.front();
  if (refuses_streams()) return nullptr;
  Lease lease = pool_.open(&reservation);
  if (lease == nullptr) return nullptr;
  CHECK(pool_.pipes_ != nullptr);
  SharedConnection& made =
      *make_owned<SharedConnection>(*pool_.pipes_, pool_, std::move(lease), ++last_number_)
           .release();
  made.listed_usable_ = true;
  usable_.push_back(made);
  made.start(cluster.spec(), cluster.spec().hosts[backend], cluster.cells());
  return &made;
}

void SharedConnections::renew() {
  const auto renew = [](SharedConnection& connection) { connection.renew(); };
  usable_.for_each_safe(renew);
  others_.for_each_safe(renew);
  // The youngest leave first. One that is being made stays.
  for (int64_t excess = pool_.excess(); excess > 0; --excess) {
    if (usable_.empty()) return;
    SharedConnection& last = usable_.back();
    last.retire();
    if (last.SharedNode::linked() && last.listed_usable_) return;
  }
}

void SharedConnections::drop_idle() {
  if (!usable_.empty() && usable_.back().idle()) drop(usable_.back());
}

void SharedConnections::retire_oldest() {
  if (usable_.empty()) return;
  SharedConnection& oldest = usable_.front();
  if (pool_.loop().now() - oldest.made_at_ >= kServesAtLeast) oldest.retire();
}

void SharedConnections::begin_drain() {
  usable_.for_each_safe([](SharedConnection& connection) {
    if (connection.idle()) connection.retire();
  });
}

bool SharedConnections::may_idle(Duration keep_time) const {
  if (keep_time <= Duration::zero() || pool_.excess() > 0) return false;
  return !pool_.draining_ || pool_.queue_->length() > 0;
}

void SharedConnections::count_idle(SharedConnection& connection, bool idle) {
  if (std::exchange(connection.counted_idle_, idle) == idle) return;
  if (idle) {
    ++idle_;
    pool_.cells_.idle.add();
  } else {
    --idle_;
    pool_.cells_.idle.sub();
  }
}

// Adding costs time for each younger connection that has a place, too.
void SharedConnections::update(SharedConnection& connection) {
  if (!connection.SharedNode::linked()) return;
  const bool usable = connection.has_place();
  if (usable == connection.listed_usable_) return;
  connection.listed_usable_ = usable;
  connection.SharedNode::unlink();
  if (!usable) return others_.push_back(connection);
  IntrusiveList<SharedConnection, SharedNode> younger;
  while (!usable_.empty() && usable_.back().number() > connection.number()) {
    SharedConnection& last = usable_.back();
    last.SharedNode::unlink();
    younger.push_front(last);
  }
  usable_.push_back(connection);
  usable_.take_all(younger);
}

void SharedConnections::note_last_stream(uint32_t streams) {
  if (std::exchange(last_stream_, streams) == streams) return set_streams(streams);
  set_streams({});
}

void SharedConnections::note_served(uint32_t streams) {
  if (streams_.has_value() && streams >= *streams_) set_streams({});
}

void SharedConnections::set_streams(std::optional<uint32_t> streams) {
  if (std::exchange(streams_, streams) == streams) return;
  const auto change = [this](SharedConnection& connection) {
    update(connection);
    if (!connection.waiters_.empty()) pool_.loop().yield(connection);
  };
  usable_.for_each_safe(change);
  others_.for_each_safe(change);
}

void SharedConnections::drop(SharedConnection& connection) {
  if (!connection.SharedNode::linked()) return;
  connection.SharedNode::unlink();
  count_idle(connection, false);
  Owned<SharedConnection>(&connection).reset();
}

}  // namespace weir
