// A small blocking HTTP/1.1 client for weir's own admin API, over a UNIX socket or TCP. One
// connection per request; every step is bounded by the request's deadline and the answer by
// kMaxAnswer. An answer without the Weir-Admin field, which weir's admin server always sends, is an
// error: it is from another service. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"

namespace weir::cli {

inline constexpr size_t kMaxAnswer = 64u << 20;
inline constexpr size_t kMaxAnswerHead = 64u << 10;

struct ClientRequest {
  std::string method = "GET";
  std::string target;
  std::string body;  // JSON; empty: none
  Duration timeout = std::chrono::seconds(10);
};

struct AdminAnswer {
  int status = 0;
  std::string body;
};

struct AdminError {
  bool timed_out = false;  // connected, but no answer in time; false: not connected
  std::string message;
};

class AdminClient {
 public:
  // "unix:/path", "http://host:port" or "host:port"; an empty host or the any-address means this
  // host.
  static Result<AdminClient> parse(std::string_view address);

  // True: `answer` is set, with any status. False: `error` says why there is no answer.
  bool send(const ClientRequest& request, AdminAnswer& answer, AdminError& error) const;

  // send() in three steps, for an answer that weir delays until an event. begin(): an open
  // descriptor, or -1. answered(): whether the answer or the end of the connection arrives within
  // `patience`. finish(): the answer.
  UniqueFd begin(const ClientRequest& request, AdminError& error) const;
  static bool answered(const UniqueFd& begun, Duration patience);
  bool finish(const UniqueFd& begun, Duration timeout, AdminAnswer& answer,
              AdminError& error) const;

  const std::string& address() const { return address_; }
  bool is_unix() const { return !path_.empty(); }
  // Appended to the error of a failed connection: the source of the address, and what else to try.
  void set_note(std::string note) { note_ = std::move(note); }

 private:
  std::string address_;  // as given
  std::string note_;
  std::string path_;  // of the UNIX socket; empty: TCP
  std::string host_;
  uint16_t port_ = 0;
};

// Status and body of a complete HTTP/1.1 answer. Declared here for its tests.
Result<AdminAnswer> parse_answer(std::string_view raw);

}  // namespace weir::cli
