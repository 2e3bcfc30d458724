#include "exchange/retry.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

RetryPolicy policy(std::vector<std::string> on = {}, uint32_t attempts = 2) {
  config::Retry retry;
  retry.attempts = attempts;
  retry.on = std::move(on);
  return RetryPolicy(retry);
}

struct RetryCase {
  const char* what;
  RetryCause cause;
  RetryFacts facts;
  bool again;
};

TEST(Retry, RepeatsWhatTheBackendHasProvenUnprocessed) {
  static const RetryPolicy kDefault = policy();
  static const RetryPolicy kUnprocessed = policy({"unprocessed"});
  static const RetryPolicy kNever = policy({}, 0);
  constexpr BodyFraming kLength = BodyFraming::length;
  const RetryCase cases[] = {
      {"refused stream, POST", RetryCause::refused_stream, {kDefault, "POST"}, true},
      {"refused stream, unprocessed listed",
       RetryCause::refused_stream,
       {kUnprocessed, "POST"},
       true},
      {"refused stream, body known",
       RetryCause::refused_stream,
       {kDefault, "POST", kLength, true},
       true},
      {"refused stream, body gone",
       RetryCause::refused_stream,
       {kDefault, "POST", kLength, false},
       false},
      {"refused stream, no retries", RetryCause::refused_stream, {kNever, "GET"}, false},
  };
  for (const RetryCase& one : cases) EXPECT_EQ(retry(one.cause, one.facts), one.again) << one.what;
}

TEST(Retry, RepeatsTheRequestOfAFailedTrialWhateverThePolicyIs) {
  static const RetryPolicy kNever = policy({}, 0);
  RetryFacts facts{.policy = kNever, .method = "GET", .tries = 1, .failed_trial = true};
  for (RetryCause cause : {RetryCause::status, RetryCause::timeout, RetryCause::connect_failure,
                           RetryCause::reset_before_response})
    EXPECT_TRUE(retry(cause, facts)) << text(cause);
  facts.response_begun = true;
  EXPECT_FALSE(retry(RetryCause::timeout, facts));
  facts.response_begun = false;
  facts.method = "POST";
  EXPECT_FALSE(retry(RetryCause::timeout, facts));
  facts.method = "PUT";
  facts.framing = BodyFraming::length;
  EXPECT_TRUE(retry(RetryCause::timeout, facts));
  facts.whole_body_known = false;
  EXPECT_FALSE(retry(RetryCause::timeout, facts));
}

TEST(Retry, FirstAttemptOfARequestThatCanBeSentAgainMayBeATrial) {
  static const RetryPolicy kNever = policy({}, 0);
  EXPECT_TRUE(may_be_trial({.policy = kNever, .method = "GET"}));
  EXPECT_FALSE(may_be_trial({.policy = kNever, .method = "POST"}));
  EXPECT_FALSE(may_be_trial({.policy = kNever, .method = "GET", .tries = 1}));
}

TEST(Retry, RepeatsOnlyWhatIsSafe) {
  static const RetryPolicy kDefault = policy();
  static const RetryPolicy kReset = policy({"reset_before_response"});
  static const RetryPolicy kReused = policy({"reused_connection"});
  static const RetryPolicy kTimeout = policy({"timeout"});
  static const RetryPolicy kNever = policy({}, 0);
  constexpr BodyFraming kLength = BodyFraming::length, kChunked = BodyFraming::delimited;
  const RetryCase cases[] = {
      {"no connection", RetryCause::connect_failure, {kDefault, "POST"}, true},
      {"no connection, chunked body",
       RetryCause::connect_failure,
       {kDefault, "POST", kChunked},
       true},
      {"nothing sent", RetryCause::not_sent, {kDefault, "POST"}, true},
      {"nothing sent, chunked body", RetryCause::not_sent, {kDefault, "PUT", kChunked}, false},
      {"kept connection, GET", RetryCause::reused_connection, {kDefault, "GET"}, true},
      {"kept connection, PUT", RetryCause::reused_connection, {kDefault, "PUT"}, false},
      {"kept connection, PUT allowed", RetryCause::reused_connection, {kReused, "PUT"}, true},
      {"kept connection, POST", RetryCause::reused_connection, {kReused, "POST"}, false},
      {"reset, not listed", RetryCause::reset_before_response, {kDefault, "GET"}, false},
      {"reset, GET", RetryCause::reset_before_response, {kReset, "GET"}, true},
      {"reset, DELETE", RetryCause::reset_before_response, {kReset, "DELETE"}, true},
      {"reset, POST", RetryCause::reset_before_response, {kReset, "POST"}, false},
      {"reset, body known",
       RetryCause::reset_before_response,
       {kReset, "PUT", kLength, true},
       true},
      {"reset, body gone",
       RetryCause::reset_before_response,
       {kReset, "PUT", kLength, false},
       false},
      {"reset, chunked body", RetryCause::reset_before_response, {kReset, "PUT", kChunked}, false},
      {"timeout, not listed", RetryCause::timeout, {kDefault, "GET"}, false},
      {"timeout", RetryCause::timeout, {kTimeout, "GET"}, true},
      {"timeout, POST", RetryCause::timeout, {kTimeout, "POST"}, false},
      {"status", RetryCause::status, {kDefault, "GET"}, true},
      {"status, POST", RetryCause::status, {kDefault, "POST"}, false},
      {"status, private connection",
       RetryCause::status,
       {kDefault, "GET", BodyFraming::none, true, false, true},
       false},
      {"response begun",
       RetryCause::connect_failure,
       {kDefault, "GET", BodyFraming::none, true, true},
       false},
      {"retries used up",
       RetryCause::connect_failure,
       {kDefault, "GET", BodyFraming::none, true, false, false, 3, 2},
       false},
      {"one retry left",
       RetryCause::connect_failure,
       {kDefault, "GET", BodyFraming::none, true, false, false, 2, 1},
       true},
      {"too many tries",
       RetryCause::connect_failure,
       {kDefault, "GET", BodyFraming::none, true, false, false, kMaxTries, 0},
       false},
      {"no retries allowed", RetryCause::connect_failure, {kNever, "GET"}, false},
  };
  for (const RetryCase& one : cases) EXPECT_EQ(retry(one.cause, one.facts), one.again) << one.what;
}

// RFC 9113 6.8: the backend goes on, and so do requests.
TEST(Retry, GoawayDoesNotUseUpTheRetriesOfARequest) {
  const RetryPolicy usual = policy(), never = policy({}, 0);
  RetryFacts facts{usual, "POST"};
  facts.tries = 3;
  facts.retries = usual.attempts();
  EXPECT_FALSE(retry(RetryCause::refused_stream, facts));
  facts.new_connection = true;
  EXPECT_TRUE(retry(RetryCause::refused_stream, facts));
  facts.tries = kMaxTries;
  EXPECT_FALSE(retry(RetryCause::refused_stream, facts));
  RetryFacts forbidden{never, "GET"};
  forbidden.new_connection = true;
  EXPECT_FALSE(retry(RetryCause::refused_stream, forbidden));
}

// RFC 9113 7, HTTP_1_1_REQUIRED: another version, and no retry by the policy of the route.
TEST(Retry, RequestThatNeedsHttp1IsSentOverItWhateverThePolicyIs) {
  const RetryPolicy never = policy({}, 0);
  RetryFacts facts{never, "POST"};
  facts.new_connection = facts.needs_http1 = true;
  EXPECT_TRUE(retry(RetryCause::refused_stream, facts));
  facts.whole_body_known = false;
  EXPECT_FALSE(retry(RetryCause::refused_stream, facts)) << "its bytes are gone";
  facts.whole_body_known = true;
  facts.response_begun = true;
  EXPECT_FALSE(retry(RetryCause::refused_stream, facts));
  facts.response_begun = false;
  facts.tries = kMaxTries;
  EXPECT_FALSE(retry(RetryCause::refused_stream, facts));
}

TEST(Retry, BodyOfAStreamIsRepeatedWhileItsBytesAreHere) {
  const RetryPolicy usual = policy();
  RetryFacts facts{usual, "POST", BodyFraming::delimited};
  facts.from_stream = true;
  EXPECT_TRUE(retry(RetryCause::refused_stream, facts));
  EXPECT_TRUE(retry(RetryCause::not_sent, facts));
  facts.whole_body_known = false;
  EXPECT_FALSE(retry(RetryCause::refused_stream, facts));
  EXPECT_FALSE(retry(RetryCause::not_sent, facts));
}

TEST(Retry, ChecksKeptConnectionBeforeSendingWhatCannotBeRepeated) {
  const RetryPolicy usual = policy(), never = policy({}, 0);
  EXPECT_EQ(trust({usual, "GET"}), Pool::Trust::events);
  EXPECT_EQ(trust({usual, "POST"}), Pool::Trust::ask_kernel);
  EXPECT_EQ(trust({usual, "GET", BodyFraming::delimited}), Pool::Trust::ask_kernel);
  EXPECT_EQ(trust({usual, "GET", BodyFraming::length, false}), Pool::Trust::ask_kernel);
  EXPECT_EQ(trust({never, "GET"}), Pool::Trust::ask_kernel);
}

}  // namespace
}  // namespace weir
