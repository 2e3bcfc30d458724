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
};

std::string status_json(const StatusSource& source);
std::string drain_json(const DrainCoordinator& drain, TimePoint now, const SessionSurvey& survey);
// The end of it: phase "drained", and how many sessions were cut.
std::string drained_json(uint64_t cut);
std::string reload_json(const ReloadOutcome& outcome);

}  // namespace weir
