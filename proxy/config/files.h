// The files of a configuration: reading one with bounds, expanding an include pattern, and which
// directories to watch so that every way of replacing a file is noticed. Loader thread; blocks on
// the file system, at most as long as the FileReader waits.
#pragma once

#include <string>
#include <vector>

#include "base/file_reader.h"
#include "config/findings.h"

namespace weir::config {

// Reads the text of `path`, or adds a finding (at `from`, if an include there names the file). The
// file must be a regular file of UTF-8 text, not empty, without NUL, of at most kMaxBytes.
bool read_file(const std::string& path, const Place* from, FileReader&, Sources&, Findings&);
// The same for a text that is in memory.
void check_text(uint32_t file, Findings&);

bool is_pattern(std::string_view path);
// The files that the pattern matches, sorted. A directory that does not exist matches nothing; a
// directory that cannot be read is a problem, because part of the configuration would be missing.
std::vector<std::string> matches(const std::string& pattern, FileReader&, std::string& problem);

// "." for a bare name.
std::string directory_of(const std::string& path);

// The directory of the path as given, and of every link on the way to the file: a rename, a changed
// link (a Kubernetes ConfigMap swaps ..data) or a write all show up in one of them. No directory
// for a path that timed out, because the watch would hang on it.
std::vector<std::string> directories_to_watch(const std::string& path, FileReader&);

}  // namespace weir::config
