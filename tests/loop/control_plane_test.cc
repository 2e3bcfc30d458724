// The control plane at its start and its end.
#include "server/control_plane.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>

#include "support/socket.h"
#include "support/temp_folder.h"

namespace weir::test {
namespace {

// The signal mask of the thread of a test, restored at the end.
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

struct PlaneWithLog {
  const BlockedSignals blocked{};
  Log log{std::move(*Log::prepare({.output = "none", .access_output = "none"}))};
  const ServerOptions options{};
  ControlPlane plane{options, log, {}, 4096, std::make_shared<Lookups>()};
};

Candidate candidate_at(const std::string& bind) {
  Candidate candidate;
  config::Model& model = candidate.loaded.model;
  config::Listener& listener = model.listeners.emplace_back();
  listener.name = "l";
  listener.bind = {bind};
  listener.cluster = "c";
  config::Cluster& cluster = model.clusters.emplace_back();
  cluster.name = "c";
  config::Backend& backend = cluster.backends.emplace_back();
  backend.name = "b";
  backend.address = "127.0.0.1:9";
  candidate.addresses[backend.address] = {{*Address::parse(backend.address)}, {}};
  return candidate;
}

TEST(ControlPlane, SignalDuringAFailedStartChangesNothing) {
  const Acceptor taken;
  PlaneWithLog one;
  ASSERT_FALSE(one.plane.start(candidate_at(taken.address().text())));
  ASSERT_EQ(::raise(SIGTERM), 0);
}

TEST(ControlPlane, AdminSocketHasTheConfiguredMode) {
  const TempFolder folder;
  Candidate candidate = candidate_at("127.0.0.1:0");
  config::Admin& admin = candidate.loaded.model.admin;
  admin.socket = folder / "admin.sock";
  admin.socket_mode = 0660;
  PlaneWithLog one;
  const Result<void> started = one.plane.start(candidate);
  ASSERT_TRUE(started) << started.error().text();
  struct stat status {};
  ASSERT_EQ(::stat(admin.socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660u);
}

TEST(ControlPlane, StartFailsWhenTheGroupOfTheAdminSocketDoesNotExist) {
  const TempFolder folder;
  Candidate candidate = candidate_at("127.0.0.1:0");
  candidate.loaded.model.admin.socket = folder / "admin.sock";
  candidate.loaded.model.admin.socket_group = "no-such-group";
  PlaneWithLog one;
  const Result<void> started = one.plane.start(candidate);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().text().find("no group 'no-such-group'"), std::string::npos)
      << started.error().text();
}

}  // namespace
}  // namespace weir::test
