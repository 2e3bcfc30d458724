// Every stage in which an exchange waits, and every event that may end it there. The steps from one
// stage to the next are in exchange_request_test.cc and exchange_response_test.cc.
#include <functional>

#include "unit/exchange/exchange_fixture.h"

namespace weir::test {
namespace {

using Stage = ExchangeStage;

class ExchangeWalk : public ExchangeFixture {
 protected:
  static constexpr const char* kSwitch =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

  // The reset of a stream ends its exchange at once, but that of a backend does not.
  void deliver_cut_response() {
    get();
    backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    client.stream.has_not_acknowledged(100);
    backend.stream->resets();
  }
  // Brings the exchange into a stage where it waits.
  void reach(Stage stage) {
    switch (stage) {
      case Stage::read_head: return begin();
      case Stage::queued: return fill_backends(), get();
      case Stage::pause: return backend.connecting = FakeBackend::Connecting::failed, get("/retry");
      case Stage::connect: return backend.connecting = FakeBackend::Connecting::pending, get();
      case Stage::await_response: return get();
      case Stage::relay:
        get();
        return backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
      case Stage::answer: return client.stream.has_room_for(0), get("/text");
      case Stage::tunnel:
        if (!client.stream.delimits()) return connect_tunnel();
        begin();
        client.asks_for("websocket", "/chat");
        return backend.answers(kSwitch);
      case Stage::delivering:
        if (client.stream.delimits()) return deliver_cut_response();
        upload();
        backend.stream->has_not_acknowledged(100);
        return client.stream.resets();
      case Stage::idle:
      case Stage::route:
      case Stage::acquire:
      case Stage::send_request:
      case Stage::over: return;  // nothing waits there
    }
  }
};

// The head that the client has got, and the outcome.
struct Row {
  const char* name;
  bool stream;  // the client's side
  Stage stage;
  const char *client_reset, *client_fin, *cut, *time_limit;
  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

// clang-format off
constexpr Row kRows[] = {
    {"read_head", false, Stage::read_head,
     "abort client_reset", "close client_closed",
     "<503 by weir, last>linger drain_deadline", "<408 by weir, last>linger request_header_timeout"},
    {"queued", false, Stage::queued,
     "abort client_reset", "close client_closed",
     "<503 by weir, last>linger drain_deadline", "<503 by weir>keep queue_timeout"},
    {"pause", false, Stage::pause,
     "abort client_reset", "open",
     "<503 by weir, last>linger drain_deadline", "<502 by weir>keep connect_failed"},
    {"connect", false, Stage::connect,
     "abort client_reset", "close client_closed",
     "<503 by weir, last>linger drain_deadline", "<504 by weir>keep connect_timeout"},
    {"await_response", false, Stage::await_response,
     "abort client_reset", "close client_closed",
     "<503 by weir, last>linger drain_deadline", "<504 by weir, last>linger response_timeout"},
    {"relay", false, Stage::relay,
     "<200>abort client_reset", "<200>abort client_closed",
     "<200>abort drain_deadline", "<200>abort response_timeout"},
    {"answer", false, Stage::answer,
     "abort client_reset", "<200 by weir>keep",
     "abort drain_deadline", "abort client_idle_timeout"},
    {"tunnel", false, Stage::tunnel,
     "<101 tunnel>abort client_reset", "<101 tunnel>open",
     "<101 tunnel>abort drain_deadline", "<101 tunnel>linger idle_timeout"},
    {"delivering", false, Stage::delivering,
     "open", "open",
     "abort drain_deadline", "abort half_close_timeout"},
    {"queued_stream", true, Stage::queued,
     "abort client_reset", "open",
     "<503 by weir>keep drain_deadline", "<503 by weir>keep queue_timeout"},
    {"pause_stream", true, Stage::pause,
     "abort client_reset", "open",
     "<503 by weir>keep drain_deadline", "<502 by weir>keep connect_failed"},
    {"connect_stream", true, Stage::connect,
     "abort client_reset", "open",
     "<503 by weir>keep drain_deadline", "<504 by weir>keep connect_timeout"},
    {"await_response_stream", true, Stage::await_response,
     "abort client_reset", "open",
     "<503 by weir>keep drain_deadline", "<504 by weir>keep response_timeout"},
    {"relay_stream", true, Stage::relay,
     "<200>abort client_reset", "<200>open",
     "<200>abort drain_deadline", "<200>abort response_timeout"},
    {"answer_stream", true, Stage::answer,
     "<200 by weir>abort client_reset", "<200 by weir>keep",
     "<200 by weir>abort drain_deadline", "<200 by weir>abort client_idle_timeout"},
    {"tunnel_stream", true, Stage::tunnel,
     "<101 tunnel>abort client_reset", "<101 tunnel>open",
     "<101 tunnel>abort drain_deadline", "<101 tunnel>linger idle_timeout"},
    {"delivering_stream", true, Stage::delivering,
     "<200>abort backend_reset", "<200>open",
     "<200>abort drain_deadline", "<200>abort client_idle_timeout"},
};
// clang-format on

class EveryStage : public ExchangeWalk, public testing::WithParamInterface<Row> {
 protected:
  void SetUp() override {
    if (GetParam().stream) client.stream.carries_one_message();
    reach(GetParam().stage);
    ASSERT_EQ(stage(), GetParam().stage);
  }
  std::string result() {
    client.stream.takes_everything();
    const std::string& got = client.stream.received;
    if (client.requests == 0) without_head = client.overs;
    return got.substr(0, got.find('>') + 1) + outcome();
  }
};

TEST_P(EveryStage, EndsWhenTheClientResets) {
  client.stream.resets();
  EXPECT_EQ(result(), GetParam().client_reset);
}

// After the time in which a FIN belongs to the request; a pause is over before that.
TEST_P(EveryStage, FollowsTheCloseOfTheClient) {
  if (GetParam().stage != Stage::pause) advance(250ms);
  client.stream.finishes();
  EXPECT_EQ(result(), GetParam().client_fin);
}

TEST_P(EveryStage, EndsWhenADrainCuts) {
  exchange.give_up(503, EndReason::drain_deadline);
  EXPECT_EQ(result(), GetParam().cut);
}

TEST_P(EveryStage, HasATimeLimit) {
  for (int i = 0; i < 100 && outcome() == "open"; ++i) advance(1s);
  EXPECT_EQ(result(), GetParam().time_limit);
}

TEST_P(EveryStage, DoesNotCallItsClientSideWhenAbandoned) {
  exchange.abandon(EndReason::shutdown);
  EXPECT_EQ(stage(), Stage::over);
  if (client.requests == 0) without_head = 1;
  EXPECT_EQ(client.overs, 0);
}

// The fixture checks that nothing is held.
TEST_P(EveryStage, HoldsNothingAfterAReset) {
  exchange.reset();
  abandoned = 1;
  if (client.requests == 0) without_head = 1;
  EXPECT_EQ(stage(), Stage::idle);
  EXPECT_EQ(exchange.received_bytes() + exchange.sent_bytes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Stages, EveryStage, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace weir::test
