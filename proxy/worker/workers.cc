#include "worker/workers.h"

#include <algorithm>
#include <random>

#include "event/timer.h"

namespace weir {

// The reports of one report() that are still missing. Destroyed when all have come or time is up.
struct Workers::Collection {
  Collection(Workers& workers, std::function<void(Reports)> when_done)
      : done(std::move(when_done)),
        missing(workers.count()),
        late(workers.control_, [&workers, this] { workers.finish(*this); }) {
    late.set_in(kReportLimit);
  }
  std::function<void(Reports)> done;
  size_t missing;
  Timer late;
};

Workers::Workers(EventLoop& control, const Clock& clock, Log& log, uint32_t count)
    : control_(control), empty_(count, false) {
  std::random_device random;
  for (uint32_t i = 0; i < count; ++i) {
    threads_.push_back(
        std::make_unique<WorkerThread>(clock, log, i, uint64_t{random()} << 32 | random(), *this));
    auto nothing_yet = std::make_shared<WorkerReport>();
    nothing_yet->worker = i;
    reports_.push_back(std::move(nothing_yet));
  }
}

Workers::~Workers() {
  stop();
}

void Workers::start() {
  for (auto& thread : threads_) thread->start();
}

void Workers::stop() {
  for (auto& thread : threads_) thread->stop();
}

void Workers::post(std::function<void(Worker&)> message, std::function<void()> done) {
  post_each([message = std::move(message)](Worker& worker, uint32_t) { message(worker); },
            std::move(done));
}

void Workers::post_each(std::function<void(Worker&, uint32_t)> message,
                        std::function<void()> done) {
  auto missing = std::make_shared<size_t>(threads_.size());  // used on the control loop
  for (uint32_t i = 0; i < threads_.size(); ++i) {
    threads_[i]->post([this, i, message, done, missing](Worker& worker) {
      message(worker, i);
      control_.post([done, missing] {
        if (--*missing == 0) done();
      });
    });
  }
}

void Workers::report(std::function<void(Reports)> done) {
  auto collection = std::make_shared<Collection>(*this, std::move(done));
  collecting_.push_back(collection);
  for (uint32_t i = 0; i < threads_.size(); ++i)
    gather(i, std::make_shared<WorkerMetrics::PartialReport>(), collection);
}

// One part in each turn, so that sessions continue in between.
void Workers::gather(uint32_t i, std::shared_ptr<WorkerMetrics::PartialReport> partial,
                     std::weak_ptr<Collection> collection) {
  threads_[i]->post([this, i, partial, collection](Worker& worker) {
    if (!worker.report_some(*partial)) return gather(i, partial, collection);
    auto report = std::make_shared<const WorkerReport>(std::move(partial->report));
    control_.post([this, i, collection, report] {
      reports_[i] = report;
      const auto waiting = collection.lock();
      if (waiting && --waiting->missing == 0) finish(*waiting);
    });
  });
}

void Workers::finish(Collection& collection) {
  const auto done = std::move(collection.done);
  std::erase_if(collecting_, [&](const auto& one) { return one.get() == &collection; });
  done(reports_);
}

void Workers::survey(size_t oldest, std::function<void(SessionSurvey)> done) {
  struct Gathering {
    SessionSurvey all;
    size_t missing;
  };
  auto gathering = std::make_shared<Gathering>(Gathering{{}, threads_.size()});
  for (auto& thread : threads_) {
    thread->post([this, oldest, done, gathering](Worker& worker) {
      auto part = std::make_shared<SessionSurvey>(worker.survey(oldest));
      control_.post([oldest, done, gathering, part] {
        SessionSurvey& all = gathering->all;
        for (auto& [series, listener] : part->listeners) {
          all.listeners[series].name = listener.name;
          all.listeners[series].streams += listener.streams;
          for (auto& [waiting_for, n] : listener.waiting)
            all.listeners[series].waiting[waiting_for] += n;
        }
        all.oldest.insert(all.oldest.end(), part->oldest.begin(), part->oldest.end());
        if (--gathering->missing > 0) return;
        std::sort(all.oldest.begin(), all.oldest.end(),
                  [](const Session::View& a, const Session::View& b) { return a.age > b.age; });
        if (all.oldest.size() > oldest) all.oldest.resize(oldest);
        done(std::move(all));
      });
    });
  }
}

void Workers::give(uint32_t worker, AcceptedConnection connection) {
  threads_[worker]->post([connection](Worker& target) { target.take(connection); });
}

void Workers::on_empty(uint32_t worker) {
  control_.post([this, worker] {
    empty_[worker] = true;
    if (when_empty_ && std::all_of(empty_.begin(), empty_.end(), [](bool empty) { return empty; }))
      when_empty_();
  });
}

}  // namespace weir
