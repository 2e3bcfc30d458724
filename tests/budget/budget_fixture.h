// BudgetTest: the real binary with one worker, whose system calls, allocations and locks are
// counted in the kernel and the C library.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "budget/counts.h"
#include "budget/system_calls.h"
#include "support/config_text.h"
#include "support/http_backend.h"
#include "support/load_server.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"

namespace weir {

// The table that budget_counting.cc fills, and the environment that makes weir load it.
class CountsFile {
 public:
  CountsFile() {
    char name[] = "/tmp/weir-budget-XXXXXX";
    const UniqueFd fd(::mkstemp(name));
    path_ = name;
    CHECK(::ftruncate(fd.get(), sizeof(budget::Counts)) == 0);
    void* mapped = ::mmap(nullptr, sizeof(budget::Counts), PROT_READ, MAP_SHARED, fd.get(), 0);
    CHECK(mapped != MAP_FAILED);
    counts_ = static_cast<const budget::Counts*>(mapped);
  }
  ~CountsFile() {
    ::munmap(const_cast<budget::Counts*>(counts_), sizeof(budget::Counts));
    ::unlink(path_.c_str());
  }
  std::vector<std::string> environment() const {
    return {"LD_PRELOAD=" + weir_module("budget_counting"),
            std::string(budget::kFileVariable) + "=" + path_};
  }
  // Null: the thread has not allocated or locked, or counting is off.
  const budget::ThreadCounts* of(pid_t thread) const {
    for (const budget::ThreadCounts& row : counts_->threads)
      if (row.thread == thread) return &row;
    return nullptr;
  }

 private:
  std::string path_;
  const budget::Counts* counts_;
};

struct Cost {
  CallCounts calls;
  uint64_t allocations = 0, locks = 0;
  uint64_t of(long call) const {
    const auto found = calls.find(call);
    return found != calls.end() ? found->second : 0;
  }
  uint64_t all_calls() const {
    uint64_t n = 0;
    for (const auto& [call, times] : calls) n += times;
    return n;
  }
  friend Cost operator-(Cost later, const Cost& earlier) {
    for (const auto& [call, times] : earlier.calls)
      if ((later.calls[call] -= times) == 0) later.calls.erase(call);
    later.allocations -= earlier.allocations;
    later.locks -= earlier.locks;
    return later;
  }
};

inline std::ostream& operator<<(std::ostream& out, const Cost& cost) {
  out << cost.allocations << " allocations, " << cost.locks << " locks, calls by number:";
  for (const auto& [call, times] : cost.calls) out << ' ' << call << '=' << times;
  return out;
}

class BudgetTest : public testing::Test {
 protected:
  // One worker in front of `backend`, with a session in its steady state.
  void serve(const LoadServer& backend) {
    serve(simple(bind_, {backend.address()}, "global:\n  workers: 1\n"));
  }
  // `listener`: more keys of it.
  void serve(const HttpBackend& backend, const std::string& listener = "") {
    serve(
        fmt::format("global: {{ workers: 1 }}\nlogging: {{ access: {{ output: none }} }}\n"
                    "listeners:\n  - {{ bind: \"{}\", protocol: http, cluster: app{} }}\n"
                    "clusters:\n  - {{ name: app, backends: [\"{}\"] }}\n",
                    bind_.text(), listener, backend.address().text()));
  }
  void serve(const std::string& config) {
    weir_.emplace(config, ProxyOptions{.environment = counts_.environment()});
    worker_ = thread_named(weir_->pid(), "worker-0");
    ASSERT_GT(worker_, 0);
    calls_.emplace(weir_->pid(), worker_);
    client_ = Socket::connect(bind_);
    ASSERT_TRUE(client_);
  }
  // The cost so far, when the worker has nothing to do.
  Cost cost() const {
    const CallCounts calls = calls_->at_rest();
    EXPECT_FALSE(calls.empty()) << "the worker cannot be traced, or does not come to rest";
    const budget::ThreadCounts* counts = counts_.of(worker_);
    EXPECT_NE(counts, nullptr) << "the worker made its session without an allocation?";
    if (counts == nullptr) return {calls};
    return {calls, counts->allocations, counts->locks};
  }
  void round_trips(int n) {
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(client_.send("question"));
      ASSERT_EQ(client_.receive(8), "question");
    }
  }

  // Requests one after the other, each answered before the next.
  void requests(int n) {
    constexpr std::string_view kRequest =
        "GET /index.html HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
    const auto whole = [](const std::string& answer) { return answer.ends_with("hello, world"); };
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(client_.send(kRequest));
      std::string answer = client_.receive(answer_size_);
      for (; answer_size_ == 0 && !whole(answer);) {  // the first one gives the size
        answer += client_.receive(1);
        ASSERT_LT(answer.size(), 1000u) << answer;
      }
      answer_size_ = answer.size();
      ASSERT_TRUE(whole(answer)) << answer;
    }
  }

  static void expect_nothing_but_moving(const Cost& cost) {
    EXPECT_EQ(cost.of(SYS_epoll_ctl), 0u) << "a session is registered once; " << cost;
    EXPECT_EQ(cost.allocations, 0u) << cost;
    EXPECT_EQ(cost.locks, 0u) << cost;
  }

  const Address bind_ = free_address();
  const CountsFile counts_;
  std::optional<ProxyProcess> weir_;
  pid_t worker_ = 0;
  std::optional<SystemCalls> calls_;  // destroyed before weir is killed
  Socket client_;
  size_t answer_size_ = 0;
};

constexpr int kRoundTrips = 1000;
// The timer wheel wakes for a deadline occasionally, each time with a recheck of a socket.
constexpr uint64_t kWakes = 60;

}  // namespace weir
