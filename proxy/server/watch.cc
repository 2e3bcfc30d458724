#include "server/watch.h"

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

#include "base/file_reader.h"
#include "base/log.h"

namespace weir {
namespace {

constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB;

struct Added {
  int id;
  int error;
};

}  // namespace

Watch::Watch(EventLoop& loop, std::function<void()> on_change)
    : loop_(loop),
      fd_(std::make_shared<const UniqueFd>(inotify_init1(IN_NONBLOCK | IN_CLOEXEC))),
      settle_(loop, std::move(on_change)) {
  if (!*fd_ || !watch_.start<&Watch::on_readable>(loop.poller(), fd_->get(),
                                                  IoWatch::Mode::level_read, this))
    LOG(error, "config.watch_failed", kv("error", std::strerror(errno)));
}

void Watch::set(const std::vector<std::string>& directories) {
  // Added again also when known: the path may lead to another directory by now.
  std::map<std::string, int> fresh;
  auto reader = std::make_unique<FileReader>(kMountPatience);
  for (const std::string& directory : directories) {
    // One that hangs has cost enough time for the others of its mount.
    if (!reader->silent().empty()) reader = std::make_unique<FileReader>(kMountPatience / 20);
    const std::optional<Added> added = reader->ask<Added>(directory, [fd = fd_, directory] {
      const int id = inotify_add_watch(fd->get(), directory.c_str(), kEvents);
      return Added{id, id < 0 ? errno : 0};
    });
    if (added && added->id >= 0) {
      fresh[directory] = added->id;
      continue;
    }
    LOG(warn, "config.watch_failed", kv("directory", directory),
        kv("error", added ? std::strerror(added->error) : "it does not answer"));
    // A mount that hangs may come back.
    if (const auto known = watched_.find(directory); !added && known != watched_.end())
      fresh[directory] = known->second;
  }
  // Two paths to one directory have one watch.
  std::set<int> stay;
  for (const auto& [directory, id] : fresh) stay.insert(id);
  for (const auto& [directory, id] : watched_)
    if (!stay.contains(id)) inotify_rm_watch(fd_->get(), id);
  watched_ = std::move(fresh);
}

void Watch::on_readable(void* owner, Readiness) noexcept {
  auto& self = *static_cast<Watch*>(owner);
  alignas(inotify_event) char events[4096];
  while (::read(self.fd_->get(), events, sizeof(events)) > 0) {
  }
  const TimePoint now = self.loop_.now();
  if (!self.settle_.pending()) self.first_ = now;
  self.settle_.set_at(std::min(now + kSettle, self.first_ + kPatience));
}

}  // namespace weir
