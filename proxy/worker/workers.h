// Workers: all worker threads, and how the control thread talks with them: by messages, and with
// answers that come back as messages.
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
  // How long a scrape or a status waits for a worker that is busy; then its last report stands in.
  static constexpr Duration kReportLimit = 500ms;

  Workers(EventLoop& control, const Clock& clock, Log& log, uint32_t count);
  ~Workers();

  void start();
  void stop();  // ends what is left and joins
  uint32_t count() const override { return static_cast<uint32_t>(threads_.size()); }

  // Posts `message` to every worker; `done` runs on the control loop when all have run it.
  void post(
      std::function<void(Worker&)> message, std::function<void()> done = [] {});
  // The same, with a message of its own for each.
  void post_each(std::function<void(Worker&, uint32_t index)> message, std::function<void()> done);

  using Reports = WorkerReports;
  // Fresh reports of all workers; of one that does not answer in time, its last one.
  void report(std::function<void(Reports)> done);
  const Reports& last_reports() const { return reports_; }
  // What every session waits for, and the `oldest` sessions of all.
  void survey(size_t oldest, std::function<void(SessionSurvey)> done);

  // `on_empty` runs on the control loop when, after begin_drain(), no worker has a session left.
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
  Reports reports_;  // the last ones
  std::vector<bool> empty_;
  std::function<void()> when_empty_;
  std::vector<std::shared_ptr<Collection>> collecting_;
};

}  // namespace weir
