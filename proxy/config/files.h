// The files of a configuration: reading one with bounds, expanding an include pattern, and which
// directories to watch so that every way of replacing a file is noticed. Loader thread; blocks on
// the file system, at most as long as the FileReader waits.
#pragma once

#include <string>
#include <vector>

#include "base/file_reader.h"
#include "config/findings.h"

namespace weir::config {

// The text of `path`, or a finding (at `from` when a file was included there). What is read is
// text: regular file, not empty, UTF-8, no NUL, at most kMaxBytes.
bool read_file(const std::string& path, const Place* from, FileReader&, Sources&, Findings&);
// The same for a text that is in memory.
void check_text(uint32_t file, Findings&);

bool is_pattern(std::string_view path);
// The files it matches, sorted. A directory that is not there matches nothing; one that cannot be
// read is a problem: part of the configuration would be missing.
std::vector<std::string> matches(const std::string& pattern, FileReader&, std::string& problem);

// "." for a bare name.
std::string directory_of(const std::string& path);

// The directory of the path as given, and of every link on the way to the file: a rename, a changed
// link (a Kubernetes ConfigMap swaps ..data) or a write all show up in one of them. None of a path
// that timed out: the watch would hang on it.
std::vector<std::string> directories_to_watch(const std::string& path, FileReader&);

}  // namespace weir::config
