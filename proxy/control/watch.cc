#include "control/watch.h"

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/file_reader.h"
#include "base/log.h"

namespace weir {
namespace {

constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB;

}  // namespace

Watch::Watch(EventLoop& loop, std::function<void()> on_change)
    : loop_(loop),
      fd_(std::make_shared<const UniqueFd>(inotify_init1(IN_NONBLOCK | IN_CLOEXEC))),
      settle_(loop, std::move(on_change)),
      retry_(loop, [this] { retry(); }) {
  if (!*fd_ || !watch_.start<&Watch::on_readable>(loop.poller(), fd_->get(),
                                                  IoWatch::Mode::level_read, this))
    LOG(error, "config.watch_failed", kv("error", std::strerror(errno)));
}

Watch::~Watch() {
  watch_.stop();
}

// A thread that hangs may add its watch later. That watch has no owner until the directory is tried
// again, which gives the same id, or until its first event.
std::optional<Watch::Added> Watch::add(const std::string& directory) {
  // After a directory that hangs, the others of its mount get little time.
  if (!reader_->silent().empty()) reader_ = std::make_unique<FileReader>(kMountPatience / 20);
  const std::optional<Added> added = reader_->ask<Added>(directory, [fd = fd_, directory] {
    const int id = inotify_add_watch(fd->get(), directory.c_str(), kEvents);
    return Added{id, id < 0 ? errno : 0};
  });
  if (!added) silent_.push_back(directory);
  return added;
}

void Watch::set(const std::vector<std::string>& directories) {
  // Added again also when known: the path may lead to another directory by now.
  std::map<std::string, int> fresh;
  silent_.clear();
  reader_ = std::make_unique<FileReader>(kMountPatience);
  for (const std::string& directory : directories) {
    const std::optional<Added> added = add(directory);
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
  reader_.reset();
  watched_.swap(fresh);
  index();
  for (const auto& [directory, id] : fresh) release(id);
  retry_.cancel();
  if (!silent_.empty()) retry_.set_in(kRetry);
}

// Two paths to one directory have one watch.
void Watch::index() {
  ids_.clear();
  for (const auto& [directory, id] : watched_) ids_.insert(id);
}

void Watch::release(int id) {
  if (!ids_.contains(id)) inotify_rm_watch(fd_->get(), id);
}

// Changes in a directory that was not watched are unknown.
void Watch::retry() {
  std::vector<std::string> directories;
  std::vector<int> before;
  directories.swap(silent_);
  reader_ = std::make_unique<FileReader>(kMountPatience / 20);
  for (const std::string& directory : directories) {
    const std::optional<Added> added = add(directory);
    if (!added) continue;
    if (added->id < 0) {
      LOG(warn, "config.watch_failed", kv("directory", directory),
          kv("error", std::strerror(added->error)));
      continue;
    }
    LOG(info, "config.watched_again", kv("directory", directory));
    const auto [known, is_new] = watched_.try_emplace(directory, added->id);
    if (!is_new) before.push_back(std::exchange(known->second, added->id));
    note_change();
  }
  reader_.reset();
  index();
  for (const int id : before) release(id);
  if (!silent_.empty()) retry_.set_in(kRetry);
}

void Watch::on_readable(void* owner, Readiness) noexcept {
  auto& self = *static_cast<Watch*>(owner);
  alignas(inotify_event) char events[4096];
  bool changed = false;
  for (ssize_t size; (size = ::read(self.fd_->get(), events, sizeof(events))) > 0;) {
    for (const char* at = events; at < events + size;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(at);
      at += sizeof(event) + event.len;
      const bool is_ours = event.wd < 0 || self.ids_.contains(event.wd);  // -1: events were lost
      changed |= is_ours;
      // Of a directory that has answered too late; IN_IGNORED: we have removed it.
      if (!is_ours && (event.mask & IN_IGNORED) == 0) inotify_rm_watch(self.fd_->get(), event.wd);
    }
  }
  if (changed) self.note_change();
}

void Watch::note_change() {
  const TimePoint now = loop_.now();
  if (!settle_.pending()) first_ = now;
  settle_.set_at(std::min(now + kSettle, first_ + kPatience));
}

}  // namespace weir
