// A connection or a stream on either side, in all four combinations: what HTTP/1 and HTTP/2 share,
// and how the one becomes the other (RFC 9113 8.1, 8.5, RFC 8441).
#include "unit/exchange/versions_fixture.h"

namespace weir::test {
namespace {

using Stage = ExchangeStage;

class Versions : public VersionsFixture {};

INSTANTIATE_TEST_SUITE_P(Sides, Versions, all_sides(), name_of);

TEST_P(Versions, RelayDelimitedBodiesAndTrailersBothWays) {
  begin_upload();
  EXPECT_EQ(backend.body.framing, BodyFraming::delimited);
  client_sends("hello");
  EXPECT_EQ(at_backend(), "hello");
  answer_delimited();
  backend_sends("world");
  EXPECT_EQ(at_client(), "world") << "both bodies move at the same time";
  client_ends("x-up: 1\r\n");
  EXPECT_EQ(at_backend(), "hello|x-up: 1\r\n");
  backend_ends("grpc-status: 0\r\n");
  EXPECT_EQ(at_client(), "world|grpc-status: 0\r\n");
  EXPECT_EQ(outcome(), client_streams() ? "keep" : "linger") << "the response began early";
  EXPECT_EQ(backend.given_back, 1);
}

TEST_P(Versions, EndMessagesWithoutABody) {
  get();
  EXPECT_EQ(backend.stream->received, "<GET />");
  EXPECT_EQ(backend.stream->ended, backend_streams());
  answer_bodiless("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<204>");
  EXPECT_EQ(client.stream.ended, client_streams());
  EXPECT_EQ(outcome(), "keep");
  EXPECT_EQ(backend.given_back, 1);
}

TEST_P(Versions, RelayBodiesOfKnownLength) {
  ask("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(backend.body.length, 5u);
  client.stream.sends("hello");
  if (client_streams()) client.stream.finishes();
  EXPECT_EQ(backend.stream->received, "<PUT />hello");
  EXPECT_EQ(backend.stream->ended, backend_streams());
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  backend.stream->sends("world");
  if (backend_streams()) backend.stream->finishes();
  EXPECT_EQ(client.stream.received, "<200>world");
  EXPECT_EQ(client.stream.ended, client_streams());
  EXPECT_EQ(outcome(), "keep");
  EXPECT_EQ(backend.given_back, 1);
}

TEST_P(Versions, RelayInterimResponsesFirst) {
  get();
  backend.answers("HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<103>");
  EXPECT_FALSE(client.stream.ended);
  answer_bodiless("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<103><204>");
  EXPECT_EQ(outcome(), "keep");
}

TEST_P(Versions, SendTheBodyAfterContinue) {
  ask("PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n"
      "Expect: 100-continue\r\n\r\n");
  backend.answers("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<100>");
  client_sends("hello");
  client_ends();
  EXPECT_EQ(at_backend(), "hello|");
  answer_bodiless("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(outcome(), "keep");
}

// What is cut must never look complete.
TEST_P(Versions, CutAResponseWhoseBackendIsReset) {
  get();
  answer_delimited();
  backend_sends("hello");
  backend.stream->resets();
  EXPECT_EQ(at_client(), "hello");
  EXPECT_EQ(outcome(), "abort backend_reset");
}

TEST_P(Versions, CutAResponseThatADrainEnds) {
  get();
  answer_delimited();
  backend_sends("hello");
  exchange.give_up(503, EndReason::drain_deadline);
  EXPECT_EQ(at_client(), "hello");
  EXPECT_EQ(outcome(), "abort drain_deadline");
}

TEST_P(Versions, CutAnUploadWhoseClientIsReset) {
  begin_upload();
  client_sends("hello");
  client.stream.resets();
  EXPECT_EQ(at_backend(), "hello");
  EXPECT_TRUE(backend.stream->aborted);
  EXPECT_EQ(outcome(), "abort client_reset");
}

TEST_P(Versions, CutAnUploadInTheMiddleOfTheResponse) {
  begin_upload();
  answer_delimited();
  client.stream.resets();
  EXPECT_EQ(at_backend(), "");
  EXPECT_TRUE(backend.stream->aborted);
  EXPECT_EQ(outcome(), "abort client_reset");
}

TEST_P(Versions, EndTheRequestOfAClientThatIsReset) {
  get();
  client.stream.resets();
  EXPECT_EQ(outcome(), "abort client_reset");
  EXPECT_EQ(backend.given_back, 0);
}

TEST_P(Versions, AnswerBeforeTheRequestIsComplete) {
  begin_upload();
  client_sends("hello");
  answer_bodiless("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.stream.received, client_streams() ? "<413>" : "<413 last>");
  EXPECT_EQ(client.stream.ended, client_streams());
  EXPECT_EQ(at_backend(), "hello") << "the upload must not look complete";
  EXPECT_EQ(outcome(), "linger");
  EXPECT_EQ(backend.given_back, 0);
}

TEST_P(Versions, AnswerByThemselves) {
  get("/text");
  EXPECT_EQ(client.stream.received, "<200 by weir>text");
  EXPECT_EQ(client.stream.ended, client_streams());
  EXPECT_EQ(outcome(), "keep");
}

TEST_P(Versions, AnswerByThemselvesBeforeTheRequestIsComplete) {
  begin_upload("/text");
  EXPECT_EQ(client.stream.received,
            client_streams() ? "<200 by weir>text" : "<200 by weir, last>text");
  EXPECT_EQ(client.stream.ended, client_streams());
  EXPECT_EQ(outcome(), "linger");
}

TEST_P(Versions, RetryARequestWithoutABody) {
  get("/retry");
  backend.stream->resets();
  EXPECT_EQ(backend.begun, 2);
  EXPECT_EQ(backend.stream->received, "<GET /retry>");
  EXPECT_EQ(backend.stream->ended, backend_streams());
  answer_bodiless("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(outcome(), "keep");
}

TEST_P(Versions, DoNotRetryABodyThatHasMoved) {
  begin_upload("/retry");
  client_sends("hello");
  if (client_streams()) client_sends(std::string(kBlockSize, 'x'));  // more than is kept
  backend.stream->resets();
  EXPECT_EQ(backend.begun, 1);
  EXPECT_THAT(client.stream.received, testing::StartsWith("<502 by weir"));
}

TEST_P(Versions, RetryTheBeginningOfABodyOfAStream) {
  if (!client_streams()) return;  // chunks are decoded over their own bytes
  begin_upload("/retry");
  client_sends("hello");
  backend.stream->resets();
  EXPECT_EQ(backend.begun, 2);
  client_sends("world");
  client_ends();
  EXPECT_THAT(at_backend(), testing::StartsWith("helloworld|"));
  answer_bodiless("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(outcome(), "keep");
}

TEST_P(Versions, AnswerBadGatewayWhenANewConnectionIsReset) {
  get();
  backend.stream->resets();
  EXPECT_THAT(client.stream.received, testing::StartsWith("<502 by weir>"));
  EXPECT_EQ(backend.begun, 1) << "the request may have been processed";
}

TEST_P(Versions, LimitTheTimeOfAClientThatTakesNothing) {
  get();
  answer_delimited();
  client.stream.has_room_for(0);
  backend_sends("hello");
  EXPECT_EQ(exchange.waiting_for(), WaitingFor::client_read);
  for (int i = 0; i < 25 && outcome() == "open"; ++i) advance(1s);
  EXPECT_EQ(outcome(), "abort client_idle_timeout");
}

TEST_P(Versions, RelayATunnelBothWaysUntilBothEnds) {
  open_tunnel();
  ASSERT_EQ(stage(), Stage::tunnel);
  EXPECT_FALSE(client.stream.ended || backend.stream->ended);
  EXPECT_EQ(backend.body.framing, BodyFraming::none);
  client.stream.sends("ping");
  backend.stream->sends("pong");
  EXPECT_THAT(backend.stream->received, testing::EndsWith("/chat>ping"));
  EXPECT_THAT(client.stream.received, testing::EndsWith(" tunnel>pong"));
  client.stream.finishes();
  EXPECT_TRUE(backend.stream->ended);
  EXPECT_EQ(outcome(), "open") << "the backend may still send";
  backend.stream->finishes();
  EXPECT_TRUE(client.stream.ended);
  EXPECT_EQ(outcome(), "close");
}

TEST_P(Versions, RelayBytesOfATunnelThatCameBeforeItsAnswer) {
  ask_for_tunnel();
  client.stream.sends("ping");
  if (!client_streams()) return exchange.reset(), void(abandoned = 1);  // bytes after the head
  EXPECT_EQ(client.stream.unread(), 4u);
  backend.answers(backend_streams() ? "HTTP/1.1 200 OK\r\n\r\n"
                                    : "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                                      "Upgrade: websocket\r\n\r\n");
  EXPECT_THAT(backend.stream->received, testing::EndsWith("/chat>ping"));
}

TEST_P(Versions, RelayTheAnswerThatDeclinesATunnel) {
  ask_for_tunnel();
  answer_bodiless("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<403>");
  EXPECT_EQ(client.stream.ended, client_streams());
  EXPECT_FALSE(backend.stream->ended) << "the side resets what the request left open";
  EXPECT_EQ(outcome(), client_streams() ? "linger" : "keep");
}

TEST_P(Versions, AbortBothSidesOfATunnelThatIsReset) {
  open_tunnel();
  client.stream.resets();
  EXPECT_TRUE(backend.stream->aborted);
  EXPECT_FALSE(backend.stream->ended);
  EXPECT_EQ(outcome(), "abort client_reset");
}

TEST_P(Versions, EndASilentTunnelInOrder) {
  open_tunnel();
  advance(2s);
  exchange.give_up(503, EndReason::drain_deadline);
  EXPECT_EQ(client.stream.ended, client_streams());
  EXPECT_EQ(outcome(), "linger drain_deadline");
}

TEST_P(Versions, ConnectOpensATunnel) {
  begin();
  client.asks("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
  EXPECT_FALSE(backend.stream->ended);
  backend.answers("HTTP/1.1 200 OK\r\n\r\n");
  ASSERT_EQ(stage(), Stage::tunnel);
  client.stream.sends("ping");
  EXPECT_THAT(backend.stream->received, testing::EndsWith(">ping"));
  client.stream.finishes();
  EXPECT_TRUE(backend.stream->ended);
  backend.stream->finishes();
  EXPECT_EQ(outcome(), "close");
}

class StreamOfAClient : public ExchangeFixture {
 protected:
  StreamOfAClient() { client.stream.carries_one_message(); }
};

TEST_F(StreamOfAClient, IsNotReadWhileTheBackendTakesNothing) {
  backend.connecting = FakeBackend::Connecting::pending;
  ask("PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  backend.stream->has_room_for(0);
  backend.connects();
  client.stream.sends("hello");
  EXPECT_EQ(client.stream.unread(), 5u);
  client.stream.resets();
  EXPECT_TRUE(backend.stream->aborted) << "a cancelled upload is over at once";
  EXPECT_EQ(outcome(), "abort client_reset");
}

TEST_F(StreamOfAClient, EndsItsExchangeWhenItIsResetWhileBothBodiesMove) {
  ask("PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  backend.stream->has_room_for(0);
  client.stream.sends("hello");
  client.stream.resets();
  EXPECT_TRUE(backend.stream->aborted);
  EXPECT_EQ(outcome(), "abort client_reset");
}

TEST_F(StreamOfAClient, IsBlockedWithoutHoldingBytesOfTheBackend) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  client.stream.has_room_for(0);
  backend.stream->sends("helloworld");
  EXPECT_EQ(backend.stream->unread(), 10u);
  client.stream.takes_everything();
  EXPECT_EQ(client.stream.received, "<200>helloworld");
  EXPECT_EQ(outcome(), "keep");
}

TEST_F(StreamOfAClient, IsIdleWhileItWaitsForRoom) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  client.stream.has_room_for(0);
  for (int i = 0; i < 16 && outcome() == "open"; ++i) advance(1s);
  EXPECT_EQ(outcome(), "abort response_timeout") << "the backend has sent nothing";
}

// A connection may have to end with a FIN, for the sake of an earlier response.
TEST_F(StreamOfAClient, IsResetWhenItsResponseIsCut) {
  client.served = true;
  get();
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  client.stream.has_not_acknowledged(100);
  backend.stream->resets();
  ASSERT_EQ(stage(), Stage::delivering);
  client.stream.has_not_acknowledged(0);
  advance(1s);
  EXPECT_EQ(outcome(), "abort backend_reset");
  EXPECT_FALSE(client.stream.ended);
}

TEST_F(StreamOfAClient, RefusesAProtocolThatTheRouteDoesNotAllow) {
  begin();
  client.asks_for("chat", "/chat");
  EXPECT_THAT(client.stream.received, testing::StartsWith("<501 by weir>"));
  EXPECT_TRUE(client.stream.ended);
  EXPECT_EQ(outcome(), "linger bad_request");
}

TEST_F(StreamOfAClient, DoesNotTakeA2xxOfHttp1ForATunnel) {
  begin();
  client.asks_for("websocket", "/chat");
  backend.answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_THAT(client.stream.received, testing::StartsWith("<502 by weir>"));
  EXPECT_EQ(outcome(), "linger backend_error");
}

TEST_F(StreamOfAClient, EndsATrailerlessAnswerWhoseTrailersAreTooLarge) {
  get();
  backend.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n");
  const std::string field = "X-Checksum: " + std::string(1000, 'a') + "\r\n";
  for (int i = 0; i < 40; ++i) backend.stream->sends(field);
  EXPECT_EQ(client.stream.received, "<200>ok");
  EXPECT_TRUE(client.stream.ended);
  EXPECT_EQ(client.stream.trailers_received, "");
  EXPECT_EQ(outcome(), "keep");
}

TEST_F(ExchangeFixture, PrefaceOfHttp2IsNoRequest) {
  begin("");
  client.overs = 0;
  client.after.reset();
  begin();
  without_head = 1;
  client.sends_preface();
  EXPECT_EQ(outcome(), "http2");
  EXPECT_EQ(client.leftover, "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_EQ(client.stream.received, "");
  EXPECT_EQ(metrics.listener(0).request_errors[RequestError::malformed].value, 0u);
}

}  // namespace
}  // namespace weir::test
