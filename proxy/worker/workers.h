// Workers: all worker threads, and the messages between them and the control thread.
//
// Owner: the server; thread: the control loop's, except the functions of WorkerPeers, which workers
// call.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "worker/worker_thread.h"

namespace weir {

class Workers final : public WorkerPeers {
 public:
  // A scrape or a status waits for a busy worker this long, and then uses its last report.
  static constexpr Duration kReportLimit = 500ms;

  Workers(EventLoop& control, const Clock& clock, Log& log, uint32_t count);
  ~Workers();

  void start();
  void stop();  // ends all sessions and joins the threads
  uint32_t count() const override { return static_cast<uint32_t>(threads_.size()); }

  // Posts `message` to every worker; `done` runs on the control loop when all have run it.
  void post(
      std::function<void(Worker&)> message, std::function<void()> done = [] {});
  // The same with a different message for each worker.
  void post_each(std::function<void(Worker&, uint32_t index)> message, std::function<void()> done);

  using Reports = WorkerReports;
  // New reports of all workers; the last report of a worker that does not answer in time.
  void report(std::function<void(Reports)> done);
  const Reports& last_reports() const { return reports_; }
  // The states that sessions wait in, and the `oldest` sessions of the process.
  void survey(size_t oldest, std::function<void(SessionSurvey)> done);

  // `on_empty` runs on the control loop when no worker has a session after begin_drain().
  void when_empty(std::function<void()> on_empty) { when_empty_ = std::move(on_empty); }

 private:
  struct Collection;

  void gather(uint32_t worker, std::shared_ptr<WorkerMetrics::PartialReport> partial,
              std::weak_ptr<Collection> waiting);
  void give(uint32_t worker, AcceptedConnection connection) override;
  void on_empty(uint32_t worker) override;
  void finish(Collection& collection);

  EventLoop& control_;
  std::vector<std::unique_ptr<WorkerThread>> threads_;
  Reports reports_;  // the last report of each worker
  std::vector<bool> empty_;
  std::function<void()> when_empty_;
  std::vector<std::shared_ptr<Collection>> collecting_;
};

}  // namespace weir
