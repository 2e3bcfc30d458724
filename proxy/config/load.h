// Loads a configuration: a path or a text becomes a Model, or a list of all problems. Never throws;
// a file that is missing, unreadable, binary, empty or hostile is a diagnostic like any other.
// Control thread; blocks on files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/environment.h"
#include "config/model.h"
#include "config/provenance.h"

namespace weir::config {

struct Loaded {
  Model model;                          // usable only when valid()
  std::vector<Diagnostic> diagnostics;  // errors and warnings, sorted by place
  std::string hash;                    // of every value: equal for configurations with equal values
  std::vector<std::string> env_names;  // variables that the files refer to, set or not; sorted
  Provenance provenance;

  bool valid() const;
};

Loaded load(const std::string& path, const Environment&);
// `name` stands for the file in diagnostics. A text includes nothing.
Loaded load_text(std::string_view yaml, const std::string& name, const Environment&);
// A text from a sender that may have fewer rights than this process: it cannot include files, its
// variables are findings (E143), and no file that it names is opened.
Loaded load_sent_text(std::string_view yaml);

}  // namespace weir::config
