// Sources: the texts that were read, by the index Location::file. Findings: their problems,
// collected in one pass, then sorted and cut to a readable number. Owner:
// one load, on its stack; one thread. A second finding with the same code and place is dropped: an
// alias or a default that is used twice is reported once.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "config/diagnostic.h"
#include "config/model.h"

namespace weir::config {

enum class Code : uint8_t {
#define CODE(name, title) name,
#include "config/codes.def"
#undef CODE
};

inline constexpr size_t kShownDiagnostics = 50;

class Sources {
 public:
  uint32_t add(std::string name, std::string text);
  const std::string& name(uint32_t file) const { return sources_[file].name; }
  std::string_view text(uint32_t file) const { return sources_[file].text; }
  std::string_view line(uint32_t file,
                        uint32_t number) const;  // without its end; empty when there is none
  size_t offset(const Location&) const;          // in the text
  std::string where(const Location&) const;      // "file:line"
  std::vector<std::string> names() const;

 private:
  struct Source {
    std::string name, text;
    std::vector<size_t> lines;  // where each begins
  };
  std::vector<Source> sources_;
};

// A place in a source: where, and how many bytes it takes there.
struct Place {
  Location location;
  uint32_t length = 1;
};

class Findings {
 public:
  explicit Findings(const Sources& sources) : sources_(sources) {}

  void add(Code, const Place&, std::string message, std::string hint = "");
  // From now on warnings are dropped.
  bool full() const { return found_.size() >= kKept; }
  // From now on errors are dropped, too: there are more of them than are shown.
  bool saturated() const { return full() && errors_ > kShownDiagnostics; }
  bool has_errors() const { return errors_ > 0; }
  const Sources& sources() const { return sources_; }
  // At most kShownDiagnostics of them, errors before warnings, then sorted by place; and a note
  // with the number of the others.
  std::vector<Diagnostic> finish();

 private:
  static constexpr size_t kKept = 1000;
  struct Found {
    Location location;
    Diagnostic diagnostic;
  };

  const Sources& sources_;
  std::vector<Found> found_;
  std::set<std::tuple<uint32_t, uint32_t, uint32_t, Code, std::string>> seen_;
  size_t errors_ = 0;
};

const char* text(Code);                       // "E103"
const char* title(Code);                      // a short description of all its findings
const char* title_of(std::string_view code);  // of "E103"; "" for an unknown code

}  // namespace weir::config
