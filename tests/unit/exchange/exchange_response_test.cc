// The way of a response to the client, tunnels, and bytes that are delivered last; with fake ends.
#include "unit/exchange/exchange_fixture.h"

namespace weir::test {
namespace {

using Stage = ExchangeStage;

class ExchangeResponseTest : public ExchangeFixture {};

TEST_F(ExchangeResponseTest, RelaysAWholeResponseAndKeepsBothConnections) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  EXPECT_EQ(client.stream.received, "<200>hello");
  backend.stream->sends("world");
  EXPECT_EQ(client.stream.received, "<200>helloworld");
  EXPECT_EQ(outcome(), "keep");
  EXPECT_EQ(backend.given_back, 1);
}

TEST_F(ExchangeResponseTest, DecodesChunksAndFramesThemAnew) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n");
  backend.stream->sends("0\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<200>5\r\nhello\r\n0\r\n\r\n");
  EXPECT_EQ(outcome(), "keep");
}

TEST_F(ExchangeResponseTest, DropsAConnectionWithBytesBehindTheResponse) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
  EXPECT_EQ(client.stream.received, "<200>ok");
  EXPECT_EQ(outcome(), "keep");
  EXPECT_EQ(backend.given_back, 0);
}

TEST_F(ExchangeResponseTest, RelaysInterimResponsesFirst) {
  get();
  backend.answers("HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<103>");
  EXPECT_EQ(stage(), Stage::await_response);
  backend.answers("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<103><204>");
  EXPECT_EQ(outcome(), "keep");
}

TEST_F(ExchangeResponseTest, ReadsHeadsThatArriveTogetherOrInParts) {
  get();
  backend.answers("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 2");
  EXPECT_EQ(client.stream.received, "<103><103>");
  backend.answers("04 No Content\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<103><103><204>");
  EXPECT_EQ(backend.given_back, 1);
}

TEST_F(ExchangeResponseTest, AnswersBadGatewayToAnInterimResponseThatCannotBeWritten) {
  get();
  client.heads_fit = false;
  backend.answers("HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(client.failure, EndReason::error) << "its own head does not fit either";
  EXPECT_EQ(backend.given_back, 0);
}

TEST_F(ExchangeResponseTest, BodyUntilCloseEndsBothConnections) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\n\r\nhello");
  backend.stream->sends("world");
  EXPECT_EQ(client.stream.received, "<200 last>helloworld");
  EXPECT_EQ(outcome(), "open");
  backend.stream->finishes();
  EXPECT_EQ(outcome(), "linger");
}

TEST_F(ExchangeResponseTest, DropsAConnectionWhoseTrailersAreLeftOut) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n");
  const std::string field = "X-Checksum: " + std::string(1000, 'a') + "\r\n";
  for (int i = 0; i < 40; ++i) backend.stream->sends(field);
  backend.stream->sends("\r\n");
  EXPECT_EQ(client.stream.received, "<200>2\r\nok\r\n0\r\n\r\n");
  EXPECT_EQ(outcome(), "keep");
  EXPECT_EQ(backend.given_back, 0);
}

TEST_F(ExchangeResponseTest, RetriesAStatusWhereTheRouteAllowsIt) {
  get("/retry");
  backend.answers("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.stream.received, "");
  EXPECT_EQ(backend.begun, 2);
  backend.answers("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<204>");
}

TEST_F(ExchangeResponseTest, SendsABlockedInterimResponseBeforeTheNextHead) {
  get();
  client.stream.has_room_for(0);
  backend.answers("HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(client.stream.received, "");
  backend.answers("HTTP/1.1 204 No Content\r\n\r\n");
  client.stream.takes_everything();
  EXPECT_EQ(client.stream.received, "<103><204>");
}

TEST_F(ExchangeResponseTest, ClientThatTakesNothingStopsReadingFromTheBackend) {
  get();
  client.stream.has_room_for(7);
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  backend.stream->sends("world");
  EXPECT_EQ(client.stream.received, "<200>he");
  EXPECT_EQ(backend.stream->unread(), 5u);
  EXPECT_EQ(exchange.waiting_for(), WaitingFor::client_read);
  client.stream.takes_everything();
  EXPECT_EQ(client.stream.received, "<200>helloworld");
  EXPECT_EQ(outcome(), "keep");
}

TEST_F(ExchangeResponseTest, EndsTheConnectionAfterAResponseToHalfARequest) {
  upload(10);
  client.stream.sends("hello");
  backend.answers("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<413 last>");
  EXPECT_EQ(outcome(), "linger");
  EXPECT_EQ(backend.given_back, 0) << "the request is not complete";
}

TEST_F(ExchangeResponseTest, CutsATruncatedResponseAfterItsBytesAreDelivered) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  client.stream.has_not_acknowledged(5);
  backend.stream->finishes();
  ASSERT_EQ(stage(), Stage::delivering);
  client.stream.has_not_acknowledged(0);
  advance(1s);
  EXPECT_EQ(client.stream.received, "<200>hello");
  EXPECT_EQ(outcome(), "abort backend_closed");
}

TEST_F(ExchangeResponseTest, WaitsForAcknowledgementsNoLongerThanClientIdle) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  client.stream.has_not_acknowledged(5);
  backend.stream->resets();
  ASSERT_EQ(stage(), Stage::delivering);
  EXPECT_EQ(exchange.waiting_for(), WaitingFor::client_read);
  for (int i = 0; i < 25; ++i) advance(1s);
  EXPECT_EQ(outcome(), "abort client_idle_timeout");
}

TEST_F(ExchangeResponseTest, CutsWithAFinWhenAnEarlierResponseIsInTransit) {
  client.served = true;
  get();
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  client.stream.has_not_acknowledged(100);
  backend.stream->resets();
  EXPECT_EQ(outcome(), "linger backend_reset") << "a reset would destroy the earlier response";
}

TEST_F(ExchangeResponseTest, CutsAMalformedBody) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_EQ(client.stream.received, "<200>");
  EXPECT_EQ(outcome(), "abort backend_error");
}

TEST_F(ExchangeResponseTest, AnswersBadGatewayToAMalformedHead) {
  get();
  backend.sends_malformed_head({502, "no status line"});
  EXPECT_THAT(client.stream.received, testing::StartsWith("<502 by weir>"));
  EXPECT_EQ(outcome(), "keep backend_error");
}

TEST_F(ExchangeResponseTest, AbortsWhenNoHeadCanBeWritten) {
  get();
  client.heads_fit = false;
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(outcome(), "abort error") << "the answer does not fit either";
}

TEST_F(ExchangeResponseTest, AnswersBadGatewayWhenANewConnectionEnds) {
  get();
  backend.stream->finishes();
  EXPECT_THAT(client.stream.received, testing::StartsWith("<502 by weir>"));
  EXPECT_EQ(outcome(), "keep backend_closed");
  EXPECT_EQ(backend.begun, 1);
}

TEST_F(ExchangeResponseTest, RetriesWhenAKeptConnectionEnds) {
  get("/one");
  backend.answers("HTTP/1.1 204 No Content\r\n\r\n");
  client.stream.received.clear();
  client.after.reset();
  get("/one");
  ASSERT_TRUE(backend.was_kept);
  backend.stream->resets();
  EXPECT_EQ(backend.begun, 3);
  EXPECT_EQ(stage(), Stage::await_response);
  backend.answers("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<204>");
}

TEST_F(ExchangeResponseTest, RetriesAResetWhereTheRouteAllowsIt) {
  get("/retry");
  const BackendIndex first = backend.last_backend;
  backend.stream->resets();
  EXPECT_NE(backend.last_backend, first);
  backend.answers("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<204>");
}

TEST_F(ExchangeResponseTest, RetriesATimeoutWhereTheRouteAllowsIt) {
  get("/retry");
  advance(31s);
  EXPECT_EQ(backend.begun, 2);
  EXPECT_EQ(stage(), Stage::await_response);
}

TEST_F(ExchangeResponseTest, AnswersGatewayTimeoutWhenNoResponseComes) {
  get();
  advance(31s);
  EXPECT_THAT(client.stream.received, testing::StartsWith("<504 by weir, last>"));
  EXPECT_EQ(outcome(), "linger response_timeout");
}

TEST_F(ExchangeResponseTest, RefusesASwitchThatWasNotRequested) {
  get();
  backend.answers(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_THAT(client.stream.received, testing::StartsWith("<502 by weir>"));
  EXPECT_EQ(outcome(), "keep backend_error");
}

TEST_F(ExchangeResponseTest, TunnelRelaysBothWaysAndEndsWithBothSides) {
  connect_tunnel();
  ASSERT_EQ(stage(), Stage::tunnel);
  EXPECT_EQ(client.stream.received, "<101 tunnel>");
  client.stream.sends("ping");
  backend.stream->sends("pong");
  EXPECT_EQ(backend.stream->received, "<GET /chat>ping");
  EXPECT_EQ(client.stream.received, "<101 tunnel>pong");
  client.stream.finishes();
  EXPECT_TRUE(backend.stream->ended);
  EXPECT_EQ(outcome(), "open") << "the backend may still send";
  backend.stream->finishes();
  EXPECT_TRUE(client.stream.ended);
  EXPECT_EQ(outcome(), "close");
}

TEST_F(ExchangeResponseTest, TunnelDeliversBytesBeforeAReset) {
  connect_tunnel();
  client.stream.has_not_acknowledged(5);
  backend.stream->resets();
  ASSERT_EQ(stage(), Stage::delivering);
  client.stream.has_not_acknowledged(0);
  advance(1s);
  EXPECT_TRUE(backend.stream->aborted);
  EXPECT_EQ(outcome(), "abort backend_reset");
}

TEST_F(ExchangeResponseTest, DrainEndsASilentTunnelInOrder) {
  connect_tunnel();
  advance(2s);
  exchange.give_up(503, EndReason::drain_deadline);
  EXPECT_EQ(outcome(), "linger drain_deadline");
}

}  // namespace
}  // namespace weir::test
