// The verbs that run the server: run and proxy.
#include <fmt/format.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/ascii.h"
#include "base/unique_fd.h"
#include "cli/ad_hoc.h"
#include "cli/admin_call.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "config/load.h"
#include "server/server.h"
#include "tls/tls_self_signed.h"

namespace weir::cli {
namespace {

// Names under which clients on this machine, or on another one, may connect.
std::vector<std::string> own_names() {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  char host[HOST_NAME_MAX + 1] = {};
  const bool known = ::gethostname(host, HOST_NAME_MAX) == 0 && *host != '\0' && names[0] != host;
  const std::string_view name = host;
  if (known && std::all_of(name.begin(), name.end(),
                           [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; }))
    names.emplace_back(name);
  return names;
}

// A file without a name, which the kernel removes when the process ends.
UniqueFd in_memory(const std::string& content) {
  UniqueFd file(::memfd_create("weir-self-signed", MFD_CLOEXEC));
  if (file &&
      ::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    file.reset();
  return file;
}

}  // namespace

int run_server_with(const std::string& config, const Console& console) {
  Result<std::string> path = find_config(config);
  if (!path) return report_error(path.error(), console);
  std::error_code error;
  std::string absolute = std::filesystem::absolute(*path, error).string();
  if (error) return report_error({error.message(), *path}, console);
  auto load = [path = *path] { return config::load(path, config::process_environment()); };
  return run_server(
      {load, absolute, version(), revision(), default_admin_socket(), console.closed_streams()});
}

int run_proxy(ProxyOptions options, const Console& console) {
  UniqueFd certificate;
  if (options.tls_self_signed) {
    certificate = in_memory(make_self_signed(own_names()));
    if (!certificate) return report_error({std::strerror(errno), "--tls-self-signed"}, console);
    options.tls_cert = fmt::format("/proc/self/fd/{}", certificate.get());
  }
  Result<std::string> text = ad_hoc_config(options);
  if (!text) return report_error(text.error(), console);
  if (options.print_config) {
    console.print(*text);
    return kOk;
  }
  auto load = [text = *text] {
    return config::load_text(text, "weir proxy", config::process_environment());
  };
  return run_server({load, "", version(), revision(), "", console.closed_streams()});
}

}  // namespace weir::cli
