#include "config/files.h"

#include <fmt/format.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/ascii.h"
#include "config/reader.h"

namespace weir::config {
namespace {

// Length of the UTF-8 character at the start; 0: there is none.
size_t character_length(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool beyond = first == 0xF4 && byte(1) >= 0x90;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

// The position of the first byte that is not part of UTF-8 text, or npos.
size_t first_non_text(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    const bool control = is_control(c) && c != '\t' && c != '\n' && c != '\r';
    const size_t length = control ? 0 : character_length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

void note_directory(std::vector<std::string>& directories, const std::string& directory) {
  if (std::find(directories.begin(), directories.end(), directory) == directories.end())
    directories.push_back(directory);
}

struct Matches {
  std::vector<std::string> paths;
  std::string problem;
};

Matches expand(const std::string& pattern) {
  Matches matches;
  // glob(3) passes no user data to its callback.
  static thread_local std::string* unreadable;
  unreadable = &matches.problem;
  const auto on_error = [](const char* path, int error) {
    if (error == ENOENT) return 0;
    *unreadable = fmt::format("cannot read '{}': {}", path, std::strerror(error));
    return 1;
  };
  glob_t found{};
  const int result = ::glob(pattern.c_str(), 0, on_error, &found);
  if (result == 0)
    matches.paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  else if (result != GLOB_NOMATCH && matches.problem.empty())
    matches.problem = fmt::format("cannot expand '{}': {}", pattern,
                                  result == GLOB_NOSPACE ? "out of memory" : "reading failed");
  ::globfree(&found);
  std::sort(matches.paths.begin(), matches.paths.end());
  return matches;
}

std::string link_target(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t n = ::readlink(path.c_str(), target, sizeof(target));
  return n > 0 ? std::string(target, static_cast<size_t>(n)) : "";
}

std::vector<std::string> directories_on_way(const std::string& path) {
  std::vector<std::string> directories{directory_of(path)};
  std::string done = path.substr(0, 1) == "/" ? "/" : "./";
  std::string rest = path;
  constexpr int kMaxLinks = 40;  // as the kernel
  int links = 0;
  while (!rest.empty()) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string component = rest.substr(0, slash);
    rest.erase(0, slash + 1);
    if (component.empty() || component == ".") continue;
    const std::string target = link_target(done + component);
    if (target.empty()) {
      done += component + (rest.empty() ? "" : "/");
      continue;
    }
    if (++links > kMaxLinks) return directories;
    note_directory(directories, done == "./" || done == "/" ? done.substr(0, 1)
                                                            : done.substr(0, done.size() - 1));
    if (target[0] == '/') done = "/";
    if (!rest.empty()) rest.insert(0, 1, '/');
    rest.insert(0, target);
  }
  std::string last = directory_of(done);
  if (last.starts_with("./")) last = last.substr(2);
  if (last.empty()) last = ".";
  note_directory(directories, last);
  return directories;
}

}  // namespace

bool read_file(const std::string& path, const Place* from, FileReader& reader, Sources& sources,
               Findings& findings) {
  Result<std::string> text = reader.read(path, kMaxBytes);
  if (!text) {
    const std::string& problem = text.error().message;
    const bool missing = problem == std::strerror(ENOENT);
    if (from) {
      findings.add(
          missing ? Code::E014 : Code::E001, *from,
          fmt::format("cannot read '{}': {}", path, problem),
          missing ? "a pattern such as conf.d/*.yaml may match nothing; a plain path must exist"
                  : "");
      return false;
    }
    const uint32_t file = sources.add(path, "");
    findings.add(Code::E001, {{file, 0, 0}, 1}, fmt::format("cannot read the file: {}", problem));
    return false;
  }
  const uint32_t file = sources.add(path, std::move(*text));
  const bool failed = findings.has_errors();
  check_text(file, findings);
  return failed || !findings.has_errors();
}

void check_text(uint32_t file, Findings& findings) {
  const std::string_view text = findings.sources().text(file);
  if (text.size() > kMaxBytes) {
    findings.add(Code::E004, {{file, 0, 0}, 1},
                 fmt::format("the file is larger than {} MiB", kMaxBytes >> 20),
                 "split it with 'include'");
  } else if (const size_t bad = first_non_text(text); bad != std::string_view::npos) {
    const std::string_view before = text.substr(0, bad);
    const auto line = static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n') + 1);
    const size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    findings.add(
        Code::E002, {{file, line, static_cast<uint32_t>(bad - start + 1)}, 1},
        fmt::format("not text in UTF-8: byte 0x{:02x}", static_cast<unsigned char>(text[bad])),
        "is it the right file, and complete?");
  } else if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    findings.add(
        Code::E003, {{file, 0, 0}, 1}, "the file is empty",
        "the smallest configuration is a listener and a cluster; was it written completely?");
  }
}

bool is_pattern(std::string_view path) {
  return path.find_first_of("*?[") != std::string_view::npos;
}

std::vector<std::string> matches(const std::string& pattern, FileReader& reader,
                                 std::string& problem) {
  std::optional<Matches> found =
      reader.ask<Matches>(pattern, [pattern] { return expand(pattern); });
  if (!found)
    return problem = fmt::format("cannot expand '{}': {}", pattern, reader.silence()),
           std::vector<std::string>();
  problem = std::move(found->problem);
  return std::move(found->paths);
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::vector<std::string> directories_to_watch(const std::string& path, FileReader& reader) {
  return reader.ask<std::vector<std::string>>(path, [path] { return directories_on_way(path); })
      .value_or(std::vector<std::string>());
}

}  // namespace weir::config
