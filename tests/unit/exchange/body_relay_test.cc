// Bodies from connections and streams to connections and streams: RFC 9112 7.1, RFC 9113 8.1.
#include "exchange/body_relay.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/test_loop.h"
#include "unit/exchange/fake_stream.h"

namespace weir::test {
namespace {

using State = BodyRelay::State;
using Excess = H1BodyDecoder::Excess;

std::string as_chunk(const std::string& data) {
  return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

// The body in chunks that the text is, and when it is complete a '|' and the trailers.
std::string without_chunks(std::string text) {
  std::string body;
  while (!text.empty()) {
    const size_t line = text.find("\r\n");
    const size_t size = std::stoul(text.substr(0, line), nullptr, 16);
    text.erase(0, line + 2);
    if (size == 0) {
      EXPECT_TRUE(text.ends_with("\r\n"));
      return body + "|" + text.substr(0, text.size() - 2);
    }
    body += text.substr(0, size);
    EXPECT_EQ(text.substr(size, 2), "\r\n");
    text.erase(0, size + 2);
  }
  return body;
}

struct Kinds {
  const char* name;
  bool from_stream, to_stream;
  friend void PrintTo(const Kinds& kinds, std::ostream* out) { *out << kinds.name; }
};

class BodyRelayFixture : public testing::Test, public TestLoop, public BodyRelayObserver {
 protected:
  ~BodyRelayFixture() override {
    relay.stop();
    EXPECT_FALSE(source.watched() || sink.watched());
    EXPECT_EQ(pipes.buffers.lent(), 0u);
  }

  // The body that these header fields announce, in a response.
  void expect(const std::string& fields, uint64_t limit = kUnlimitedBody) {
    text = "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
    H1ResponseParser parser;
    ASSERT_EQ(parser.feed(text, head), H1ResponseParser::State::complete);
    relay.expect(head, limit, source);
  }
  void expect_delimited(uint64_t limit = kUnlimitedBody) {
    expect("Transfer-Encoding: chunked\r\n", limit);
  }
  void expect_trailers(size_t limit = 1000, Excess excess = Excess::fault) {
    relay.expect_trailers(FieldFilter(head, {}), limit, excess);
  }
  void begin() { begin(head.framing()); }
  void begin(BodyFraming out) {
    std::string before(kChunkHeadSize, ' ');
    relay.begin(source, sink, out, {before.data(), 0, before.size()}, {});
  }

  void on_body() override { ++reports; }

  FakeStream source, sink;
  PipeResources pipes{loop};
  BodyRelay relay{pipes, *this};
  std::string text;
  ResponseHead head;
  int reports = 0;
};

class DelimitedBody : public BodyRelayFixture, public testing::WithParamInterface<Kinds> {
 protected:
  DelimitedBody() {
    if (GetParam().from_stream) source.carries_one_message();
    if (GetParam().to_stream) sink.carries_one_message();
  }
  void sends(const std::string& data) {
    source.sends(GetParam().from_stream ? data : as_chunk(data));
  }
  void ends(const std::string& trailers = "") {
    GetParam().from_stream ? source.finishes(trailers) : source.sends("0\r\n" + trailers + "\r\n");
  }
  // The body that the sink has got; behind its end a '|' and the trailers.
  std::string got() const {
    if (!GetParam().to_stream) return without_chunks(sink.received);
    return sink.received + (sink.ended ? "|" + sink.trailers_received : "");
  }
};

TEST_P(DelimitedBody, IsCompleteWhenItsSourceEndsIt) {
  expect_delimited();
  begin();
  sends("hello");
  EXPECT_EQ(got(), "hello");
  sends("world");
  EXPECT_EQ(got(), "helloworld");
  EXPECT_EQ(relay.state(), State::open);
  ends();
  EXPECT_EQ(got(), "helloworld|");
  EXPECT_EQ(relay.state(), State::done);
  EXPECT_EQ(reports, 1);
}

TEST_P(DelimitedBody, MayBeEmpty) {
  expect_delimited();
  begin();
  ends();
  EXPECT_EQ(got(), "|");
  EXPECT_EQ(relay.state(), State::done);
}

TEST_P(DelimitedBody, ThatHasComeBeforeTheRelayBeginsIsRelayed) {
  sends("hello");
  ends();
  expect_delimited();
  begin();
  EXPECT_EQ(got(), "hello|");
}

TEST_P(DelimitedBody, IsFollowedByTheTrailersThatPass) {
  expect_delimited();
  expect_trailers();
  begin();
  sends("hello");
  ends("x-sum: 1\r\ncontent-length: 9\r\ngrpc-status: 0\r\n");
  EXPECT_EQ(got(), "hello|x-sum: 1\r\ngrpc-status: 0\r\n");
}

TEST_P(DelimitedBody, HasNoTrailersWithoutAFilter) {
  expect_delimited();
  begin();
  ends("x-sum: 1\r\n");
  EXPECT_EQ(got(), "|");
}

TEST_P(DelimitedBody, HasTrailersOfAnySizeUpToTheLimit) {
  expect_delimited();
  expect_trailers(100'000);
  begin();
  std::string trailers;
  for (int i = 0; i < 90; ++i) trailers += "x-field: " + std::string(989, 'a') + "\r\n";
  ends(trailers);
  EXPECT_EQ(got(), "|" + trailers);
}

TEST_P(DelimitedBody, IsNotCompleteWithTrailersBeyondTheLimit) {
  expect_delimited();
  expect_trailers(100);
  begin();
  ends("x-sum: " + std::string(100, 'a') + "\r\n");
  EXPECT_EQ(relay.state(), State::malformed);
  EXPECT_EQ(relay.decoder().fault().status, 431);
  EXPECT_EQ(got(), "");
}

TEST_P(DelimitedBody, IsCompleteWithoutTrailersWhereTheyAreLeftOut) {
  expect_delimited();
  expect_trailers(100, Excess::leave_out);
  begin();
  ends("x-sum: " + std::string(100, 'a') + "\r\n");
  EXPECT_EQ(relay.state(), State::done);
  EXPECT_TRUE(relay.decoder().trailers_left_out());
  EXPECT_EQ(got(), "|");
}

TEST_P(DelimitedBody, DoesNotEndWhenItsSourceIsReset) {
  expect_delimited();
  begin();
  sends("hello");
  source.resets();
  EXPECT_EQ(relay.state(), State::source_failed);
  EXPECT_EQ(got(), "hello");
}

TEST_P(DelimitedBody, DoesNotEndWhenItsRelayStops) {
  expect_delimited();
  begin();
  sends("hello");
  relay.stop();
  EXPECT_EQ(got(), "hello");
}

TEST_P(DelimitedBody, BeyondTheLimitIsAFault) {
  expect_delimited(10);
  begin();
  sends("hello");
  sends("worlds");
  EXPECT_EQ(relay.state(), State::malformed);
  EXPECT_EQ(relay.decoder().fault().status, 413);
  EXPECT_THAT(got(), testing::Not(testing::HasSubstr("|")));
}

TEST_P(DelimitedBody, OfTheSizeOfTheLimitIsComplete) {
  expect_delimited(10);
  begin();
  sends("helloworld");
  ends();
  EXPECT_EQ(got(), "helloworld|");
}

TEST_P(DelimitedBody, WaitsInItsSourceWhileTheSinkHasNoRoom) {
  expect_delimited();
  begin();
  sink.has_room_for(0);
  sends("hello");
  const size_t unread = source.unread();
  sends("world");
  EXPECT_TRUE(relay.blocked());
  EXPECT_TRUE(relay.blocked_since(loop.now()));
  EXPECT_GT(source.unread(), unread);
  ends("x-sum: 1\r\n");
  EXPECT_EQ(relay.state(), State::open);
  sink.takes_everything();
  EXPECT_EQ(got(), "helloworld|");
  EXPECT_FALSE(relay.blocked());
}

TEST_P(DelimitedBody, LongerThanOneTurnGoesOnInTheNext) {
  expect_delimited();
  begin();
  std::string data(1'000'000, 'x');
  sends(data);
  ends();
  EXPECT_EQ(relay.state(), State::open);
  turns(10);
  EXPECT_EQ(got(), data + "|");
}

INSTANTIATE_TEST_SUITE_P(Ends, DelimitedBody,
                         testing::Values(Kinds{"ConnectionToConnection", false, false},
                                         Kinds{"ConnectionToStream", false, true},
                                         Kinds{"StreamToConnection", true, false},
                                         Kinds{"StreamToStream", true, true}),
                         [](const auto& kinds) { return std::string(kinds.param.name); });

class BodyOfAStream : public BodyRelayFixture {
 protected:
  BodyOfAStream() { source.carries_one_message(); }
};

TEST_F(BodyOfAStream, WithALengthIsCompleteAtTheEndOfTheStream) {
  expect("Content-Length: 5\r\n");
  begin();
  source.sends("hello");
  EXPECT_EQ(sink.received, "hello");
  EXPECT_EQ(relay.state(), State::open);
  source.finishes("x-sum: 1\r\n");
  EXPECT_EQ(sink.received, "hello");
  EXPECT_EQ(relay.state(), State::done);
}

TEST_F(BodyOfAStream, WithALengthKeepsItsTrailersForAStream) {
  sink.carries_one_message();
  expect("Content-Length: 5\r\n");
  ASSERT_TRUE(may_have_trailers(head, source, sink));
  expect_trailers();
  begin();
  source.sends("hello");
  source.finishes("x-sum: 1\r\n");
  EXPECT_EQ(sink.trailers_received, "x-sum: 1\r\n");
}

TEST_F(BodyOfAStream, LosesItsTrailersWhereTheBodyEndsWithTheConnection) {
  expect_delimited();
  expect_trailers();
  begin(BodyFraming::until_close);
  source.sends("hello");
  source.finishes("x-sum: 1\r\n");
  EXPECT_EQ(sink.received, "hello");
  EXPECT_EQ(relay.state(), State::done);
}

TEST_F(BodyOfAStream, ShorterThanItsLengthIsTruncated) {
  sink.carries_one_message();
  expect("Content-Length: 5\r\n");
  begin();
  source.sends("hell");
  source.finishes();
  EXPECT_EQ(relay.state(), State::truncated);
  EXPECT_FALSE(sink.ended);
}

TEST_F(BodyOfAStream, LongerThanItsLengthIsMalformed) {
  sink.carries_one_message();
  expect("Content-Length: 5\r\n");
  begin();
  source.sends("hello");
  source.sends("!");
  EXPECT_EQ(relay.state(), State::malformed);
  EXPECT_EQ(sink.received, "hello");
  EXPECT_FALSE(sink.ended);
}

TEST_F(BodyOfAStream, WithALengthBeyondTheLimitIsRefusedBeforeItComes) {
  expect("Content-Length: 11\r\n", 10);
  begin();
  EXPECT_EQ(relay.state(), State::malformed);
  EXPECT_EQ(relay.decoder().fault().status, 413);
}

TEST_F(BodyOfAStream, ThatIsEmptyLastsUntilTheStreamEnds) {
  expect("Content-Length: 0\r\n");
  begin();
  EXPECT_EQ(relay.state(), State::open);
  source.finishes();
  EXPECT_EQ(relay.state(), State::done);
}

TEST_F(BodyOfAStream, ThatEndedWithItsHeadIsCompleteAtOnce) {
  source.finishes();
  expect("Content-Length: 0\r\n");
  begin();
  EXPECT_EQ(relay.state(), State::done);
}

// The reset of a client must be seen at once, also when the backend takes nothing.
TEST_F(BodyOfAStream, ThatIsResetIsReportedWhileTheSinkTakesNothing) {
  for (const int i : {0, 1, 2, 3}) {
    const bool to_stream = (i & 1) != 0, whole = (i & 2) != 0;
    FakeStream from, to;
    from.carries_one_message();
    if (to_stream) to.carries_one_message();
    BodyRelay blocked(pipes, *this);
    expect_delimited();
    blocked.expect(head, kUnlimitedBody, from);
    std::string before(kChunkHeadSize, ' ');
    blocked.begin(from, to, BodyFraming::delimited, {before.data(), 0, before.size()}, {});
    to.has_room_for(0);
    from.sends("hello");
    if (whole) from.finishes();
    reports = 0;
    from.resets();
    EXPECT_EQ(reports, 1) << to_stream << whole;
  }
}

class BodyForAStream : public BodyRelayFixture {
 protected:
  BodyForAStream() { sink.carries_one_message(); }
};

TEST_F(BodyForAStream, UntilCloseEndsItWhenTheConnectionEnds) {
  expect("");
  begin(BodyFraming::delimited);
  source.sends("hello");
  EXPECT_FALSE(sink.ended);
  source.finishes();
  EXPECT_EQ(sink.received, "hello");
  EXPECT_TRUE(sink.ended);
}

TEST_F(BodyForAStream, UntilCloseDoesNotEndItWithoutCloseNotify) {
  expect("");
  begin(BodyFraming::delimited);
  source.sends("hello");
  source.finishes_without_close_notify();
  EXPECT_EQ(relay.state(), State::truncated);
  EXPECT_FALSE(sink.ended);
}

TEST_F(BodyForAStream, WithALengthEndsItWithTheLastByte) {
  expect("Content-Length: 10\r\n");
  begin();
  source.sends("hello");
  EXPECT_FALSE(sink.ended);
  source.sends("world");
  EXPECT_EQ(sink.received, "helloworld");
  EXPECT_TRUE(sink.ended);
}

TEST_F(BodyForAStream, ThatIsTruncatedDoesNotEndIt) {
  for (const char* fields : {"Content-Length: 11\r\n", "Transfer-Encoding: chunked\r\n"}) {
    FakeStream from;
    BodyRelay cut(pipes, *this);
    expect(fields);
    cut.expect(head, kUnlimitedBody, from);
    cut.begin(from, sink, head.framing(), {}, {});
    from.sends("5\r\nhello\r\n");
    from.finishes();
    EXPECT_EQ(cut.state(), State::truncated) << fields;
    EXPECT_FALSE(sink.ended) << fields;
  }
}

TEST_F(BodyForAStream, ThatDoesNotExistEndsItAtOnce) {
  expect("Content-Length: 0\r\n");
  begin();
  EXPECT_TRUE(sink.ended);
  EXPECT_EQ(sink.received, "");
}

TEST_F(BodyForAStream, LeavesItOpenForATunnel) {
  relay.expect_tunnel();
  begin(BodyFraming::none);
  EXPECT_EQ(relay.state(), State::done);
  EXPECT_FALSE(sink.ended);
}

class KeptBodyTest : public BodyRelayFixture {
 protected:
  KeptBodyTest() {
    source.carries_one_message();
    sink.carries_one_message();
    relay.kept().begin();
    expect_delimited();
    begin();
  }
  ~KeptBodyTest() override { relay.kept().forget(); }
  // Another attempt.
  void again() {
    relay.stop();
    sink.received.clear();
    sink.ended = false;
    expect_delimited();
    begin();
  }
};

TEST_F(KeptBodyTest, IsSentAgainBeforeTheRest) {
  source.sends("one");
  source.sends("two");
  EXPECT_EQ(sink.received, "onetwo");
  EXPECT_TRUE(relay.kept().is_whole());
  again();
  EXPECT_EQ(sink.received, "onetwo");
  source.sends("three");
  again();
  EXPECT_EQ(sink.received, "onetwothree");
  source.finishes("");
  EXPECT_EQ(relay.state(), State::done);
  EXPECT_TRUE(sink.ended);
}

TEST_F(KeptBodyTest, IsSentAgainWhenItsSourceHasEnded) {
  source.sends("all");
  source.finishes("X-Sum: 3\r\n");
  EXPECT_EQ(relay.state(), State::done);
  again();
  EXPECT_EQ(sink.received, "all");
  EXPECT_EQ(relay.state(), State::done);
}

TEST_F(KeptBodyTest, IsNotWholeBeyondABlock) {
  source.sends(std::string(kBlockSize, 'x'));
  EXPECT_FALSE(relay.kept().is_whole());
  EXPECT_TRUE(relay.kept().empty());
}

TEST_F(KeptBodyTest, IsForgottenWhenItIsOfNoMoreUse) {
  source.sends("one");
  relay.kept().forget();
  EXPECT_FALSE(relay.kept().is_whole());
  again();
  EXPECT_EQ(sink.received, "");
}

}  // namespace
}  // namespace weir::test
