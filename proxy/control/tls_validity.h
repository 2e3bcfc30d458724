// TlsValidity: reports TLS files that expire or become valid while weir runs: in the log, and in a
// gauge for alerts. It changes nothing: weir presents an expired certificate, and uses a file that
// becomes valid, without this class.
//
// Owner: the control plane; thread: the control loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "event/timer.h"
#include "metrics/process_state.h"
#include "tls/tls_loading.h"

namespace weir {

class TlsValidity {
 public:
  // The clock may be set: it is read at least this often.
  static constexpr Duration kPeriod = std::chrono::minutes(1);
  using WallClock = std::function<int64_t()>;  // seconds since 1970

  TlsValidity(EventLoop& loop, ProcessState& state, WallClock now);

  // The files of the configuration that is in force from now on.
  void apply(std::vector<FileValidity> files);

 private:
  using Keys = std::set<FileValidity::Key>;
  // Whether a version of the file, named as the same kind, is among them.
  static bool holds_version_of(const Keys& keys, const FileValidity& file);
  void look();

  ProcessState& state_;
  const WallClock now_;
  Timer timer_;
  std::vector<FileValidity> files_;
  Keys reported_;  // of files that are out of date
};

}  // namespace weir
