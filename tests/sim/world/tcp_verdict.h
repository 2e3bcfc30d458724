// TcpVerdict: compares the results of the talkers with the counters and the log of the worker.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/outcomes.h"
#include "peers/talker.h"
#include "world/books.h"

namespace weir::sim {

// One line of the access log.
struct AccessLine {
  std::string session, listener, client;
  EndReason reason{};
  uint64_t received_bytes = 0, sent_bytes = 0;
  double duration = 0;
};

std::vector<AccessLine> read_access_log(std::string_view text, std::vector<std::string>& failures);

class TcpVerdict {
 public:
  TcpVerdict(const Evidence& evidence, Book& book, const std::vector<AccessLine>& lines,
             std::vector<std::string>& failures)
      : evidence_(evidence), book_(book), lines_(lines), failures_(failures) {}
  void judge();

 private:
  template <typename... Args>
  void expect(bool holds, const char* format, const Args&... args);
  void judge_books();
  void judge_reasons(const AccessLine& line);
  void judge_session(const AccessLine& line, const Talker& client);
  void judge_direction(const AccessLine& line, const Talker& from, const Talker& to);
  void judge_cut(const AccessLine& line, const Talker& from, const Talker& to);
  bool may_be_cut(const std::vector<std::shared_ptr<Talker>>& talkers) const;
  bool may_be_unopened(const std::vector<std::shared_ptr<Talker>>& talkers) const;

  const Evidence& evidence_;
  Book& book_;
  const std::vector<AccessLine>& lines_;
  std::vector<std::string>& failures_;
};

}  // namespace weir::sim
