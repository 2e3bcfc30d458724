// A thousand TCP sessions of every kind at one SIGTERM: how each kind ends and is counted. All
// other ends are caused by events; the deadline of the drain is far away, or is the event under
// test.
#include <signal.h>

#include <memory>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/session_pair.h"
#include "support/weir_build.h"

namespace weir {
namespace {

using End = Socket::End;
using Behaviour = LoadServer::Behaviour;

const size_t kShare = weir_is_sanitized() ? 4 : 1;  // the number of sessions is divided by it
// Together a thousand. Fewer of them fill buffers: each needs megabytes of kernel memory.
const size_t kQueued = 200, kIdle = 200 / kShare, kTransfers = 20 / kShare, kHalves = 100 / kShare,
             kDying = 160 / kShare, kStuck = 160 / kShare, kMutes = 40 / kShare;
constexpr size_t kTransfer = 12 << 20;  // more than all the kernel's buffers on the way hold

class DrainTableTest : public testing::Test {
 protected:
  DrainTableTest() { allow_many_descriptors(); }

  // Every kind has its own listener, so that its ends are counted separately.
  void start(const std::string& drain) {
    std::string listeners, clusters;
    const std::pair<const char*, Address> kinds[] = {
        {"queued", echo_.address()},       {"idle", echo_.address()},
        {"download", pairs_.address()},    {"upload", pairs_.address()},
        {"client_half", pairs_.address()}, {"backend_half", pairs_.address()},
        {"mute", pairs_.address()},        {"dying", dying_->address()},
        {"stuck", hold_.address()}};
    for (const auto& [kind, backend] : kinds) {
      at_[kind] = free_address();
      listeners += listener(kind, at_[kind], kind);
      clusters += cluster(kind, {backend});
    }
    weir_.emplace(config_text(listeners, clusters, "drain: {" + drain + "}\n"));
  }
  std::vector<Socket> open_many(const std::string& kind, size_t n) {
    std::vector<Socket> sockets;
    for (size_t i = 0; i < n; ++i) {
      sockets.push_back(Socket::connect(at_[kind]));
      EXPECT_TRUE(sockets.back()) << kind << ' ' << i;
    }
    return sockets;
  }
  std::vector<SessionPair> open_pairs(const std::string& kind, size_t n, bool small = false) {
    std::vector<SessionPair> pairs = weir::open_pairs(n, at_[kind], pairs_, small);
    for (const SessionPair& pair : pairs) EXPECT_TRUE(pair) << kind;
    return pairs;
  }

  void open_idle() {
    idle_ = open_many("idle", kIdle);
    for (Socket& socket : idle_) ASSERT_TRUE(echoes(socket, "x"));
  }
  void open_transfers() {
    downloads_ = open_pairs("download", kTransfers, true);
    for (SessionPair& pair : downloads_) down_.push_back({&pair.server, &pair.client, kTransfer});
    ASSERT_TRUE(fill(down_, *weir_, "download", "client_read"));
    uploads_ = open_pairs("upload", kTransfers, true);
    for (SessionPair& pair : uploads_) up_.push_back({&pair.client, &pair.server, kTransfer});
    ASSERT_TRUE(fill(up_, *weir_, "upload", "backend_read"));
  }
  void open_halves() {
    client_halves_ = open_pairs("client_half", kHalves);
    for (SessionPair& pair : client_halves_) {
      ASSERT_TRUE(pair.client.send("question"));
      pair.client.finish();
    }
    backend_halves_ = open_pairs("backend_half", kHalves);
    for (SessionPair& pair : backend_halves_) pair.server.finish();
    ASSERT_TRUE(await_waiting(*weir_, "client_half", "backend_fin", kHalves));
    ASSERT_TRUE(await_waiting(*weir_, "backend_half", "client_fin", kHalves));
  }
  // Their backend, a process, has received their request and does not answer it.
  void open_dying() {
    dyings_ = open_many("dying", kDying);
    for (Socket& socket : dyings_) {
      ASSERT_TRUE(socket.send("request"));
      socket.finish();
    }
    ASSERT_TRUE(await_waiting(*weir_, "dying", "backend_fin", kDying));
  }
  // The kinds that end only by weir's deadline.
  void open_endless() {
    stuck_ = open_many("stuck", kStuck);
    for (Socket& socket : stuck_) socket.finish();
    ASSERT_TRUE(await_waiting(*weir_, "stuck", "backend_fin", kStuck));
    mutes_ = open_pairs("mute", kMutes, true);
    std::vector<Flow> flood;
    for (SessionPair& pair : mutes_) flood.push_back({&pair.server, &pair.client, size_t{1} << 40});
    ASSERT_TRUE(fill(flood, *weir_, "mute", "client_read"));
  }
  // weir is stopped (SIGSTOP): the connections wait in the kernel, with all their bytes.
  void open_queued() {
    queued_ = open_many("queued", kQueued);
    for (Socket& socket : queued_) {
      ASSERT_TRUE(socket.send("from the queue"));
      socket.finish();
    }
  }

  void expect_transfers_arrive_whole() {
    std::vector<Flow> all = down_;
    all.insert(all.end(), up_.begin(), up_.end());
    ASSERT_TRUE(run_flows(all, 120s));
    for (SessionPair& pair : downloads_) pair.server.finish();
    for (SessionPair& pair : uploads_) pair.client.finish();
    for (SessionPair& pair : downloads_) EXPECT_EQ(pair.client.wait_end(), End::fin);
    for (SessionPair& pair : uploads_) EXPECT_EQ(pair.server.wait_end(), End::fin);
    for (SessionPair& pair : downloads_) pair.client.finish();
    for (SessionPair& pair : uploads_) pair.server.finish();
    for (SessionPair& pair : downloads_) EXPECT_EQ(pair.server.wait_end(), End::fin);
    for (SessionPair& pair : uploads_) EXPECT_EQ(pair.client.wait_end(), End::fin);
  }
  void expect_halves_go_on() {
    for (SessionPair& pair : client_halves_) {
      ASSERT_EQ(pair.server.receive_all(), "question");
      ASSERT_TRUE(pair.server.send("answer"));
      pair.server.finish();
    }
    for (SessionPair& pair : backend_halves_) {
      ASSERT_TRUE(pair.client.send("upload"));
      pair.client.finish();
    }
    for (SessionPair& pair : client_halves_) {
      EXPECT_EQ(pair.client.receive_all(), "answer");
      EXPECT_EQ(pair.client.end(), End::fin);
    }
    for (SessionPair& pair : backend_halves_) {
      EXPECT_EQ(pair.server.receive_all(), "upload");
      EXPECT_EQ(pair.server.end(), End::fin);
      EXPECT_EQ(pair.client.wait_end(), End::fin);
    }
  }
  void expect_the_queue_is_served() {
    for (Socket& socket : queued_) {
      EXPECT_EQ(socket.receive_all(), "from the queue");
      EXPECT_EQ(socket.end(), End::fin);
    }
  }
  void expect_the_idle_are_closed() {
    for (Socket& socket : idle_) {
      EXPECT_EQ(socket.wait_end(), End::fin);
      socket.close();
    }
  }
  void expect_the_endless_are_reset() {
    for (Socket& socket : stuck_) EXPECT_EQ(socket.wait_end(), End::reset);
    for (SessionPair& pair : mutes_) EXPECT_EQ(pair.client.wait_end(), End::reset);
  }
  // All sessions of the kind have ended, all for this reason.
  static void expect_ended(const Scrape& scrape, const std::string& kind, const std::string& reason,
                           size_t n) {
    const char* name = "weir_connections_ended_total";
    EXPECT_EQ(scrape.sum(name, {{"listener", kind}, {"reason", reason}}), double(n)) << kind;
    EXPECT_EQ(scrape.sum(name, {{"listener", kind}}), double(n)) << kind << ": other reasons";
  }

  // The child process is started first: it must not inherit descriptors that are opened later.
  std::unique_ptr<LoadServer> dying_ =
      std::make_unique<LoadServer>(Behaviour::hold, 0, LoadServer::Place::process);
  LoadServer echo_{Behaviour::echo}, hold_{Behaviour::hold};
  Acceptor pairs_;
  std::map<std::string, Address> at_;
  std::optional<ProxyProcess> weir_;
  std::vector<Socket> queued_, idle_, dyings_, stuck_;
  std::vector<SessionPair> downloads_, uploads_, client_halves_, backend_halves_, mutes_;
  std::vector<Flow> down_, up_;
};

TEST_F(DrainTableTest, ThousandSessionsOfEveryKindEndAsExpected) {
  start("timeout: 150s, spread: 2s, linger: 500ms");
  ASSERT_NO_FATAL_FAILURE(open_idle());
  ASSERT_NO_FATAL_FAILURE(open_transfers());
  ASSERT_NO_FATAL_FAILURE(open_halves());
  ASSERT_NO_FATAL_FAILURE(open_dying());
  ASSERT_NO_FATAL_FAILURE(open_endless());
  weir_->signal(SIGSTOP);
  ASSERT_NO_FATAL_FAILURE(open_queued());
  weir_->signal(SIGTERM);
  weir_->signal(SIGCONT);
  ASSERT_TRUE(weir_->await_metric("weir_process_state", {{"state", "draining"}}, 1));
  EXPECT_EQ(weir_->scrape().imbalance(), 0);

  dying_.reset();
  ASSERT_NO_FATAL_FAILURE(expect_transfers_arrive_whole());
  EXPECT_EQ(weir_->scrape().imbalance(), 0);
  ASSERT_NO_FATAL_FAILURE(expect_halves_go_on());
  expect_the_queue_is_served();
  expect_the_idle_are_closed();
  for (Socket& socket : dyings_) {
    EXPECT_EQ(socket.wait_end(), End::reset)
        << "after a FIN a missing response would look complete";
  }

  ASSERT_TRUE(weir_->await_metric("weir_connections_active", {}, double(kStuck + kMutes)));
  const Scrape scrape = weir_->scrape();
  EXPECT_EQ(scrape.imbalance(), 0);
  expect_ended(scrape, "queued", "client_closed", kQueued);
  expect_ended(scrape, "idle", "drain_idle", kIdle);
  expect_ended(scrape, "download", "backend_closed", kTransfers);
  expect_ended(scrape, "upload", "client_closed", kTransfers);
  expect_ended(scrape, "client_half", "client_closed", kHalves);
  expect_ended(scrape, "backend_half", "backend_closed", kHalves);
  expect_ended(scrape, "dying", "backend_reset", kDying);
  expect_ended(scrape, "stuck", "", 0);
  expect_ended(scrape, "mute", "", 0);
  EXPECT_EQ(scrape.sum("weir_drain_connections_closed_total", {{"how", "idle_spread"}}) +
                scrape.sum("weir_drain_connections_closed_total", {{"how", "deadline_fin"}}),
            double(kIdle));

  weir_->signal(SIGTERM);  // otherwise the rest would last for the whole timeout
  EXPECT_EQ(weir_->wait(60s), 4) << "some were cut";
  expect_the_endless_are_reset();
  EXPECT_NE(weir_->errors().find("cut=" + std::to_string(kStuck + kMutes)), std::string::npos);
}

TEST_F(DrainTableTest, SessionsOpenAtTheDeadlineAreResetAndCounted) {
  start("timeout: 3s, spread: 1s, linger: 500ms");
  ASSERT_NO_FATAL_FAILURE(open_endless());
  const TimePoint start = std::chrono::steady_clock::now();
  weir_->signal(SIGTERM);
  EXPECT_EQ(weir_->wait(60s), 4);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 2900ms) << "not before the deadline";
  expect_the_endless_are_reset();
  EXPECT_NE(weir_->errors().find("cut=" + std::to_string(kStuck + kMutes)), std::string::npos);
}

}  // namespace
}  // namespace weir
