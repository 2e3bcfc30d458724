#include "base/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "base/thread.h"
#include "base/unique_fd.h"

namespace weir {
namespace {

// Each is a thread and a path from the configuration.
constexpr size_t kMostLeftBehind = 64;

// One path for each thread of this process that is stuck; two that tried the same path at the same
// time are both there. Never destroyed: such a thread may outlive all.
struct Stuck {
  std::mutex mutex;
  std::multiset<std::string> paths;
};
Stuck& stuck() {
  static Stuck& all = *new Stuck;
  return all;
}

struct FileText {
  std::string text;
  std::string problem;
};

std::string kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a directory";
  if (S_ISFIFO(mode)) return "it is a FIFO, not a regular file: each reload reads it again";
  return "it is not a regular file";
}

std::string read_open(int fd, size_t most, std::string& text) {
  char block[16384];
  std::string problem;
  while (text.size() <= most) {
    const ssize_t n = ::read(fd, block, std::min(sizeof(block), most + 1 - text.size()));
    if (n == 0) break;
    if (n > 0) {
      text.append(block, static_cast<size_t>(n));
    } else if (errno != EINTR) {
      problem = std::strerror(errno);
      break;
    }
  }
  ::explicit_bzero(block, sizeof(block));  // it may have been a private key
  return problem;
}

FileText read_regular(const std::string& path, size_t most) {
  FileText file;
  struct stat status {};
  // Checked before open(2), which would wait for the writer of a FIFO.
  if (::stat(path.c_str(), &status) != 0) return {"", std::strerror(errno)};
  if (!S_ISREG(status.st_mode)) return {"", kind_of(status.st_mode)};
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd || ::fstat(fd.get(), &status) != 0) return {"", std::strerror(errno)};
  if (!S_ISREG(status.st_mode)) return {"", kind_of(status.st_mode)};
  // Reserved at once: growing would leave copies of the content in freed memory.
  file.text.reserve(std::min(static_cast<size_t>(status.st_size), most) + 1);
  file.problem = read_open(fd.get(), most, file.text);
  return file;
}

}  // namespace

// Runs one job at a time.
struct FileReader::Thread {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> job;  // empty: there is none, or it has run
  std::string path;           // of the job
  bool left = false;          // the caller no longer waits
  bool ends = false;

  // Zero, or errno.
  static int start(const std::shared_ptr<Thread>& self) {
    pthread_t thread{};
    const int error = start_thread(thread, [self] {
      pthread_setname_np(pthread_self(), "files");
      self->work();
    });
    if (error == 0) ::pthread_detach(thread);
    return error;
  }
  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return ends || job; });
      if (!job) return;
      const std::function<void()> next = job;
      lock.unlock();
      next();
      lock.lock();
      job = nullptr;
      changed.notify_all();
      if (!left) continue;
      const std::lock_guard known(stuck().mutex);
      stuck().paths.erase(stuck().paths.find(path));
      return;
    }
  }
};

FileReader::~FileReader() {
  if (!thread_) return;
  const std::lock_guard lock(thread_->mutex);
  thread_->ends = true;
  thread_->changed.notify_all();
}

std::string FileReader::silence() const {
  return fmt::format("'{}' does not answer; is it on a mount that hangs?", silent_);
}

size_t FileReader::stuck_threads() {
  const std::lock_guard lock(stuck().mutex);
  return stuck().paths.size();
}

bool FileReader::run(const std::string& path, std::function<void()> job) {
  if (!silent_.empty()) return false;
  {
    const std::lock_guard lock(stuck().mutex);
    if (stuck().paths.contains(path))
      not_tried_ =
          "not tried, since an earlier read of it has had no answer; is it on a mount that hangs?";
    else if (stuck().paths.size() >= kMostLeftBehind)
      not_tried_ = fmt::format("not tried, since {} reads of other files have had no answer",
                               stuck().paths.size());
  }
  if (!not_tried_.empty()) return silent_ = path, false;
  if (!thread_) {
    const auto made = std::make_shared<Thread>();
    if (const int error = Thread::start(made)) {
      no_thread_ = fmt::format("cannot start a thread to read files: {}", std::strerror(error));
      return silent_ = path, false;
    }
    thread_ = made;
  }
  std::unique_lock lock(thread_->mutex);
  thread_->path = path;
  thread_->job = std::move(job);
  thread_->changed.notify_all();
  if (thread_->changed.wait_for(lock, patience_, [this] { return !thread_->job; })) return true;
  thread_->left = true;
  {
    const std::lock_guard known(stuck().mutex);
    stuck().paths.insert(path);
  }
  lock.unlock();
  thread_.reset();
  silent_ = path;
  return false;
}

Result<std::string> FileReader::read(const std::string& path, size_t most) {
  std::optional<FileText> file =
      ask<FileText>(path, [path, most] { return read_regular(path, most); });
  if (!file && !no_thread_.empty()) return Error{no_thread_, ""};
  if (!file && silent_ == path && !not_tried_.empty()) return Error{not_tried_, ""};
  if (!file && silent_ == path)
    return Error{
        fmt::format("no answer within {:g} s; is it on a mount that hangs?", seconds(patience_)),
        ""};
  if (!file) return Error{"not tried, since " + silence(), ""};
  if (!file->problem.empty()) return Error{file->problem, ""};
  return std::move(file->text);
}

}  // namespace weir
