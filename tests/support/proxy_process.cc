#include "support/proxy_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>

#include "support/file_text.h"
#include "support/weir_build.h"

namespace weir {
namespace {

UniqueFd open_notify_socket(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_storage storage;
  const socklen_t length = Address::parse("unix:" + path)->to_sockaddr(storage);
  CHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) == 0);
  return fd;
}

// `name{a="b",c="d"} value`; label values hold no escapes in these tests.
Scrape::Labels parse_labels(std::string_view text) {
  Scrape::Labels labels;
  while (!text.empty()) {
    const size_t equals = text.find("=\"");
    const size_t end = text.find('"', equals + 2);
    if (equals == text.npos || end == text.npos) break;
    labels[std::string(text.substr(0, equals))] = text.substr(equals + 2, end - equals - 2);
    text.remove_prefix(std::min(text.size(), end + 2));
  }
  return labels;
}

bool has_all(const Scrape::Labels& labels, const Scrape::Labels& wanted) {
  for (const auto& [key, value] : wanted) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  return true;
}

}  // namespace

nlohmann::json AdminAnswer::json() const {
  return nlohmann::json::parse(body, nullptr, false);
}

Scrape::Scrape(const std::string& exposition) {
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == line.npos) continue;
    const size_t brace = line.find('{');
    Series series{line.substr(0, std::min(brace, space)), {}, std::stod(line.substr(space + 1))};
    if (brace != line.npos) {
      series.labels = parse_labels(std::string_view(line).substr(brace + 1, space - brace - 2));
    }
    series_.push_back(std::move(series));
  }
}

double Scrape::sum(const std::string& name, const Labels& labels) const {
  double total = 0;
  for (const Series& series : series_) {
    if (series.name == name && has_all(series.labels, labels)) total += series.value;
  }
  return total;
}

double Scrape::imbalance() const {
  return sum("weir_connections_ended_total") + sum("weir_connections_active") -
         sum("weir_connections_total");
}

ProxyProcess::ProxyProcess(const std::string& config, ProxyOptions options) {
  char name[] = "/tmp/weir-e2e-XXXXXX";
  directory_ = ::mkdtemp(name);
  write_config(config);
  notify_ = open_notify_socket(directory_ + "/notify");
  if (options.arguments.empty()) options.arguments = {"run", "-c", config_path()};
  spawn(options);
  if (options.await_ready) {
    ready_ = await_notification("READY=1");
    // No test can run without weir; gtest reports the exception as a failure.
    if (!ready_) {
      const std::string text = errors();
      end();
      throw std::runtime_error("weir did not become ready: " + text);
    }
  }
}

ProxyProcess::~ProxyProcess() {
  if (testing::Test::HasFailure()) {
    const std::string text = errors();
    std::cerr << "--- standard error of weir " << pid_ << " ---\n"
              << text.substr(text.size() > 8000 ? text.size() - 8000 : 0) << "---\n";
  }
  end();
}

void ProxyProcess::end() {
  if (running()) {
    signal(SIGKILL);
    wait();
  }
  std::filesystem::remove_all(directory_);
}

void ProxyProcess::spawn(const ProxyOptions& options) {
  std::vector<char*> argv{const_cast<char*>(weir_binary().c_str())};
  for (const std::string& argument : options.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const std::string notify = directory_ + "/notify";
  const std::string errors = directory_ + "/stderr";
  pid_ = ::fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = ::open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::setenv("NOTIFY_SOCKET", notify.c_str(), 1);
    for (const std::string& variable : options.environment)
      ::putenv(const_cast<char*>(variable.c_str()));
    if (options.descriptors > 0) {
      const rlimit limit{options.descriptors, options.descriptors};
      ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (options.close_streams) {
      if (::chdir(directory_.c_str()) != 0) ::_exit(126);
      for (int fd : {0, 1, 2}) ::close(fd);
    }
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  CHECK(pidfd_);
}

void ProxyProcess::signal(int number) const {
  ::kill(pid_, number);
}

bool ProxyProcess::running() const {
  return exit_code_ < 0;
}

int ProxyProcess::wait(Duration patience) {
  if (!running()) return exit_code_;
  if (!wait_ready(pidfd_.get(), POLLIN, patience)) return -1;
  int status = 0;
  ::waitpid(pid_, &status, 0);
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

bool ProxyProcess::await_notification(const std::string& line, Duration patience) {
  const TimePoint until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    char text[4096];
    for (ssize_t n; (n = ::recv(notify_.get(), text, sizeof(text), 0)) >= 0;) {
      std::istringstream lines(std::string(text, static_cast<size_t>(n)));
      for (std::string got; std::getline(lines, got);) {
        if (got == line) return true;
      }
    }
    pollfd wanted[] = {{notify_.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}};
    const Duration left = until - std::chrono::steady_clock::now();
    if (left <= Duration::zero()) return false;
    ::poll(wanted, 2, static_cast<int>(left / 1ms) + 1);
    if (wanted[1].revents != 0 && wanted[0].revents == 0) return false;  // the process has ended
  }
}

void ProxyProcess::write_config(const std::string& config) const {
  const std::string fresh = directory_ + "/weir.yaml.new";
  {
    std::ofstream out(fresh, std::ios::binary);
    out << config;
    if (config.find("admin:") == config.npos) {
      out << "\nadmin:\n  socket: " << directory_ << "/admin.sock\n";
    }
  }
  std::filesystem::rename(fresh, config_path());
}

std::string ProxyProcess::errors() const {
  return file_text(directory_ + "/stderr");
}

bool ProxyProcess::await_error(const std::string& text, Duration patience) const {
  const TimePoint until = std::chrono::steady_clock::now() + patience;
  while (errors().find(text) == std::string::npos) {
    const bool ended = wait_ready(pidfd_.get(), POLLIN, 10ms);
    if (!ended && std::chrono::steady_clock::now() < until) continue;
    return errors().find(text) != std::string::npos;
  }
  return true;
}

Address ProxyProcess::admin_address() const {
  return *Address::parse("unix:" + directory_ + "/admin.sock");
}

AdminAnswer ProxyProcess::request(const std::string& method, const std::string& path,
                                  const std::string& body) const {
  Socket socket = Socket::connect(admin_address());
  std::string head = method + " " + path + " HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n";
  if (method != "GET") head += "content-length: " + std::to_string(body.size()) + "\r\n";
  AdminAnswer answer;
  if (!socket || !socket.send(head + "\r\n" + body)) return answer;
  const std::string text = socket.receive_all(60s);
  const size_t end = text.find("\r\n\r\n");
  if (end == text.npos || !text.starts_with("HTTP/1.")) return answer;
  std::from_chars(text.data() + 9, text.data() + 12, answer.status);
  answer.head = text.substr(0, end);
  answer.body = text.substr(end + 4);
  return answer;
}

bool ProxyProcess::await_metric(const std::string& name, const Scrape::Labels& labels, double value,
                                Duration patience) const {
  return await_sum(name, labels, value, value, patience);
}

bool ProxyProcess::await_at_least(const std::string& name, const Scrape::Labels& labels,
                                  double value, Duration patience) const {
  return await_sum(name, labels, value, std::numeric_limits<double>::infinity(), patience);
}

bool ProxyProcess::await_sum(const std::string& name, const Scrape::Labels& labels, double least,
                             double most, Duration patience) const {
  const TimePoint until = std::chrono::steady_clock::now() + patience;
  double last = 0;
  do {
    last = scrape().sum(name, labels);
    if (last >= least && last <= most) return true;
    // A scrape waits for an answer from the process, so this loop does not spin.
    if (wait_ready(pidfd_.get(), POLLIN, 10ms)) break;
  } while (std::chrono::steady_clock::now() < until);
  std::cerr << name << " is " << last << ", not " << least << '\n';
  return false;
}

size_t ProxyProcess::open_descriptors() const {
  size_t n = 0;
  std::error_code gone;
  const std::string path = "/proc/" + std::to_string(pid_) + "/fd";
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path, gone)) ++n;
  return n;
}

size_t ProxyProcess::resident_bytes() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/statm");
  size_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t allow_many_descriptors() {
  rlimit limit{1 << 16, 1 << 16};
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return limit.rlim_cur;
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace weir
