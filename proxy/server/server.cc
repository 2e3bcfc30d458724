#include "server/server.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "event/signals.h"
#include "server/control_plane.h"

namespace weir {
namespace {

constexpr int kFailed = 1;
constexpr int kInvalidConfig = 78;  // EX_CONFIG

// Raises the soft limit to the hard one; connections are what it is for. The limit in force.
uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// `auto`: one for each core this process may run on.
uint32_t worker_count(uint32_t configured) {
  if (configured != 0) return configured;
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return static_cast<uint32_t>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

int fail(const Error& error, int code) {
  std::fprintf(stderr, "weir: %s\n", error.text().c_str());
  return code;
}

}  // namespace

int run_server(const ServerOptions& options) {
  let_signals_end();
  const uint64_t descriptor_limit = raise_descriptor_limit();
  LoadResult loaded = Loader::load_now(options.load);
  block_signals();
  const std::vector<config::Diagnostic>& diagnostics = loaded.candidate.loaded.diagnostics;
  if (!diagnostics.empty())
    std::fprintf(stderr, "%s%s\n", config::format_text(diagnostics, false).c_str(),
                 config::summary(diagnostics).c_str());
  if (!loaded.candidate.loaded.valid()) return kInvalidConfig;
  if (loaded.failure) return fail(*loaded.failure, kFailed);
  const config::Model& model = loaded.candidate.loaded.model;
  Result<PreparedLog> prepared = Log::prepare(log_options(model.logging));
  if (!prepared) return fail(prepared.error(), kFailed);
  Log log(std::move(*prepared));
  LogThread log_thread(log);
  ControlPlane plane(options, log, worker_count(model.global.workers), descriptor_limit);
  if (Result<void> started = plane.start(loaded.candidate); !started)
    return fail(started.error(), kFailed);
  return plane.run();
}

}  // namespace weir
