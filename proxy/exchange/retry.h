// retry(): whether a request may be sent again after an attempt has failed. trust(): how carefully
// a kept connection must be checked before the request is sent over it. Pure functions.
//
// A request is sent again only while nothing of a response has been passed on and all of its bytes
// are still here; and, unless nothing of it was sent or the backend has proven that it did not
// begin to process it, only when its method is idempotent (RFC 9110 9.2.2). A POST is processed at
// most once.
//
// A request whose connection went away in order before its turn is sent again more often than the
// policy says: that is no failure of the backend, and no additional load.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/message.h"
#include "metrics/labels.h"
#include "upstream/pool.h"
#include "upstream/retry_policy.h"

namespace weir {

struct RetryFacts {
  const RetryPolicy& policy;
  std::string_view method;
  BodyFraming framing = BodyFraming::none;
  bool whole_body_known = true;        // no byte of the body is still to be read from the client
  bool response_begun = false;         // the client has got a part of a response, or an interim one
  bool connection_is_private = false;  // the client has logged in on the connection that failed
  uint32_t tries = 0;                  // requests sent or connections that failed
  uint32_t retries = 0;                // of these, after the first
  // The body comes from a stream, and `whole_body_known` means: what was read of it is still here.
  bool from_stream = false;
  // The connection ended, and the backend has not processed the request: it may process it now.
  bool new_connection = false;
  // The same, over HTTP/1: a choice of the version, which the policy does not forbid.
  bool needs_http1 = false;
  // The request was the trial of an ejected backend. Its failure is not the client's: the request
  // is sent again whatever the policy says, and is none of its attempts.
  bool failed_trial = false;
};

inline constexpr uint32_t kMaxTries = 16;  // for one request; a route may allow fewer

// All of it is still here, and sending it twice does the same as once.
[[nodiscard]] bool is_repeatable(const RetryFacts& facts);
// The request is chosen for the trial of an ejected backend before others are: its first attempt.
[[nodiscard]] bool may_be_trial(const RetryFacts& facts);
[[nodiscard]] bool retry(RetryCause cause, const RetryFacts& facts);
[[nodiscard]] Pool::Trust trust(const RetryFacts& facts);

}  // namespace weir
