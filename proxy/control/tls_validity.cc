#include "control/tls_validity.h"

#include <algorithm>
#include <limits>

#include "base/log.h"

namespace weir {

TlsValidity::TlsValidity(EventLoop& loop, ProcessState& state, WallClock now)
    : state_(state), now_(std::move(now)), timer_(loop, [this] { look(); }) {}

// A file counts once, however many settings name it.
void TlsValidity::apply(std::vector<FileValidity> files) {
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.key() < b.key(); });
  files.erase(std::unique(files.begin(), files.end(),
                          [](const auto& a, const auto& b) { return a.key() == b.key(); }),
              files.end());
  files_ = std::move(files);
  look();
}

bool TlsValidity::holds_version_of(const Keys& keys, const FileValidity& file) {
  constexpr int64_t kEver = std::numeric_limits<int64_t>::min();
  const auto first = keys.lower_bound({file.path, file.kind, kEver, kEver});
  return first != keys.end() && std::get<0>(*first) == file.path &&
         std::get<1>(*first) == file.kind;
}

void TlsValidity::look() {
  const int64_t now = now_();
  int64_t next = now + std::chrono::duration_cast<std::chrono::seconds>(kPeriod).count();
  GaugeBy<TlsFileKind> out_of_date;
  Keys told;
  for (const FileValidity& file : files_) {
    if (file.holds(now)) {
      if (file.until < next) next = file.until + 1;
      continue;
    }
    if (now < file.from) next = std::min(next, file.from);
    out_of_date[file.kind].add();
    told.insert(file.key());
    if (!reported_.contains(file.key()))
      LOG(warn, "tls.file_out_of_date", kv("path", file.path), kv("message", file.describe(now)));
  }
  // A file that was renewed has other times than the version that was out of date.
  for (const FileValidity& file : files_)
    if (file.holds(now) && holds_version_of(reported_, file) && !holds_version_of(told, file))
      LOG(info, "tls.file_valid", kv("path", file.path));
  state_.tls_files_out_of_date = out_of_date;
  reported_ = std::move(told);
  timer_.set_in(std::chrono::seconds(std::max<int64_t>(1, next - now)));
}

}  // namespace weir
