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
    : loop_(loop),
      fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      settle_(loop, std::move(on_change)) {
  if (!fd_ ||
      !watch_.start<&Watch::on_readable>(loop.poller(), fd_.get(), IoWatch::Mode::level_read, this))
    LOG(error, "config.watch_failed", kv("error", std::strerror(errno)));
}

void Watch::set(const std::vector<std::string>& directories) {
  // Added again also when known: the path may lead to another directory by now.
  std::map<std::string, int> fresh;
  for (const std::string& directory : directories) {
    const int id = inotify_add_watch(fd_.get(), directory.c_str(), kEvents);
    if (id >= 0)
      fresh[directory] = id;
    else
      LOG(warn, "config.watch_failed", kv("directory", directory),
          kv("error", std::strerror(errno)));
  }
  // Two paths to one directory have one watch.
  for (const auto& [directory, id] : watched_) {
    const bool stays = std::any_of(fresh.begin(), fresh.end(),
                                   [id = id](const auto& entry) { return entry.second == id; });
    if (!stays) inotify_rm_watch(fd_.get(), id);
  }
  watched_ = std::move(fresh);
}

void Watch::on_readable(void* owner, Readiness) noexcept {
  auto& self = *static_cast<Watch*>(owner);
  alignas(inotify_event) char events[4096];
  while (::read(self.fd_.get(), events, sizeof(events)) > 0) {
  }
  const TimePoint now = self.loop_.now();
  if (!self.settle_.pending()) self.first_ = now;
  self.settle_.set_at(std::min(now + kSettle, self.first_ + kPatience));
}

}  // namespace weir
