#include "worker/worker_thread.h"

#include <fmt/format.h>
#include <pthread.h>

namespace weir {

void WorkerThread::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), fmt::format("worker-{}", index_).c_str());
    LogThread log_thread(log_);
    loop_.run();
  });
}

void WorkerThread::stop() {
  if (!thread_.joinable()) return;
  // Posted, so that it runs after all other posted work.
  loop_.post([this] {
    worker_.stop();
    loop_.stop();
  });
  thread_.join();
}

}  // namespace weir
