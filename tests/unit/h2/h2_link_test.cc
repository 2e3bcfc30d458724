// An HTTP/2 connection over a real socket, as a server: what its owner and its streams are told,
// and since when its output waits.
#include "h2/h2_link.h"

#include <gtest/gtest.h>

#include <list>
#include <optional>
#include <string>

#include "support/socket_pair.h"
#include "support/test_loop.h"
#include "unit/http/h2_bytes.h"

namespace weir::test {
namespace {

using namespace weir::h2test;
using Down = H2LinkOwner::Down;

struct Nowhere final : HpackSink {
  void on_field(const HpackField&) override {}
};

// A request: its reader and its writer are watched.
struct WatchedStream final : H2Stream, private TransportReader, private TransportWriter {
  explicit WatchedStream(H2Link& link, BufferPool& buffers) : H2Stream(buffers) {
    attach(link);
    set_reader(this);
    set_writer(this);
  }
  ~WatchedStream() { detach(); }

  int read_events = 0, write_events = 0;

 private:
  void on_readable() override { ++read_events; }
  void on_writable() override { ++write_events; }
};

class H2LinkTest : public testing::Test, public TestLoop, public H2LinkOwner {
 protected:
  H2LinkTest() {
    EXPECT_TRUE(transport.open(loop, sockets.b.release()));
    link.start({}, 1);
    client_sends(std::string(kH2Preface) + settings() + settings_ack());
  }
  ~H2LinkTest() override {
    streams.clear();
    link.close();
    transport.close();
  }

  void client_sends(std::string_view bytes) {
    send_all(sockets.a.get(), bytes);
    turns(3);
  }
  void client_closes() {
    ::shutdown(sockets.a.get(), SHUT_WR);
    turns(3);
  }
  std::string client_receives() {
    std::string bytes;
    read_all(sockets.a.get(), bytes);
    return bytes;
  }

  SocketPair sockets = tcp_pair();
  PipeResources pipes{loop};
  Transport transport;
  H2Link link{pipes, transport, H2Role::server, *this};
  std::list<WatchedStream> streams;
  std::optional<Down> down;
  TimePoint waited_since = kNever;  // the output, when the last bytes had been received
  bool refuses_trailers = false;

 private:
  H2Stream* on_new_stream(uint32_t) override { return &streams.emplace_back(link, pipes.buffers); }
  H2FieldTarget on_fields(H2Stream&, H2Fields) override { return {&sink, memory, sizeof(memory)}; }
  void on_fields_end(H2Stream& stream, H2Fields kind, const HpackOutcome&, bool) override {
    if (kind == H2Fields::trailers && refuses_trailers) stream.reset(H2Error::protocol_error, true);
  }
  void on_stream_reset(H2Stream&, H2Error, bool) override {}
  void on_priority(uint32_t, std::string_view) override {}
  void on_settings() override {}
  void on_goaway(uint32_t, H2Error, std::string_view) override {}
  void on_ping_ack(uint64_t) override {}
  void on_received() override { waited_since = link.blocked_since(); }
  void on_flushed() override {}
  void on_down(Down how) override { down = how; }

  Nowhere sink;
  char memory[1024];
};

TEST_F(H2LinkTest, OutputThatNobodyHadToWaitForIsNotOld) {
  advance(300s);
  client_sends(ping());
  EXPECT_EQ(waited_since, loop.now());
  EXPECT_EQ(link.blocked_since(), kNever);
}

TEST_F(H2LinkTest, OutputWaitsSinceTheClientHasTakenBytes) {
  client_sends(window_update(0, 1 << 30) + headers(1, get()) + window_update(1, 1 << 30));
  H2Stream& stream = streams.front();
  stream.send_fields("answer", false);
  const std::string body(16384, 'a');
  while (stream.write(body, {}).status == Io::Status::ok) turns(1);
  turns(3);
  const TimePoint full = loop.now();
  EXPECT_EQ(link.blocked_since(), full);
  advance(30s);
  EXPECT_EQ(link.blocked_since(), full);
  const int events = streams.front().write_events;
  EXPECT_TRUE(run_until([&] { return client_receives(), link.blocked_since() == kNever; }));
  EXPECT_GT(streams.front().write_events, events);
}

TEST_F(H2LinkTest, StreamThatItsOwnerFindsAtFaultIsToldOfTheReset) {
  client_sends(headers(1, get(), 0));
  refuses_trailers = true;
  client_sends(headers(1, {{"x", "y"}}));
  EXPECT_TRUE(streams.front().was_reset());
  EXPECT_EQ(streams.front().read_events, 1);
  EXPECT_EQ(streams.front().write_events, 1);
}

// More RST_STREAMs than a client may leave unread: weir's own cause the error.
TEST_F(H2LinkTest, ErrorThatWeirCausesIsReported) {
  std::string all;
  for (uint32_t id = 1; id / 2 <= H2Connection::kMaxOwed; id += 2) all += headers(id, get(), 0);
  client_sends(all);
  ASSERT_GT(streams.size(), H2Connection::kMaxOwed);
  for (WatchedStream& stream : streams) stream.reset(H2Error::cancel);
  EXPECT_EQ(down, std::nullopt);
  turns(2);
  EXPECT_EQ(down, Down::error);
}

TEST_F(H2LinkTest, StreamsAreToldOfTheEndOfTheConnectionOnce) {
  client_sends(headers(1, get()) + headers(3, get(), 0));
  client_closes();
  EXPECT_EQ(down, Down::ended);
  link.reset_all();
  EXPECT_TRUE(streams.front().was_reset());
  EXPECT_TRUE(streams.back().was_reset());
  EXPECT_EQ(streams.back().read_events, 1);
}

}  // namespace
}  // namespace weir::test
