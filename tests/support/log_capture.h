// LogCapture: writes the log of this thread, events and access lines, to its own files during its
// lifetime.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "support/file_text.h"
#include "support/temp_folder.h"

namespace weir::test {

class LogCapture {
 public:
  // `options`: levels and formats.
  explicit LogCapture(LogOptions options = {}) {
    options.output = folder_ / "log";
    options.access_output = folder_ / "access";
    log_ = std::make_unique<Log>(std::move(*Log::prepare(options)));
    thread_ = std::make_unique<LogThread>(*log_);
  }
  // Each ends the capture.
  std::string access() { return end("access"); }
  std::string events() { return end("log"); }

 private:
  std::string end(const std::string& file) {
    thread_.reset();
    log_.reset();  // returns when the lines are written
    return file_text(folder_ / file);
  }

  TempFolder folder_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogThread> thread_;
};

}  // namespace weir::test
