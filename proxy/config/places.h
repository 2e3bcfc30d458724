// The places of values in the files, for checks after reading: by path, as in Provenance. The
// arguments outlive it.
#pragma once

#include <string>
#include <string_view>

#include "config/findings.h"
#include "config/provenance.h"

namespace weir::config {

class Places {
 public:
  Places(const Provenance& provenance, const Sources& sources)
      : provenance_(provenance), sources_(sources) {}

  // Of the value at `path`, or of the nearest map around it that was noted.
  Place of(std::string_view path) const;
  bool written(std::string_view path) const { return provenance_.contains(path); }
  // The same, but false for a value of `defaults`.
  bool own(std::string_view path) const {
    const auto found = provenance_.find(path);
    return found != provenance_.end() && !found->second.shared;
  }
  // "defined at weir.yaml:12", for hints.
  std::string defined_at(std::string_view path) const;

 private:
  const Provenance& provenance_;
  const Sources& sources_;
};

}  // namespace weir::config
