// TlsLoading: one load of the files that TLS settings name. Each path is read once, however many
// settings name it; all errors are collected, so that an operator sees them at once. FileValidity:
// when such a file is valid, for warnings, metrics and the log.
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

// When a TLS file is valid, in seconds since 1970.
struct FileValidity {
  TlsFileKind kind{};
  std::string path;
  int64_t from = 0;
  int64_t until = std::numeric_limits<int64_t>::max();
  config::Location location;
  bool has_stand_in = false;  // before `from` the previous one is used

  // Equal for the same validity of one file. Several kinds may name a path, and the configuration
  // in force may use another version of the file than the one that was read now.
  using Key = std::tuple<std::string, TlsFileKind, int64_t, int64_t>;
  Key key() const { return {path, kind, from, until}; }
  bool holds(int64_t now) const { return from <= now && now <= until; }
  // Why the file is not valid now, and the effect. Only when holds() is false.
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
  static constexpr size_t kMostBytes = size_t{64} << 20;  // of one file: revocation lists grow

  explicit TlsLoading(Duration patience = FileReader::kPatience);
  TlsLoading(const TlsLoading&) = delete;
  TlsLoading& operator=(const TlsLoading&) = delete;
  ~TlsLoading();  // overwrites the contents: private keys are among them

  // The content. The error names the file.
  Result<std::string_view> read(const std::string& path);
  // All files of this folder whose names `wanted` accepts, in order; none without the folder.
  std::vector<std::string> list(const std::string& folder, bool (*wanted)(std::string_view name));
  // A digest of the content of a file that was read. Empty: the file could not be read.
  const std::string& digest(const std::string& path) const;
  const std::map<std::string, std::string>& digests() const { return digests_; }

  void report(config::Code code, const config::Location& at, std::string message,
              std::string hint = "");
  // The prefix of the messages from now on: "listener 'web': ".
  void set_subject(std::string subject) { subject_ = std::move(subject); }
  const std::vector<TlsFinding>& findings() const { return findings_; }
  size_t errors() const { return errors_; }
  // Reading a file hangs: no other file is read, and the load has failed.
  bool stopped() const { return !reader_.silent().empty(); }
  FileReader& reader() { return reader_; }
  int64_t now() const { return now_; }
  // Null: no setting has needed them.
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
