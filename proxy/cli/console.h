// The output of a verb: data to stdout, messages to stderr, colours if stdout is a terminal. A
// value, made once from the global flags. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/standard_streams.h"

namespace weir::cli {

// The exit codes of weir: README.md, deploy/README.md.
enum Exit : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kUnreachable = 3,
  kCut = 4,
  kNotReady = 5,
  kInvalidConfig = 78,
};

enum class Style : uint8_t { plain, bold, dim, good, warning, bad };

class Console {
 public:
  // `color`: "auto" or "never". NO_COLOR and a stdout that is not a terminal also mean never.
  Console(std::string_view color, bool quiet, const ClosedStreams& closed = {});

  void print(std::string_view data) const;      // to stdout, unchanged
  void say(std::string_view message) const;     // "weir: message" to stderr; not when quiet
  void report(std::string_view message) const;  // the same, also when quiet
  void clear_screen() const;  // before a refreshed page; no effect without a terminal
  std::string styled(Style style, std::string_view text) const;
  // A write to stdout failed; the failure was reported.
  bool broken() const { return broken_; }
  const ClosedStreams& closed_streams() const { return closed_; }
  bool terminal() const { return terminal_; }
  bool color() const { return color_; }

 private:
  void write(std::string_view text) const;

  ClosedStreams closed_;
  bool terminal_ = false;
  bool color_ = false;
  bool quiet_ = false;
  mutable bool broken_ = false;
};

// Columns as wide as their widest cell; the first row is the head. Cells may be styled.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Numbers with units: "1.5 GiB"; "3h12m", "12s"; "12 sessions".
std::string bytes_text(double bytes);
std::string seconds_text(double seconds);
std::string count_text(double count, std::string_view noun);

}  // namespace weir::cli
