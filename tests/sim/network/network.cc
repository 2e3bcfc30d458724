#include "network/network.h"

#include "network/endpoint.h"

namespace weir::sim {

Network::Network(uint64_t seed, const NetworkConditions& conditions)
    : random_(seed), conditions_(conditions) {}

Network::~Network() = default;

void Network::at(TimePoint when, std::function<void()> what) {
  events_.push({when, order_++, std::move(what)});
}

void Network::pass(Duration duration) {
  const TimePoint until = now_ + duration;
  while (!events_.empty() && events_.top().at <= until) {
    Event event = std::move(const_cast<Event&>(events_.top()));
    events_.pop();
    now_ = std::max(now_, event.at);
    event.what();
  }
  now_ = until;
}

std::shared_ptr<Endpoint> Network::make_endpoint() {
  const auto some = [this](size_t most) { return most / 8 + random_.below(most * 7 / 8 + 1); };
  return std::make_shared<Endpoint>(*this, some(conditions_.send_buffer), some(conditions_.window));
}

std::shared_ptr<ListeningSocket> Network::listen(const Address& address) {
  auto socket = std::make_shared<ListeningSocket>();
  socket->address = address;
  listening_[address.text()] = socket;
  return socket;
}

std::shared_ptr<Endpoint> Network::open_connection(const Address& to, const Address& from) {
  auto client = make_endpoint();
  client->begin_connecting();
  after(latency(), [this, client, to, from] {
    const auto found = listening_.find(to.text());
    const auto socket = found == listening_.end() ? nullptr : found->second.lock();
    if (!socket) return client->fail_connecting(ECONNREFUSED);
    auto near = make_endpoint();
    near->set_remote(from);
    Endpoint::join(client, near);
    socket->queue.push_back(near);
  });
  return client;
}

}  // namespace weir::sim
