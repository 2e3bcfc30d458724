// The JSON documents of the admin API. Pure functions of what they are given.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "server/admin_api.h"

namespace weir {

struct StatusSource {
  const AdminApi::Identity& identity;
  const Control& control;
  const DrainCoordinator& drain;
  const ReloadCoordinator& reload;
  Workers::Reports reports;
  bool messages = true;  // what is said about a configuration may quote it
};

std::string status_json(const StatusSource& source);
std::string drain_json(const DrainCoordinator& drain, TimePoint now, const SessionSurvey& survey);
// The end of it: phase "drained", and how many sessions were cut.
std::string drained_json(uint64_t cut);
// What an asker is told about a file that only weir may read.
struct Disclosure {
  bool values = true;    // those that may be secrets
  bool messages = true;  // which quote the file; otherwise only the code and the place
};
std::string reload_json(const ReloadOutcome& outcome, const Disclosure& disclosure);

}  // namespace weir
