// TlsLoading: one load of the files that TLS names. Each path is read once, however many places
// name it; whatever is wrong is collected, so that an operator hears of all of it at once. And
// FileValidity: when such a file is valid, for warnings, metrics and the log.
//
// Owner: one load, on its stack; one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/file_reader.h"
#include "base/outcomes.h"
#include "base/result.h"
#include "config/findings.h"

namespace weir {

// The times a file of TLS is good for, in seconds since 1970.
struct FileValidity {
  TlsFileKind kind{};
  std::string path;
  int64_t from = 0;
  int64_t until = std::numeric_limits<int64_t>::max();
  config::Location location;
  bool has_stand_in = false;  // before `from` what was there before is used

  // Equal for two that say the same of one file. A path may be named as several kinds, and what is
  // in force may be another version of the file than what was read now.
  using Key = std::tuple<std::string, TlsFileKind, int64_t, int64_t>;
  Key key() const { return {path, kind, from, until}; }
  bool holds(int64_t now) const { return from <= now && now <= until; }
  // Why it is not valid now, and the effect of that. Only when holds() is false.
  std::string describe(int64_t now) const;
};

// "2026-11-29 14:10:25 UTC"
std::string utc_text(int64_t seconds);

struct TlsFinding {
  config::Code code;
  config::Location at;
  std::string message;
  std::string hint;
  bool is_error() const { return config::text(code)[0] == 'E'; }
};

struct SystemTrust;

class TlsLoading {
 public:
  static constexpr size_t kMostBytes = size_t{64} << 20;  // of one file: lists of revoked ones grow

  explicit TlsLoading(Duration patience = FileReader::kPatience);
  TlsLoading(const TlsLoading&) = delete;
  TlsLoading& operator=(const TlsLoading&) = delete;
  ~TlsLoading();  // overwrites the contents: private keys are among them

  // The content. The error names the file.
  Result<std::string_view> read(const std::string& path);
  // All files of this folder whose names `wanted` accepts, in order; none when it is not there.
  std::vector<std::string> list(const std::string& folder, bool (*wanted)(std::string_view name));
  // Of the content of a file that was read: differs when that does. Empty: it could not be read.
  const std::string& digest(const std::string& path) const;
  const std::map<std::string, std::string>& digests() const { return digests_; }

  void report(config::Code code, const config::Location& at, std::string message,
              std::string hint = "");
  // The prefix of the messages from now on: "listener 'web': ".
  void set_subject(std::string subject) { subject_ = std::move(subject); }
  const std::vector<TlsFinding>& findings() const { return findings_; }
  size_t errors() const { return errors_; }
  // A file does not answer: nothing more is read, and the load has failed.
  bool stopped() const { return !reader_.silent().empty(); }
  FileReader& reader() { return reader_; }
  int64_t now() const { return now_; }
  // Once something needed them; null: nothing has.
  const std::shared_ptr<const SystemTrust>& system_trust() const { return system_trust_; }
  void keep(std::shared_ptr<const SystemTrust> trust) { system_trust_ = std::move(trust); }

 private:
  FileReader reader_;
  const int64_t now_;
  std::map<std::string, Result<std::string>> contents_;
  std::map<std::string, std::string> digests_;
  std::vector<TlsFinding> findings_;
  std::string subject_;
  std::shared_ptr<const SystemTrust> system_trust_;
  size_t errors_ = 0;
  bool reported_silent_ = false;
};

}  // namespace weir
