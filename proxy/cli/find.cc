#include "cli/find.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "config/reader.h"

namespace weir::cli {
namespace {

constexpr const char* kConfigPlaces[] = {"/etc/weir/weir.yaml", "weir.yaml"};

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string address_of(const config::Admin& admin) {
  if (!admin.socket.empty()) return "unix:" + admin.socket;
  return admin.bind.empty() ? "" : "http://" + admin.bind;
}

// The lines from `admin:` to the next top-level key. The file may have any content.
std::string admin_lines(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";
  std::ifstream file(path, std::ios::binary);
  std::string lines;
  bool inside = false;
  size_t read = 0;
  for (std::string line; read < config::kMaxBytes && std::getline(file, line);) {
    read += line.size() + 1;
    bool margin = !line.empty() && line[0] != ' ' && line[0] != '#' && line[0] != '\r';
    if (margin && inside) break;
    inside = inside || line.starts_with("admin:");
    if (inside) lines += line + "\n";
  }
  return lines;
}

// Codes below 100 are about the file and its YAML: after such an error parts were not read.
bool read_whole(const config::Loaded& loaded) {
  return std::ranges::none_of(
      loaded.diagnostics, [](const auto& d) { return d.is_error() && d.code.starts_with("E0"); });
}

FoundAdmin found_at(const std::string& address, const std::string& note) {
  FoundAdmin found;
  Result<AdminClient> client = AdminClient::parse(address);
  if (!client) {
    found.error = client.error();
    return found;
  }
  client->set_note(note);
  found.client = std::move(*client);
  return found;
}

std::string default_note(const std::string& path) {
  return fmt::format(
      "{} has no 'admin' section, so weir serves this socket only if its directory "
      "exists and is writable; create it, or add 'admin: {{ bind: 127.0.0.1:9901 "
      "}}', and restart weir; if the section was removed since weir started, use "
      "--admin or $WEIR_ADMIN",
      path);
}

FoundAdmin find_in(const std::string& path) {
  config::Loaded loaded = config::load(path, config::process_environment());
  std::string address = address_of(loaded.model.admin);
  std::string lines;
  if (address.empty() && !loaded.valid()) {
    lines = admin_lines(path);
    address = address_of(config::load_text(lines, path, config::process_environment()).model.admin);
  }
  FoundAdmin found;
  if (!address.empty()) {
    found = found_at(address, fmt::format("the address is from {}; if that file has changed since "
                                          "weir started, use --admin or $WEIR_ADMIN",
                                          path));
  } else if (lines.empty() && read_whole(loaded)) {
    found = found_at("unix:" + default_admin_socket(), default_note(path));
  } else {
    found.error = {fmt::format("the admin address is unknown because {} is invalid ({}); use "
                               "--admin or $WEIR_ADMIN",
                               path, loaded.diagnostics.front().message),
                   ""};
    found.code = kUnreachable;
  }
  if (!loaded.valid()) found.mistakes = std::move(loaded.diagnostics);
  return found;
}

}  // namespace

Result<std::string> find_config(const std::string& given) {
  if (!given.empty()) return given;
  if (std::string path = from_environment("WEIR_CONFIG"); !path.empty()) return path;
  for (const char* place : kConfigPlaces) {
    if (::access(place, F_OK) == 0) return std::string(place);
  }
  return Error{
      "no configuration: give -c FILE, set WEIR_CONFIG, or write /etc/weir/weir.yaml or "
      "./weir.yaml",
      ""};
}

FoundAdmin find_admin(const Target& target) {
  std::string address = target.admin;
  if (address.empty()) address = from_environment("WEIR_ADMIN");
  if (!address.empty()) return found_at(address, "");
  if (Result<std::string> path = find_config(target.config)) return find_in(*path);
  return found_at("unix:" + default_admin_socket(), "");
}

std::string default_admin_socket() {
  std::string directory = from_environment("WEIR_RUNTIME_DIR");
  return (directory.empty() ? "/run/weir" : directory) + "/admin.sock";
}

}  // namespace weir::cli
