// HttpAnswer: what a check of type `http` requires of the final response, over HTTP/1.1 and HTTP/2:
// its status and the text of `expect_body`; and whether the response drains the backend
// (`drain_on`).
//
// Owner: a probe. Thread: its loop's. `spec` outlives it. Memory: 64 KiB of a body, if a text is
// searched in it.
#pragma once

#include "health/probe.h"
#include "http/message.h"

namespace weir {

class HttpAnswer {
 public:
  static constexpr size_t kBodyLimit = 64 * 1024;

  explicit HttpAnswer(const config::HealthCheck& spec) : spec_(spec) {}

  // Bad: the rest cannot make it better. Else open.
  Probe::Finding take_head(const ResponseHead& head);
  // True: the rest of the body makes no difference.
  bool take_body(std::string_view data);
  // Of the whole response, or of so much of it that take_body() has returned true.
  Probe::Finding judge() const;

 private:
  bool has_drain_field(const ResponseHead& head) const;
  bool drains() const { return may_drain_ && body_.find(spec_.drain_on->body) != body_.npos; }

  const config::HealthCheck& spec_;
  unsigned status_ = 0;
  bool may_drain_ = false;  // its head does not contradict
  size_t body_size_ = 0;
  std::string body_;
};

}  // namespace weir
