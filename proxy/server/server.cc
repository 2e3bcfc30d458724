#include "server/server.h"

#include <cstdio>

#include "control/signals.h"
#include "server/control_plane.h"
#include "server/resources.h"

namespace weir {
namespace {

constexpr int kFailed = 1;
constexpr int kInvalidConfig = 78;  // EX_CONFIG

int fail(const Error& error, int code) {
  std::fprintf(stderr, "weir: %s\n", error.text().c_str());
  return code;
}

// The log's thread, the loader's and one more beside the workers.
Result<void> check_resources(uint64_t descriptors, const config::Model& model, uint32_t workers) {
  Result<void> enough = check_descriptors(descriptors, model, workers);
  return enough ? check_threads(size_t{workers} + 3) : enough;
}

}  // namespace

int run_server(const ServerOptions& options) {
  end_on_signals();
  const uint64_t descriptor_limit = raise_descriptor_limit();
  if (Result<void> enough = check_descriptors_to_start(descriptor_limit); !enough)
    return fail(enough.error(), kFailed);
  const auto lookups = std::make_shared<Lookups>();
  LoadResult loaded = Loader::load_now(
      options.load, [&](const config::Model& model) { return lookups->resolve(model); });
  block_signals();
  const std::vector<config::Diagnostic>& diagnostics = loaded.candidate.loaded.diagnostics;
  if (!diagnostics.empty())
    std::fprintf(stderr, "%s%s\n", config::format_text(diagnostics, false).c_str(),
                 config::summary(diagnostics).c_str());
  if (!loaded.candidate.loaded.valid()) return kInvalidConfig;
  if (loaded.failure) return fail(*loaded.failure, kFailed);
  const config::Model& model = loaded.candidate.loaded.model;
  const WorkerCount workers = worker_count(model.global.workers);
  if (Result<void> enough = check_resources(descriptor_limit, model, workers.count); !enough)
    return fail(enough.error(), kFailed);
  Result<PreparedLog> prepared = Log::prepare(log_options(model.logging));
  if (!prepared) return fail(prepared.error(), kFailed);
  Log log(std::move(*prepared));
  LogThread log_thread(log);
  ControlPlane plane(options, log, workers, descriptor_limit, lookups);
  if (Result<void> started = plane.start(loaded.candidate); !started)
    return fail(started.error(), kFailed);
  return plane.run();
}

}  // namespace weir
