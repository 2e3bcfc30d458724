// The JSON documents of the admin API. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "admin/admin_api.h"

namespace weir {

// A copy of all that the status shows, for the thread that writes it.
struct StatusSource {
  AdminApi::Identity identity;
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::pair<size_t, Address>> bound;  // of a listener, by its place
  ProcessPhase phase;
  bool ready;
  std::optional<TimePoint> drain_began;
  std::optional<ReloadCoordinator::Last> last_reload;
  uint32_t workers;
  size_t snapshots;
  uint64_t open_connections;
  TimePoint now;
  Workers::Reports reports;
  bool messages = true;  // messages about a configuration, which may quote it
};

std::string status_json(const StatusSource& source);
std::string drain_json(const DrainCoordinator& drain, TimePoint now, const SessionSurvey& survey);
// The end of the drain: phase "drained" and the number of sessions that were cut.
std::string drained_json(uint64_t cut);
// What a client may see of a file that only weir may read.
struct Disclosure {
  bool values = true;    // of keys that may be secrets
  bool messages = true;  // which quote the file; otherwise only the code and the place
};
std::string reload_json(const ReloadOutcome& outcome, const Disclosure& disclosure);

}  // namespace weir
