// ProxyProcess: runs the real binary with a configuration of the test in its own directory.
//
// Waits for events only: the readiness that weir announces (NOTIFY_SOCKET), the end of the process
// (pidfd), answers of the admin socket. The destructor kills it, by pid, and shows its standard
// error when the test has failed.
#pragma once

#include <sys/types.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/socket.h"

namespace weir {

struct AdminAnswer {
  int status = 0;  // 0: no answer
  std::string head;
  std::string body;
  nlohmann::json json() const;
};

// One scrape.
class Scrape {
 public:
  explicit Scrape(const std::string& exposition);
  using Labels = std::map<std::string, std::string>;
  // The sum of the series of that name that have these labels, among others.
  double sum(const std::string& name, const Labels& labels = {}) const;
  bool empty() const { return series_.empty(); }
  // Sum over reasons of connections_ended_total, plus active, minus connections_total: always 0.
  double imbalance() const;

 private:
  struct Series {
    std::string name;
    Labels labels;
    double value;
  };
  std::vector<Series> series_;
};

struct ProxyOptions {
  std::vector<std::string> arguments{};    // instead of run -c FILE
  std::vector<std::string> environment{};  // NAME=value, besides the test's
  uint64_t descriptors = 0;                // RLIMIT_NOFILE, soft and hard; 0: that of the test
  bool await_ready = true;
  bool close_streams = false;  // 0, 1 and 2; it then runs in its directory
};

class ProxyProcess {
 public:
  // An `admin:` with a socket is added to `config` unless it has one. Throws when weir does not
  // become ready, which ends the test.
  explicit ProxyProcess(const std::string& config, ProxyOptions options = {});
  ProxyProcess(const ProxyProcess&) = delete;
  ProxyProcess& operator=(const ProxyProcess&) = delete;
  ~ProxyProcess();

  pid_t pid() const { return pid_; }
  bool ready() const { return ready_; }  // as awaited by the constructor
  void signal(int number) const;
  // Its exit code, 128 + number for a signal, or -1 when it has not ended in time.
  int wait(Duration patience = kPatience);
  bool running() const;

  // The lines that weir sent to NOTIFY_SOCKET. Waits for one, and discards the earlier ones.
  bool await_notification(const std::string& line, Duration patience = kPatience);

  const std::string& directory() const { return directory_; }
  std::string config_path() const { return directory_ + "/weir.yaml"; }
  // Writes a new file and renames it over the old one, as editors do; adds the admin section as at
  // the start.
  void write_config(const std::string& config) const;
  std::string errors() const;  // its standard error so far
  // Whether its standard error comes to hold `text`: a thread of weir writes the log a moment
  // later.
  bool await_error(const std::string& text, Duration patience = kPatience) const;

  AdminAnswer get(const std::string& path) const { return request("GET", path, {}); }
  AdminAnswer post(const std::string& path, const std::string& body = {}) const {
    return request("POST", path, body);
  }
  AdminAnswer request(const std::string& method, const std::string& path,
                      const std::string& body) const;
  Address admin_address() const;
  // POST /v1/reload?wait=1
  AdminAnswer reload() const { return post("/v1/reload?wait=1"); }
  Scrape scrape() const { return Scrape(get("/metrics").body); }
  // Scrapes until the sum is `value`.
  bool await_metric(const std::string& name, const Scrape::Labels& labels, double value,
                    Duration patience = kPatience) const;
  // The same for `value` or more.
  bool await_at_least(const std::string& name, const Scrape::Labels& labels, double value,
                      Duration patience = kPatience) const;

  size_t open_descriptors() const;
  size_t resident_bytes() const;

 private:
  bool await_sum(const std::string& name, const Scrape::Labels& labels, double least, double most,
                 Duration patience) const;
  void end();
  void spawn(const ProxyOptions& options);

  std::string directory_;
  UniqueFd notify_;
  UniqueFd pidfd_;
  pid_t pid_ = -1;
  bool ready_ = false;
  int exit_code_ = -1;
};

// Raises the descriptor limit of this process to the hard limit; returns it.
uint64_t allow_many_descriptors();

}  // namespace weir
