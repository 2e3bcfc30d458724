#include "server/watch.h"

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace weir {
namespace {

constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB;

}  // namespace

Watch::Watch(EventLoop& loop, std::function<void()> on_change)
    : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), settle_(loop, std::move(on_change)) {
  if (!fd_ ||
      !watch_.start(loop.poller(), fd_.get(), IoWatch::Mode::level_read, &Watch::on_readable, this))
    LOG(error, "config.watch_failed", kv("error", std::strerror(errno)));
}

void Watch::set(const std::vector<std::string>& directories) {
  for (auto it = watched_.begin(); it != watched_.end();) {
    if (std::find(directories.begin(), directories.end(), it->first) != directories.end()) {
      ++it;
      continue;
    }
    inotify_rm_watch(fd_.get(), it->second);
    it = watched_.erase(it);
  }
  for (const std::string& directory : directories) {
    // Added again also when known: the path may lead to another directory by now.
    const int id = inotify_add_watch(fd_.get(), directory.c_str(), kEvents);
    if (id >= 0)
      watched_[directory] = id;
    else
      LOG(warn, "config.watch_failed", kv("directory", directory),
          kv("error", std::strerror(errno)));
  }
}

void Watch::on_readable(void* owner, Readiness) noexcept {
  auto& self = *static_cast<Watch*>(owner);
  alignas(inotify_event) char events[4096];
  while (::read(self.fd_.get(), events, sizeof(events)) > 0) {
  }
  self.settle_.set_in(kSettle);
}

}  // namespace weir
