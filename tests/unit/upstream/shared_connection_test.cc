// Shared connections over real sockets, without exchanges: which connection gets a stream, and what
// becomes of streams when connections come and go.
#include "upstream/shared_connection.h"

#include <gtest/gtest.h>

#include "http/hpack_writer.h"
#include "support/h2_backend.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

using Place = SharedStream::Place;

const std::string kGoawayBehindStream1("\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0", 17);

// What an exchange does with a place.
class User final : public SharedStream, private TransportReader, private TransportWriter {
 public:
  explicit User(BufferPool& buffers) : SharedStream(buffers) {}
  ~User() { leave(); }

  void join(SharedConnection& connection, bool repeatable = true) {
    Claim claim;
    claim.repeatable = repeatable;
    connection.join(*this, claim);
    set_reader(this);
    set_writer(this);
  }
  void open(std::string_view path = "/") {
    char memory[1024];
    HpackWriter block(memory);
    shared_connection()->begin_block(block);
    block.pseudo_field(PseudoField::method, "GET");
    block.pseudo_field(PseudoField::scheme, "http");
    block.pseudo_field(PseudoField::path, path);
    block.pseudo_field(PseudoField::authority, "a.test");
    shared_connection()->open(*this, block.block());
  }
  void leave(bool whole = false) {
    if (shared_connection() != nullptr) shared_connection()->leave(*this, whole);
  }
  // The whole response has come, and the request has ended.
  void finish() {
    end({});
    leave(true);
  }

  int told = 0, heads = 0;
  bool leaves_when_told = false;

 private:
  H2FieldTarget on_fields(H2Fields) override { return {nullptr, memory_, sizeof memory_}; }
  void on_fields_end(H2Fields, const HpackOutcome&, bool) override {
    if (++heads == 1) expect_trailers();
  }
  void on_readable() override {}
  void on_writable() override {
    ++told;
    if (leaves_when_told) leave();
  }

  char memory_[4096];
};

class SharedConnectionTest : public testing::Test, public TestLoop {
 protected:
  SharedConnectionTest() {
    spec.name = "c";
    spec.protocol = config::BackendProtocol::http2;
    spec.backoff = {.base = 1s, .max = 10s};
    spec.connect_timeout.value = 3s;
    spec.pool_idle_timeout.value = 60s;
    HostSpec host;
    host.backend = std::make_shared<Backend>("c", "b", backend.address().text(), backend.address());
    spec.hosts = {host};
  }
  ~SharedConnectionTest() override {
    for (auto& user : users) user->leave();
    cluster.reset();
    turns(2);
    EXPECT_EQ(pipes.buffers.lent(), 0u);
  }

  void make() {
    spec.index();
    apply_limits(spec);
    cluster = std::make_unique<Cluster>(spec, metrics, 1, &pools);
  }
  Pool& pool() { return cluster->pool(0); }
  SharedConnection* claim() {
    Reservation none;
    return pool().shared().claim(*cluster, 0, none);
  }
  // Null: the pool is full.
  User* join(bool repeatable = true) {
    if (cluster == nullptr) make();
    SharedConnection* const connection = claim();
    if (connection == nullptr) return nullptr;
    users.push_back(std::make_unique<User>(pipes.buffers));
    users.back()->join(*connection, repeatable);
    return users.back().get();
  }
  template <typename Predicate>
  bool until(Predicate&& done) {
    return run_until([&] {
      backend.step();
      return done();
    });
  }
  void settle() {
    for (int i = 0; i < 5; ++i) {
      backend.step();
      turns(2);
    }
  }
  // A request that the backend has.
  User* request(bool repeatable = true) {
    User* const user = join(repeatable);
    if (user == nullptr) return nullptr;
    EXPECT_TRUE(until([&] { return user->place() == Place::ready; }));
    const size_t before = backend.requests();
    user->open();
    EXPECT_TRUE(until([&] { return backend.requests() > before; }));
    return user;
  }
  // A request and its whole response; the connection may be idle afterwards.
  void round(uint32_t id, size_t connection = 0) {
    User* const user = request();
    user->end({});
    backend[connection].answer(id, "");
    ASSERT_TRUE(until([&] { return user->heads == 1; }));
    user->finish();
    settle();
  }
  BackendCells& cells() { return cluster->cells_of(0); }

  WorkerMetrics metrics{0};
  PipeResources pipes{loop};
  Pools pools{loop, &pipes};
  H2Backend backend;
  ClusterSpec spec;
  std::unique_ptr<Cluster> cluster;
  std::vector<std::unique_ptr<User>> users;
};

TEST_F(SharedConnectionTest, RequestsWaitForOneConnection) {
  User* const a = join();
  User* const b = join();
  EXPECT_EQ(a->place(), Place::waiting);
  EXPECT_EQ(a->shared_connection(), b->shared_connection());
  ASSERT_TRUE(until([&] { return a->place() == Place::ready && b->place() == Place::ready; }));
  EXPECT_EQ(a->told, 1);
  EXPECT_EQ(backend.connections(), 1u);
  EXPECT_EQ(cells().connects.value, 1u);
  EXPECT_EQ(cells().active.value, 1);
}

TEST_F(SharedConnectionTest, StreamsBeginBeforeTheSettingsOfTheBackend) {
  backend.silent = true;
  for (int i = 0; i < 20; ++i) join();
  ASSERT_TRUE(until([&] { return users[0]->place() == Place::ready; }));
  settle();
  int ready = 0;
  for (auto& user : users) ready += user->place() == Place::ready;
  EXPECT_EQ(ready, 16);
  EXPECT_EQ(users[16]->place(), Place::waiting);
  backend[0].begin({});
  ASSERT_TRUE(until([&] { return users[19]->place() == Place::ready; }));
}

TEST_F(SharedConnectionTest, LimitOfTheBackendSendsTheOthersElsewhere) {
  backend.settings.max_streams = 17;
  backend.silent = true;
  for (int i = 0; i < 20; ++i) join();
  ASSERT_TRUE(until([&] { return users[15]->place() == Place::ready; }));
  backend[0].begin(backend.settings);
  ASSERT_TRUE(until([&] { return users[16]->place() == Place::ready; }));
  settle();
  for (size_t i : {17u, 18u, 19u}) EXPECT_EQ(users[i]->place(), Place::moved) << i;
  EXPECT_NE(join()->shared_connection(), users[0]->shared_connection());
}

TEST_F(SharedConnectionTest, OldestConnectionWithAPlaceIsFilledFirst) {
  spec.pool.max_streams = 2;
  User* const a = request();
  request();
  User* const c = request();
  EXPECT_NE(a->shared_connection(), c->shared_connection());
  SharedConnection* const first = a->shared_connection();
  a->leave();
  settle();
  EXPECT_EQ(join()->shared_connection(), first);
  EXPECT_EQ(join()->shared_connection(), c->shared_connection());
  EXPECT_EQ(backend.connections(), 2u);
}

TEST_F(SharedConnectionTest, FullPoolMakesNoConnection) {
  spec.pool.max_streams = 1;
  spec.pool.max_connections = 1;
  User* const a = request();
  EXPECT_EQ(join(), nullptr);
  EXPECT_FALSE(pool().has_room(/*whole=*/false));
  a->leave();
  settle();
  EXPECT_TRUE(pool().has_room(/*whole=*/false));
  EXPECT_NE(join(), nullptr);
}

struct WaiterForAPlace final : QueueWaiter {
  void on_room() override { ++called; }
  int called = 0;
};

TEST_F(SharedConnectionTest, StreamThatEndsWakesTheQueue) {
  spec.pool.max_streams = 1;
  spec.pool.max_connections = 1;
  User* const a = request();
  WaiterForAPlace waiter;
  ASSERT_TRUE(cluster->queue().enter(waiter, {&spec}, clock.now(), 1));
  backend[0].answer(1, "");
  ASSERT_TRUE(until([&] { return a->heads == 1; }));
  a->finish();
  EXPECT_EQ(waiter.called, 1);
  cluster->queue().leave(waiter);
}

TEST_F(SharedConnectionTest, RefusedConnectionFailsOnceForAll) {
  backend.acceptor().stop();
  User* const a = join();
  User* const b = join();
  ASSERT_TRUE(until([&] { return a->place() == Place::refused && b->place() == Place::refused; }));
  EXPECT_EQ(cells().connect_errors[ConnectError::refused].value, 1u);
  EXPECT_TRUE(spec.hosts[0].backend->held_off(clock.now()));
  EXPECT_EQ(cells().active.value, 0);
}

TEST_F(SharedConnectionTest, ConnectionThatIsNotMadeInTimeFails) {
  FullQueue full(backend.acceptor());
  User* const a = join();
  turns(3);
  EXPECT_EQ(a->place(), Place::waiting);
  advance(4s);
  ASSERT_TRUE(run_until([&] { return a->place() == Place::refused; }));
  EXPECT_EQ(cells().connect_errors[ConnectError::timeout].value, 1u);
}

TEST_F(SharedConnectionTest, WaiterThatLeavesWhenItIsToldLeavesTheOthersAlone) {
  for (int i = 0; i < 3; ++i) join();
  users[0]->leaves_when_told = users[1]->leaves_when_told = true;
  ASSERT_TRUE(until([&] { return users[2]->place() == Place::ready; }));
  EXPECT_EQ(users[0]->place(), Place::none);
}

// RFC 9113 6.8.
TEST_F(SharedConnectionTest, GoawayRefusesTheStreamsAboveItsId) {
  User* const a = request();
  User* const b = request();
  backend[0].send_raw(kGoawayBehindStream1);
  ASSERT_TRUE(until([&] { return b->was_reset(); }));
  EXPECT_EQ(b->why_ended(), RetryCause::refused_stream);
  EXPECT_TRUE(b->left_by_connection());
  EXPECT_FALSE(a->was_reset());
  EXPECT_NE(join()->shared_connection(), a->shared_connection());
  backend[0].answer(1, "");
  ASSERT_TRUE(until([&] { return a->heads == 1; }));
  a->finish();
  b->leave();
  EXPECT_TRUE(until([&] { return backend[0].ended(); }));
  EXPECT_EQ(cells().http2_goaways.value, 1u);
}

// Connections like those of nginx with keepalive_requests 1.
TEST_F(SharedConnectionTest, LearnsHowManyStreamsAConnectionTakes) {
  for (size_t i = 0; i < 2; ++i) {
    User* const a = request();
    User* const b = request();
    EXPECT_EQ(a->shared_connection(), b->shared_connection()) << i;
    backend[i].send_raw(kGoawayBehindStream1);
    ASSERT_TRUE(until([&] { return b->was_reset(); }));
  }
  User* const a = request();
  User* const b = request();
  EXPECT_NE(a->shared_connection(), b->shared_connection());
  // No GOAWAY behind the first stream: the connection takes more.
  backend[2].answer(1, "");
  ASSERT_TRUE(until([&] { return a->heads == 1; }));
  a->finish();
  EXPECT_EQ(request()->shared_connection(), request()->shared_connection());
}

TEST_F(SharedConnectionTest, RefusedStreamIsNoFaultOfTheConnection) {
  User* const a = request();
  backend[0].reset(1, H2Error::refused_stream);
  ASSERT_TRUE(until([&] { return a->was_reset(); }));
  EXPECT_EQ(a->why_ended(), RetryCause::refused_stream);
  EXPECT_FALSE(a->left_by_connection());
  EXPECT_EQ(cells().http2_refused_streams.value, 1u);
  EXPECT_EQ(join()->shared_connection(), a->shared_connection());
}

TEST_F(SharedConnectionTest, LostConnectionResetsStreamsThatWereSent) {
  User* const a = request();
  backend[0].reset_connection();
  ASSERT_TRUE(until([&] { return a->was_reset(); }));
  EXPECT_EQ(a->why_ended(), RetryCause::reset_before_response);
  EXPECT_EQ(cells().active.value, 0);
}

TEST_F(SharedConnectionTest, ConnectionThatEndsAfterItWasIdleIsStale) {
  round(1);
  User* const a = join();
  a->open();
  loop.run_turn(0ms);
  backend[0].close();
  ASSERT_TRUE(until([&] { return a->was_reset(); }));
  EXPECT_EQ(a->why_ended(), RetryCause::reused_connection);
}

TEST_F(SharedConnectionTest, StreamThatIsGivenUpIsCancelled) {
  User* const a = request();
  a->leave();
  ASSERT_TRUE(until([&] { return !backend[0].request(1).reset.empty(); }));
  EXPECT_EQ(backend[0].request(1).reset, "8") << "CANCEL";
}

TEST_F(SharedConnectionTest, RestOfARequestThatWasAnsweredIsNotNeeded) {
  User* const a = request();
  backend[0].answer(1, "");
  ASSERT_TRUE(until([&] { return a->heads == 1; }));
  a->leave(true);
  ASSERT_TRUE(until([&] { return !backend[0].request(1).reset.empty(); }));
  EXPECT_EQ(backend[0].request(1).reset, "0") << "NO_ERROR";
}

TEST_F(SharedConnectionTest, SilentConnectionIsAskedWhenARequestIsGivenUp) {
  User* const a = request();
  settle();
  clock.advance(1s);
  User* const b = request();
  backend[0].deaf = true;
  clock.advance(1s);
  loop.run_turn(0ms);
  b->leave();
  EXPECT_NE(join()->shared_connection(), a->shared_connection()) << "it takes no streams meanwhile";
  advance(SharedConnection::kPingTimeout + 100ms);
  EXPECT_TRUE(a->was_reset());
  EXPECT_EQ(cells().http2_pings_unanswered.value, 1u);
}

TEST_F(SharedConnectionTest, ConnectionThatAnswersTakesStreamsAgain) {
  User* const a = request();
  settle();
  clock.advance(1s);
  User* const b = request();
  b->leave();
  ASSERT_TRUE(until([&] { return pool().shared().has_place(); }));
  EXPECT_EQ(join()->shared_connection(), a->shared_connection());
  advance(3s);
  EXPECT_FALSE(a->was_reset());
}

TEST_F(SharedConnectionTest, AfterLongIdlenessOnlyRepeatableRequestsGoAtOnce) {
  round(1);
  advance(11s);
  User* const a = join();
  User* const b = join(/*repeatable=*/false);
  EXPECT_EQ(a->place(), Place::ready);
  EXPECT_EQ(b->place(), Place::waiting);
  ASSERT_TRUE(until([&] { return b->place() == Place::ready; }));
  EXPECT_EQ(backend.connections(), 1u);
}

TEST_F(SharedConnectionTest, DeadIdleConnectionSendsItsWaitersElsewhere) {
  round(1);
  advance(11s);
  backend[0].deaf = true;
  User* const a = join(/*repeatable=*/false);
  advance(SharedConnection::kPingTimeout + 100ms);
  ASSERT_TRUE(until([&] { return a->place() == Place::moved; }));
}

TEST_F(SharedConnectionTest, IdleConnectionIsKeptForTheConfiguredTime) {
  round(1);
  EXPECT_EQ(cells().idle.value, 1);
  advance(59s);
  EXPECT_FALSE(backend[0].ended());
  advance(2s);
  ASSERT_TRUE(until([&] { return backend[0].ended(); }));
  EXPECT_EQ(backend[0].goaway, "0 0");
  EXPECT_EQ(cells().idle.value, 0);
}

TEST_F(SharedConnectionTest, LearnsTheIdleTimeoutOfTheBackend) {
  for (size_t i = 0; i < 2; ++i) {
    round(1, i);
    advance(20s);
    backend[i].close();
    ASSERT_TRUE(until([&] { return cells().active.value == 0; }));
  }
  round(1, 2);
  advance(19s);
  EXPECT_TRUE(until([&] { return backend[2].ended(); }));
}

TEST_F(SharedConnectionTest, NumberOfRequestsEndsAConnectionInOrder) {
  spec.pool.max_requests = 2;
  User* const a = request();
  User* const b = request();
  EXPECT_EQ(a->shared_connection(), b->shared_connection());
  EXPECT_NE(request()->shared_connection(), a->shared_connection());
  for (uint32_t id : {1u, 3u}) backend[0].answer(id, "");
  ASSERT_TRUE(until([&] { return a->heads + b->heads == 2; }));
  a->finish();
  b->finish();
  EXPECT_TRUE(until([&] { return backend[0].ended(); }));
}

TEST_F(SharedConnectionTest, AgeEndsAConnectionWithItsLastStream) {
  spec.pool.max_age.value = 30s;
  User* const a = request();
  advance(31s);
  EXPECT_FALSE(backend[0].ended());
  EXPECT_NE(join()->shared_connection(), a->shared_connection());
  a->leave();
  EXPECT_TRUE(until([&] { return backend[0].ended(); }));
}

TEST_F(SharedConnectionTest, DrainEndsConnectionsThatAreIdleOrBecomeIdle) {
  round(1);
  User* const a = request();
  pools.begin_drain();
  EXPECT_EQ(join()->shared_connection(), a->shared_connection()) << "requests still go out";
  users.back()->leave();
  EXPECT_FALSE(backend[0].ended());
  a->leave();
  EXPECT_TRUE(until([&] { return backend[0].ended(); }));
}

TEST_F(SharedConnectionTest, BackendThatBreaksTheRulesIsCounted) {
  User* const a = request();
  backend[0].send_raw(std::string("\0\0\x04\x05\0\0\0\0\0\0\0\0\0", 13));  // PUSH_PROMISE
  ASSERT_TRUE(until([&] { return a->was_reset(); }));
  EXPECT_EQ(cells().http2_errors.value, 1u);
  EXPECT_TRUE(until([&] { return !backend[0].goaway.empty(); }));
}

// RFC 9113 6.5.2.
TEST_F(SharedConnectionTest, BackendThatAllowsNoStreamsIsFull) {
  backend.settings.max_streams = 0;
  backend.silent = true;
  for (int i = 0; i < 17; ++i) join();
  ASSERT_TRUE(until([&] { return users[15]->place() == Place::ready; }));
  for (size_t i = 0; i < 16; ++i) users[i]->leave();
  backend[0].begin(backend.settings);
  ASSERT_TRUE(until([&] { return users[16]->place() == Place::moved; }));
  EXPECT_EQ(join(), nullptr);
  EXPECT_EQ(backend.connections(), 1u);
}

TEST_F(SharedConnectionTest, LimitThatIsLoweredEndsTheYoungestConnections) {
  spec.pool.max_streams = 1;
  for (int i = 0; i < 3; ++i) request();
  for (uint32_t i : {0u, 1u, 2u}) backend[i].answer(1, "");
  ASSERT_TRUE(until([&] { return users[0]->heads + users[1]->heads + users[2]->heads == 3; }));
  for (auto& user : users) user->finish();
  EXPECT_EQ(cells().idle.value, 3);
  spec.hosts[0].backend->connections().set_most(2);
  pool().set_limits(std::make_shared<PoolLimits>(pool().limits()));
  ASSERT_TRUE(until([&] { return backend[2].ended(); }));
  settle();
  EXPECT_FALSE(backend[0].ended());
  EXPECT_FALSE(backend[1].ended());
}

TEST_F(SharedConnectionTest, FirstRequestsLeaveWithThePreface) {
  User* const a = join();
  ASSERT_TRUE(run_until([&] { return a->place() == Place::ready; }));
  a->open();
  loop.run_turn(0ms);
  backend.step();
  EXPECT_EQ(backend.requests(), 1u);
}

}  // namespace
}  // namespace weir::test
