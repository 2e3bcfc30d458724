// ForeignServer: HAProxy or nginx as a peer of weir. It runs in the foreground in its own folder.
// The destructor stops it, by its pid.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/socket.h"
#include "support/temp_folder.h"

namespace weir {

class ForeignServer {
 public:
  // Each throws when the server does not listen at all of `at` in time, which ends the test.

  // `sections`: its frontends and backends. Connections without a request are not in its log.
  static ForeignServer haproxy(const std::string& sections, const std::vector<Address>& at);
  // `blocks`: all but its `events`. Paths count from its folder.
  static ForeignServer nginx(const std::string& blocks, const std::vector<Address>& at);

  ForeignServer(const ForeignServer&) = delete;
  ForeignServer& operator=(const ForeignServer&) = delete;
  ~ForeignServer() { stop(); }

  void start();
  void stop();
  std::string said() const;  // to both outputs, so far
  std::string folder() const { return folder_ / ""; }

 private:
  ForeignServer(std::vector<std::string> command, const std::string& config,
                std::vector<Address> at);
  bool running();
  void run_command();  // in the child

  test::TempFolder folder_;
  std::vector<std::string> command_;
  std::vector<Address> at_;
  pid_t pid_ = -1;
};

// The directives of nginx's `http` block that keep it in its folder.
inline constexpr const char* kNginxInItsFolder =
    "access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; "
    "uwsgi_temp_path uwsgi; scgi_temp_path scgi;";

}  // namespace weir
