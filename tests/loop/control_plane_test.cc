// The control plane at the edges of its life.
#include "server/control_plane.h"

#include <gtest/gtest.h>

#include <csignal>

#include "support/socket.h"

namespace weir::test {
namespace {

// Of the thread of a test, which gets them back.
class BlockedSignals {
 public:
  BlockedSignals() {
    EXPECT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &before_), 0);
    block_signals();
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

// Its address is another one's.
Candidate candidate_that_fails(const Acceptor& taken) {
  Candidate candidate;
  config::Model& model = candidate.loaded.model;
  config::Listener& listener = model.listeners.emplace_back();
  listener.name = "l";
  listener.bind = {taken.address().text()};
  listener.cluster = "c";
  config::Cluster& cluster = model.clusters.emplace_back();
  cluster.name = "c";
  config::Backend& backend = cluster.backends.emplace_back();
  backend.name = "b";
  backend.address = "127.0.0.1:9";
  candidate.addresses[backend.address] = {{*Address::parse(backend.address)}, {}};
  return candidate;
}

TEST(ControlPlane, ASignalDuringAStartThatFailsChangesNothing) {
  const BlockedSignals blocked;
  const Acceptor taken;
  Log log(std::move(*Log::prepare({.output = "none", .access_output = "none"})));
  const ServerOptions options{};
  ControlPlane plane(options, log, {}, 4096, std::make_shared<Lookups>());
  ASSERT_FALSE(plane.start(candidate_that_fails(taken)));
  ASSERT_EQ(::raise(SIGTERM), 0);
}

}  // namespace
}  // namespace weir::test
