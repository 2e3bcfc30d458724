#include "admin/metrics_page.h"

namespace weir::test {
namespace {

TEST(BackendStatus, ReportsWhyABackendReceivesNoSessions) {
  ManualClock clock;
  ClusterSpec cluster;
  cluster.outlier_detection.emplace();
  HostSpec host;
  host.backend = std::make_shared<Backend>("c", "b", "b", Address::loopback(1));
  Backend& backend = *host.backend;
  const auto status = [&] { return status_of(cluster, host, clock.now()); };
  EXPECT_EQ(status(), BackendStatus::unknown);
  backend.set_health(Health::up);
  EXPECT_EQ(status(), BackendStatus::up);

  backend.outlier().eject(clock.now(), *cluster.outlier_detection);
  EXPECT_EQ(status(), BackendStatus::ejected);
  backend.note_connect_failure(clock.now(), {});
  EXPECT_EQ(status(), BackendStatus::held_off);
  backend.set_health(Health::draining);
  EXPECT_EQ(status(), BackendStatus::self_draining);
  backend.set_health(Health::down);
  EXPECT_EQ(status(), BackendStatus::down);
  host.state = config::BackendState::drain;
  EXPECT_EQ(status(), BackendStatus::draining);
  host.state = config::BackendState::maintenance;
  EXPECT_EQ(status(), BackendStatus::maintenance);

  host.state = config::BackendState::active;
  backend.set_health(Health::up);
  backend.note_connect_success();
  EXPECT_EQ(status(), BackendStatus::ejected);
  cluster.outlier_detection.reset();
  EXPECT_EQ(status(), BackendStatus::up)
      << "a configuration without outlier detection ends all ejections";
}

}  // namespace
}  // namespace weir::test
