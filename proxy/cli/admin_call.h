// AdminCall: one request to the admin API and its answer, for the verbs. Reports every failure in
// the same words. Main thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/admin_client.h"
#include "cli/console.h"
#include "cli/find.h"

namespace weir::cli {

class AdminCall {
 public:
  explicit AdminCall(const AdminClient& client) : client_(client) {}

  void set_timeout(Duration timeout) { timeout_ = timeout; }
  void expect_text() { wants_json_ = false; }

  // True for an answer of 200 to 299 that is JSON, or text after expect_text().
  bool get(std::string_view target) { return send("GET", target, ""); }
  bool post(std::string_view target, std::string_view body) { return send("POST", target, body); }

  int status() const { return answer_.status; }  // 0: no answer
  bool unreached() const { return status() == 0 && !error_.timed_out; }
  const std::string& body() const { return answer_.body; }
  std::string first_line() const { return body().substr(0, body().find('\n')); }
  const nlohmann::json& document() const { return document_; }
  const AdminError& error() const { return error_; }

  // Prints why get() or post() was false. Returns the exit code.
  int report(const Console&) const;

 private:
  bool send(std::string_view method, std::string_view target, std::string_view body);

  const AdminClient& client_;
  Duration timeout_ = std::chrono::seconds(10);
  bool wants_json_ = true;
  AdminAnswer answer_;
  AdminError error_;
  nlohmann::json document_;
};

// Errors before a request could be sent: a wrong address, no configuration.
int report_error(const Error&, const Console&);
int report_error(const FoundAdmin&, const Console&);

void pause_for(Duration);

}  // namespace weir::cli
