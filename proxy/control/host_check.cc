#include "control/host_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "config/files.h"
#include "control/congestion_control.h"

namespace weir {
namespace {

using config::directory_of;
using Severity = config::Diagnostic::Severity;

// RuntimeDirectory= and LogsDirectory= of deploy/weir.service.
constexpr std::string_view kMadeByTheUnit[] = {"/run/weir", "/var/run/weir", "/var/log/weir"};

bool may(const std::string& path, int what) {
  return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

class HostCheck {
 public:
  explicit HostCheck(const config::Loaded& loaded) : loaded_(loaded) {}

  std::vector<config::Diagnostic> run(Opens opens) {
    const config::Model& model = loaded_.model;
    check_log(model.logging.output, "logging.output");
    const std::string& access = model.logging.access.output;
    if (!access.empty() && access != model.logging.output)
      check_log(access, "logging.access.output");
    if (opens == Opens::at_start && !model.admin.socket.empty())
      check_socket(model.admin.socket, "admin.socket");
    for (size_t i = 0; i < model.listeners.size(); ++i) check_listener(model.listeners[i], i);
    for (size_t i = 0; i < model.clusters.size(); ++i)
      check_algorithm(model.clusters[i].congestion_control,
                      fmt::format("clusters[{}].congestion_control", i));
    std::stable_sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
      return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
    });
    return std::move(found_);
  }

 private:
  void check_listener(const config::Listener& listener, size_t i) {
    for (size_t b = 0; b < listener.bind.size(); ++b) {
      const std::string& bind = listener.bind[b];
      if (bind.starts_with("unix:") && !bind.starts_with("unix:@"))
        check_socket(bind.substr(5), fmt::format("listeners[{}].bind[{}]", i, b));
    }
    check_algorithm(listener.congestion_control,
                    fmt::format("listeners[{}].congestion_control", i));
  }

  void check_log(const std::string& output, const std::string& key) {
    for (const char* stream : {"none", "stderr", "stdout", "/dev/stderr", "/dev/stdout"})
      if (output == stream) return;
    if (!check_directory(output, "E251", "the log file", key)) return;
    struct stat status {};
    if (::stat(output.c_str(), &status) != 0) {
      if (!may(directory_of(output), W_OK | X_OK)) forbidden(directory_of(output), key);
    } else if (S_ISDIR(status.st_mode)) {
      add("E251", key, fmt::format("cannot open the log file '{}': it is a directory", output),
          "name a file in it");
    } else if (S_ISSOCK(status.st_mode)) {
      add("E251", key, fmt::format("cannot open the log file '{}': it is a socket", output),
          "name a file, or write stderr or stdout");
    } else if (!may(output, W_OK)) {
      forbidden(output, key);
    }
  }

  // weir makes the socket when it starts, and replaces one that no process listens on.
  void check_socket(const std::string& path, const std::string& key) {
    if (!check_directory(path, "E252", "the socket", key)) return;
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
      return add("E252", key, fmt::format("cannot bind '{}': it exists and is not a socket", path),
                 "remove it or choose another path");
    if (!may(directory_of(path), W_OK | X_OK)) forbidden(directory_of(path), key);
  }

  // False: the rest need not be checked.
  bool check_directory(const std::string& path, const char* code, const char* what,
                       const std::string& key) {
    const std::string directory = directory_of(path);
    struct stat status {};
    const int error =
        ::stat(directory.c_str(), &status) == 0 ? (S_ISDIR(status.st_mode) ? 0 : ENOTDIR) : errno;
    if (error == 0) return true;
    const bool by_unit = std::find(std::begin(kMadeByTheUnit), std::end(kMadeByTheUnit),
                                   directory) != std::end(kMadeByTheUnit);
    if (error == ENOENT && by_unit) return false;
    if (error == EACCES) return forbidden(directory, key), false;
    add(code, key,
        fmt::format("cannot open {} '{}': {}: {}", what, path, directory, std::strerror(error)),
        error == ENOENT ? fmt::format("make the directory: mkdir -p {}", directory) : "");
    return false;
  }

  void check_algorithm(const std::string& algorithm, const std::string& key) {
    const int error = algorithm.empty() ? 0 : try_congestion_control(algorithm);
    if (error == 0) return;
    if (error == EPERM)
      return add("W240", key,
                 fmt::format("this user may not use the congestion control '{}'", algorithm),
                 "the user that weir runs as needs it in net.ipv4.tcp_allowed_congestion_control");
    add("E253", key,
        fmt::format("this kernel does not have the congestion control '{}'", algorithm),
        "choose one of net.ipv4.tcp_available_congestion_control");
  }

  void forbidden(const std::string& path, const std::string& key) {
    add("W239", key, fmt::format("this user may not write to '{}'", path),
        "give the user that weir runs as write permission on it");
  }

  void add(const char* code, const std::string& key, std::string message, std::string hint) {
    config::Diagnostic found;
    found.severity = *code == 'W' ? Severity::warning : Severity::error;
    found.code = code;
    found.message = std::move(message);
    found.hint = std::move(hint);
    auto origin = loaded_.provenance.find(key);
    if (origin == loaded_.provenance.end() && key.ends_with("]"))  // one address, not a list
      origin = loaded_.provenance.find(key.substr(0, key.rfind('[')));
    if (origin != loaded_.provenance.end()) {
      const config::Location& at = origin->second.place.location;
      found.file = loaded_.model.files.at(at.file);
      found.line = at.line;
      found.column = at.column;
    } else if (!loaded_.model.files.empty()) {
      found.file = loaded_.model.files.front();
    }
    found_.push_back(std::move(found));
  }

  const config::Loaded& loaded_;
  std::vector<config::Diagnostic> found_;
};

}  // namespace

std::vector<config::Diagnostic> check_host(const config::Loaded& loaded, Opens opens) {
  return HostCheck(loaded).run(opens);
}

}  // namespace weir
