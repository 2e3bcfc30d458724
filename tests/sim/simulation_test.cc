// 200 seeds of each protocol in the normal run, and 80 with TLS, whose handshakes cost time; in
// blocks that ctest runs side by side.
//   WEIR_SIM_SEED=n   runs that one
//   WEIR_SIM_SEEDS=n  runs n seeds instead, spread over the blocks
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#if defined(WEIR_ASAN) || defined(WEIR_TSAN)
#include <sanitizer/common_interface_defs.h>
#endif

#include "world/world.h"

namespace weir::sim {
namespace {

constexpr uint64_t kBlocks = 8;
constexpr uint64_t kSeeds = 200;
constexpr uint64_t kTlsSeeds = 80;
constexpr uint64_t kHttp2Seeds = 80;
constexpr uint64_t kHttp2TlsSeeds = 16;
constexpr uint64_t kPeerSeeds = 80;
constexpr uint64_t kPeerTlsSeeds = 16;
uint64_t current_seed = 0;
const char* current_filter = "";

// A violated invariant in the core aborts, and a sanitizer exits; the seed must be reported even
// then.
void print_seed() {
  std::fprintf(stderr, "seed %llu: run it again with WEIR_SIM_SEED=%llu and --gtest_filter=%s\n",
               static_cast<unsigned long long>(current_seed),
               static_cast<unsigned long long>(current_seed), current_filter);
}

void print_seed_on_death() {
  for (int fatal : {SIGABRT, SIGSEGV})
    signal(fatal, [](int number) {
      signal(number, SIG_DFL);
      print_seed();
    });
#if defined(WEIR_ASAN) || defined(WEIR_TSAN)
  __sanitizer_set_death_callback(print_seed);
#endif
}

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// A history without events proves nothing: `must_happen` lists events that are required.
struct Histories {
  Stack stack;
  uint64_t seeds;
  const char* filter;
  std::vector<const char*> must_happen;
};

void run(uint64_t seed, const Histories& of, Tally& tally) {
  current_seed = seed;
  std::string text;
  for (const std::string& failure : run_seed(seed, of.stack, tally)) text += "\n  " + failure;
  EXPECT_EQ(text, "") << "seed " << seed << ": run it again with WEIR_SIM_SEED=" << seed
                      << " and --gtest_filter=" << current_filter;
}

void run_block(uint64_t block, const Histories& histories) {
  current_filter = histories.filter;
  print_seed_on_death();
  Tally tally;
  if (const uint64_t seed = from_environment("WEIR_SIM_SEED", 0); seed != 0) {
    if (block == 0) run(seed, histories, tally);
    return;
  }
  const uint64_t seeds = from_environment("WEIR_SIM_SEEDS", histories.seeds);
  for (uint64_t seed = 1 + block; seed <= seeds && !testing::Test::HasFailure(); seed += kBlocks)
    run(seed, histories, tally);
  for (const char* name : histories.must_happen) EXPECT_GT(tally[name], 0u) << name;
  for (const auto& [name, count] : tally) fmt::print("{} {}\n", count, name);
}

class Simulation : public testing::TestWithParam<uint64_t> {};

TEST_P(Simulation, LosesNoDataAndEverySessionEndsWithAReason) {
  run_block(GetParam(), {{Protocol::tcp, false},
                         kSeeds,
                         "*EverySession*",
                         {"sessions", "bytes", "false EAGAIN", "short calls"}});
}

TEST_P(Simulation, EveryRequestGetsItsOwnResponseOnce) {
  run_block(GetParam(), {{Protocol::http, false},
                         kSeeds,
                         "*EveryRequest*",
                         {"requests: answered", "requests: own answer", "tunnels",
                          "connections to backends: reused"}});
}

TEST_P(Simulation, LosesNoDataOverTlsAndDetectsTruncation) {
  run_block(GetParam(), {{Protocol::tcp, true},
                         kTlsSeeds,
                         "*NothingOverTls*",
                         {"bytes", "handshakes: done", "handshakes: resumed", "handshakes: silent",
                          "handshakes: garbage", "ends without close_notify"}});
}

TEST_P(Simulation, ResponsesOverTlsReachTheirRequests) {
  run_block(GetParam(),
            {{Protocol::http, true},
             kTlsSeeds,
             "*AnswerOverTls*",
             {"requests: answered", "connections to backends: reused", "handshakes: done",
              "handshakes: resumed", "handshakes: silent", "handshakes: garbage"}});
}

TEST_P(Simulation, StreamsOfHttp2ClientsGetTheResponsesOfHttp1Backends) {
  run_block(GetParam(), {{Protocol::http, false, true, false},
                         kSeeds,
                         "*StreamsOfHttp2*Http1Backends*",
                         {"requests: answered", "requests: own answer",
                          "connections to backends: reused", "clients: got a GOAWAY"}});
}

TEST_P(Simulation, StreamsOfHttp2ClientsOverTlsGetTheResponsesOfHttp1Backends) {
  run_block(GetParam(), {{Protocol::http, true, true, false},
                         kTlsSeeds,
                         "*StreamsOfHttp2*OverTls*",
                         {"requests: answered", "connections to backends: reused",
                          "handshakes: done", "clients: got a GOAWAY"}});
}

TEST_P(Simulation, Http1ClientsGetTheResponsesOfStreamsToHttp2Backends) {
  run_block(GetParam(), {{Protocol::http, false, false, true},
                         kHttp2Seeds,
                         "*Http1Clients*Http2Backends*",
                         {"requests: answered", "requests: own answer"}});
}

TEST_P(Simulation, Http1ClientsOverTlsGetTheResponsesOfStreamsToHttp2Backends) {
  run_block(GetParam(), {{Protocol::http, true, false, true},
                         kHttp2TlsSeeds,
                         "*Http1Clients*OverTls*",
                         {"requests: answered", "handshakes: done"}});
}

TEST_P(Simulation, StreamsOfHttp2ClientsGetTheResponsesOfHttp2Backends) {
  run_block(GetParam(), {{Protocol::http, false, true, true},
                         kHttp2Seeds,
                         "*StreamsOfHttp2*OfHttp2Backends*",
                         {"requests: answered", "requests: own answer"}});
}

TEST_P(Simulation, StreamsOfHttp2ClientsOverTlsGetTheResponsesOfHttp2Backends) {
  run_block(GetParam(), {{Protocol::http, true, true, true},
                         kHttp2TlsSeeds,
                         "*StreamsOfHttp2*OverTls*OfHttp2Backends*",
                         {"requests: answered", "handshakes: done"}});
}

// The peers against each other: errors of theirs are found here, not in weir.
TEST_P(Simulation, Http2PeersTalkToEachOtherThroughTcpListeners) {
  run_block(GetParam(), {{Protocol::tcp, false, true, true},
                         kPeerSeeds,
                         "*Http2Peers*TcpListeners*",
                         {"requests: answered", "requests: refused", "clients: got a GOAWAY"}});
}

TEST_P(Simulation, Http2PeersTalkToEachOtherOverTls) {
  run_block(GetParam(), {{Protocol::tcp, true, true, true},
                         kPeerTlsSeeds,
                         "*Http2Peers*OverTls*",
                         {"requests: answered", "handshakes: done"}});
}

// Checks that requests do wait, since not every block of seeds has such requests.
TEST(SimulationOfWaiters, HasRequestsThatWaitForABackend) {
  Tally tally;
  for (uint64_t seed = 1; seed <= 40 && tally["turns after which requests waited"] == 0; ++seed)
    run_seed(seed, {Protocol::http, false}, tally);
  EXPECT_GT(tally["turns after which requests waited"], 0u);
}

// The random numbers of handshakes come from the seed, too.
TEST(SimulationOfTls, SameSeedGivesTheSameHistory) {
  for (const Protocol protocol : {Protocol::tcp, Protocol::http}) {
    Tally first, second;
    run_seed(4, {protocol, true}, first);
    run_seed(4, {protocol, true}, second);
    EXPECT_GT(first["handshakes: done"], 0u);
    EXPECT_EQ(first, second);
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, Simulation, testing::Range<uint64_t>(0, kBlocks));

}  // namespace
}  // namespace weir::sim
