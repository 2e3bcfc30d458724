// Random traffic over many pipes at once: sends, reads, half-closes, resets, forced closes. Every
// byte arrives once and in order; a pipe whose ends follow the rules always ends; all borrowed
// memory is returned. WEIR_PIPE_SECONDS=600 runs fresh seeds for that long.
#include <cstdlib>
#include <list>

#include "base/random.h"
#include "support/pipe_fixture.h"

namespace weir::test {
namespace {

char byte_at(uint64_t stream, uint64_t position) {
  return static_cast<char>(mix(stream ^ position * 0x9e37));
}

// One direction of the test: the bytes that it sent into one end and received from the other.
struct Stream {
  uint64_t id;
  uint64_t sent = 0, received = 0;
  bool fin_sent = false, fin_received = false;

  void send(int fd, Random& random, size_t most) {
    if (fin_sent) return;
    std::string bytes(random.below(most) + 1, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_at(id, sent + i);
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<uint64_t>(n);
  }
  void receive(int fd, size_t most) {
    std::string bytes(most, '\0');
    const ssize_t n = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (n == 0) fin_received = true;
    for (ssize_t i = 0; i < n; ++i)
      ASSERT_EQ(bytes[static_cast<size_t>(i)], byte_at(id, received + static_cast<uint64_t>(i)));
    if (n > 0) received += static_cast<uint64_t>(n);
    ASSERT_LE(received, sent);
  }
  void finish(int fd) {
    if (!std::exchange(fin_sent, true)) ::shutdown(fd, SHUT_WR);
  }
};

struct Conversation {
  Conversation(PipeResources& resources, Random& random, bool tcp)
      : pipe(resources, tcp ? tcp_pair() : unix_pair(4096), tcp ? tcp_pair() : unix_pair(4096)),
        up{random.next()},
        down{random.next()},
        bulk(random.below(8) == 0) {}

  void act(Random& random, bool violence) {
    const size_t most = bulk ? 256 << 10 : 3000;
    switch (random.below(violence ? 24 : 22)) {
      case 0 ... 5: up.send(pipe.client_end.get(), random, most); break;
      case 6 ... 11: down.send(pipe.backend_end.get(), random, most); break;
      case 12 ... 15: up.receive(pipe.backend_end.get(), most); break;
      case 16 ... 19: down.receive(pipe.client_end.get(), most); break;
      case 20:
        if (random.below(8) == 0) up.finish(pipe.client_end.get());
        break;
      case 21:
        if (random.below(8) == 0) down.finish(pipe.backend_end.get());
        break;
      case 22: reset(pipe.client_end, random); break;
      default: reset(pipe.backend_end, random); break;
    }
  }
  void reset(UniqueFd& end, Random& random) {
    if (random.below(16) != 0) return;
    killed = true;
    reset_on_close(end.get());
    end.reset();
  }
  // Runs both directions to their end.
  void wind_up() {
    up.finish(pipe.client_end.get());
    down.finish(pipe.backend_end.get());
    up.receive(pipe.backend_end.get(), 1 << 20);
    down.receive(pipe.client_end.get(), 1 << 20);
  }
  bool delivered() const {
    return up.fin_received && down.fin_received && up.received == up.sent &&
           down.received == down.sent;
  }

  PipeFixture pipe;
  Stream up, down;
  bool bulk;
  bool killed = false;
};

void run_seed(uint64_t seed, int steps) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  TestLoop loop;
  PipeResources resources{loop.loop};
  std::list<Conversation> conversations;
  for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
    if (conversations.size() < 12)
      conversations.emplace_back(resources, random, random.below(2) == 0);
    auto chosen =
        std::next(conversations.begin(), static_cast<long>(random.below(conversations.size())));
    chosen->act(random, seed % 2 == 1);
    if (random.below(3) == 0) loop.loop.run_turn(Duration::zero());
    const bool forced = random.below(2000) == 0;
    if (forced) chosen->pipe.close();
    if (!chosen->killed && !forced && random.below(300) != 0) continue;
    const auto over = [&] {
      if (!chosen->killed && !forced) chosen->wind_up();
      return forced || chosen->pipe.over;
    };
    // After a reset the test only checks that no data is wrong: the session may end at once or at
    // one of its deadlines.
    ASSERT_TRUE(chosen->killed || loop.run_until(over, 5000)) << "stuck at step " << step;
    if (!chosen->killed && !forced) {
      ASSERT_TRUE(loop.run_until([&] { return chosen->wind_up(), chosen->delivered(); }))
          << "lost bytes";
    }
    chosen->pipe.close();
    conversations.erase(chosen);
  }
  for (Conversation& conversation : conversations) conversation.pipe.close();
  conversations.clear();
  EXPECT_EQ(resources.buffers.lent(), 0u);
  EXPECT_EQ(resources.kernel_pipes.lent(), 0u);
}

TEST(PipeRandom, NoBytesAreLostStuckOrRetained) {
  for (uint64_t seed = 1; seed <= 12 && !HasFailure(); ++seed) run_seed(seed, 4000);
  const char* seconds = std::getenv("WEIR_PIPE_SECONDS");
  if (seconds == nullptr) return;
  const TimePoint until =
      std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(seconds));
  uint64_t seed = static_cast<uint64_t>(until.time_since_epoch().count());
  for (; std::chrono::steady_clock::now() < until && !HasFailure(); ++seed) run_seed(seed, 20000);
}

}  // namespace
}  // namespace weir::test
