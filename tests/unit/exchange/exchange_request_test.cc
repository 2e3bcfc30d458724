// The way of a request through the stages up to its response, with fake ends.
#include "unit/exchange/exchange_fixture.h"

namespace weir::test {
namespace {

using Stage = ExchangeStage;
using Connecting = FakeBackend::Connecting;

class ExchangeRequestTest : public ExchangeFixture {};

TEST_F(ExchangeRequestTest, WakeUpWithoutAByteIsNoRequest) {
  without_head = 1;
  begin("");
  EXPECT_EQ(outcome(), "keep");
  EXPECT_EQ(client.requests, 0);
}

TEST_F(ExchangeRequestTest, AnswersAMalformedHeadWithItsStatus) {
  begin();
  client.sends_malformed_head({431, "too many fields"});
  EXPECT_THAT(client.stream.received,
              testing::StartsWith("<431 by weir, last>431 Request Header Fields Too Large\n"));
  EXPECT_EQ(outcome(), "linger bad_request");
  EXPECT_EQ(metrics.listener(0).request_errors[RequestError::header_too_large].value, 1u);
}

TEST_F(ExchangeRequestTest, AnswersAFixedResponseWithoutABackend) {
  get("/text");
  EXPECT_EQ(client.stream.received, "<200 by weir>text");
  EXPECT_EQ(outcome(), "keep");
  EXPECT_EQ(backend.begun, 0);
}

TEST_F(ExchangeRequestTest, AnswersARedirectWithoutABackend) {
  get("/moved");
  EXPECT_EQ(client.stream.received, "<307 by weir>");
  EXPECT_EQ(outcome(), "keep");
}

TEST_F(ExchangeRequestTest, AbortsWhenItsOwnHeadCannotBeWritten) {
  client.heads_fit = false;
  get("/text");
  EXPECT_EQ(outcome(), "abort error");
}

TEST_F(ExchangeRequestTest, AnswersUnavailableWithoutABackend) {
  get("/none");
  EXPECT_THAT(client.stream.received, testing::StartsWith("<503 by weir>"));
  EXPECT_EQ(outcome(), "keep no_backend");
}

TEST_F(ExchangeRequestTest, UsesAKeptConnection) {
  get("/one");
  backend.answers("HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_EQ(outcome(), "keep");
  ASSERT_EQ(backend.given_back, 1);
  get("/one");
  EXPECT_TRUE(backend.was_kept);
  EXPECT_EQ(backend.stream->received, "<GET /one>");
}

TEST_F(ExchangeRequestTest, WaitsForRoomAndContinues) {
  fill_backends();
  get();
  ASSERT_EQ(stage(), Stage::queued);
  EXPECT_EQ(metrics.cluster(0).queue_length.value, 1);
  free_backends();
  turns(1);
  EXPECT_EQ(stage(), Stage::await_response);
  EXPECT_EQ(metrics.cluster(0).queue_length.value, 0);
}

TEST_F(ExchangeRequestTest, RefusesWhenTheQueueIsFull) {
  fill_backends();
  get();
  FakeClient late;
  FakeBackend none;
  Exchange second(http, none);
  late.connect(second, current, metrics.listener(0));
  late.begin("\r\n");
  late.asks("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_THAT(late.stream.received, testing::StartsWith("<503 by weir>"));
  EXPECT_EQ(late.failure, EndReason::queue_full);
  EXPECT_EQ(stage(), Stage::queued) << "the first one still waits";
}

TEST_F(ExchangeRequestTest, TriesAnotherBackendWhenOneCannotBeConnectedTo) {
  backend.connecting = Connecting::pending;
  get();
  const BackendIndex first = backend.last_backend;
  backend.refuses_once();
  EXPECT_EQ(backend.begun, 2);
  EXPECT_NE(backend.last_backend, first);
  EXPECT_EQ(stage(), Stage::await_response);
  EXPECT_EQ(backend.connect_failures, 1);
  EXPECT_FALSE(backend.timed_out);
}

TEST_F(ExchangeRequestTest, PausesWhenAllBackendsHaveFailedAndTriesThemAgain) {
  backend.connecting = Connecting::failed;
  get("/retry");
  ASSERT_EQ(stage(), Stage::pause);
  ASSERT_EQ(backend.begun, 2);
  backend.connecting = Connecting::done;
  advance(1s);
  EXPECT_EQ(stage(), Stage::await_response);
  EXPECT_EQ(backend.begun, 3);
}

TEST_F(ExchangeRequestTest, AnswersBadGatewayWhenTheLastAttemptFails) {
  backend.connecting = Connecting::failed;
  get("/retry");
  advance(1s);
  EXPECT_THAT(client.stream.received, testing::StartsWith("<502 by weir>"));
  EXPECT_EQ(outcome(), "keep connect_failed");
  EXPECT_EQ(backend.connect_failures, 3);
}

TEST_F(ExchangeRequestTest, RefusesAHeadThatIsTooLargeForTheBackend) {
  backend.request_fits = false;
  get();
  EXPECT_THAT(client.stream.received, testing::StartsWith("<431 by weir>"));
  EXPECT_EQ(outcome(), "keep bad_request");
  EXPECT_EQ(backend.stream->received, "");
  EXPECT_EQ(backend.given_back, 0);
}

TEST_F(ExchangeRequestTest, SendsNothingWhenTheClientHasClosedMeanwhile) {
  backend.connecting = Connecting::pending;
  get();
  advance(250ms);
  client.stream.finishes();
  EXPECT_EQ(backend.stream->received, "");
  EXPECT_EQ(outcome(), "close client_closed");
}

TEST_F(ExchangeRequestTest, SendsTheRequestOfAClientThatHasFinishedSending) {
  backend.connecting = Connecting::pending;
  get();
  client.stream.finishes();
  advance(500ms);
  ASSERT_EQ(outcome(), "open");
  backend.connects();
  EXPECT_EQ(backend.stream->received, "<GET />");
  EXPECT_EQ(outcome(), "open");
}

TEST_F(ExchangeRequestTest, SendsTheBodyBehindTheHeadWithIt) {
  ask("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(backend.stream->received, "<PUT />body");
}

TEST_F(ExchangeRequestTest, RelaysABodyAsItArrives) {
  upload(10);
  client.stream.sends("hello");
  EXPECT_EQ(backend.stream->received, "<PUT />hello");
  client.stream.sends("world");
  EXPECT_EQ(backend.stream->received, "<PUT />helloworld");
}

TEST_F(ExchangeRequestTest, BackendThatTakesNothingStopsReadingFromTheClient) {
  backend.connecting = Connecting::pending;
  upload(10);
  backend.stream->has_room_for(9);
  backend.connects();
  client.stream.sends("hello");
  client.stream.sends("worl");
  EXPECT_EQ(backend.stream->received, "<PUT />he");
  EXPECT_EQ(client.stream.unread(), 4u);
  backend.stream->takes_everything();
  EXPECT_EQ(backend.stream->received, "<PUT />helloworl");
}

TEST_F(ExchangeRequestTest, DeliversATruncatedBodyAndAborts) {
  upload(10);
  client.stream.sends("hello");
  backend.stream->has_not_acknowledged(5);
  client.stream.finishes();
  ASSERT_EQ(stage(), Stage::delivering);
  backend.stream->has_not_acknowledged(0);
  advance(1s);
  EXPECT_TRUE(backend.stream->aborted);
  EXPECT_EQ(outcome(), "close client_closed");
}

TEST_F(ExchangeRequestTest, RefusesAMalformedBody) {
  ask("PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.stream.sends("zz\r\n");
  EXPECT_THAT(client.stream.received, testing::StartsWith("<400 by weir, last>"));
  EXPECT_EQ(outcome(), "linger bad_request");
}

TEST_F(ExchangeRequestTest, AnnouncesTheLastRequestOfAConnection) {
  client.last = true;
  get("/text");
  EXPECT_EQ(client.stream.received, "<200 by weir, last>text");
  EXPECT_EQ(outcome(), "linger");
}

TEST_F(ExchangeRequestTest, PipelinedRequestsFollowOneAnother) {
  ask("GET /text HTTP/1.1\r\nHost: a.test\r\n\r\nGET /moved HTTP/1.1\r\nHost: a.test\r\n\r\nGE");
  EXPECT_EQ(client.stream.received, "<200 by weir>text<307 by weir>");
  EXPECT_EQ(client.requests, 2);
  EXPECT_EQ(stage(), Stage::read_head) << "of the third";
  client.asks("T /text HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(client.stream.received, "<200 by weir>text<307 by weir><200 by weir>text");
}

TEST_F(ExchangeRequestTest, UsesAKeptConnectionForAClientThatHasFinishedSending) {
  get("/one");
  backend.answers("HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_EQ(backend.given_back, 1);
  client.heads.send("GET /one HTTP/1.1\r\nHost: a.test\r\n\r\n");
  client.stream.finishes();
  begin("");
  EXPECT_EQ(backend.begun, 2);
  EXPECT_TRUE(backend.was_kept);
}

TEST_F(ExchangeRequestTest, IsCountedOnce) {
  get("/text");
  const RouteCells& cells = metrics.route(0);
  EXPECT_EQ(cells.requests.sum(), 1u);
  EXPECT_EQ(cells.duration.count(), 1u);
}

}  // namespace
}  // namespace weir::test
