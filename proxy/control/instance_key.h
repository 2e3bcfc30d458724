// InstanceKey: the key of this instance for sticky cookies, for clusters whose configuration names
// no file with one. Its secret is kept in the folder that the environment variable STATE_DIRECTORY
// names, as systemd sets it; without that it is a new one, and the log says so.
//
// Owner: the snapshot store. The first get() blocks on files.
#pragma once

#include <optional>

#include "upstream/sticky_tags.h"

namespace weir {

class InstanceKey {
 public:
  const StickyKey& get();

 private:
  std::optional<StickyKey> key_;
};

}  // namespace weir
