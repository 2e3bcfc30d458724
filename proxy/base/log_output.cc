#include "base/log_output.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

int open_for_append(const std::string& path) {
  // O_NONBLOCK: opening a FIFO without a reader must fail, not wait.
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                0640);
}

// The descriptor of a standard stream, or -1. Their devices count as well: they cannot be opened
// where the stream is a socket, as under systemd, or belongs to another user, as in a container.
int standard_stream(const std::string& name) {
  if (name == "stderr" || name == "/dev/stderr") return STDERR_FILENO;
  if (name == "stdout" || name == "/dev/stdout") return STDOUT_FILENO;
  return -1;
}

std::string open_failure(const std::string& path, int error) {
  std::string text = std::string("cannot open the log file: ") + std::strerror(error);
  struct stat status {};
  if (error == ENXIO && ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode))
    text += "; it is a FIFO that no process reads: start the reader first";
  return text;
}

}  // namespace

Result<LogOutput> LogOutput::open(const std::string& name) {
  LogOutput output;
  output.name_ = name;
  if (name == "none") return output;
  if (const int stream = standard_stream(name); stream >= 0) {
    output.attach(stream);
    return output;
  }
  const int fd = open_for_append(name);
  if (fd < 0) return Error{open_failure(name, errno), name};
  output.attach(fd);
  output.owned_.reset(fd);
  return output;
}

void LogOutput::attach(int fd) {
  fd_ = fd;
  struct stat status {};
  ::fstat(fd, &status);
  kind_ = S_ISREG(status.st_mode)    ? Kind::file
          : S_ISSOCK(status.st_mode) ? Kind::socket
                                     : Kind::stream;
}

bool LogOutput::append(std::string_view line) {
  if (kind_ == Kind::none) return true;
  if (written_ == pending_.size()) {
    pending_.clear();
    written_ = 0;
  }
  if (pending_.size() - written_ + line.size() > kMaxPending) return false;
  if (pending_.size() + line.size() > kMaxPending) {
    pending_.erase(0, written_);
    written_ = 0;
  }
  pending_.append(line);
  return true;
}

uint64_t LogOutput::pending_lines() const {
  const auto from = pending_.begin() + static_cast<std::ptrdiff_t>(written_);
  return static_cast<uint64_t>(std::count(from, pending_.end(), '\n'));
}

LogOutput::Flush LogOutput::flush(TimePoint now) {
  if (pending() && now < retry_at_) return Flush::failed;
  while (pending()) {
    const ssize_t n = write_some();
    if (n > 0) {
      written_ += static_cast<size_t>(n);
      write_error_ = 0;
    } else if (errno == EAGAIN) {
      return Flush::blocked;
    } else if (errno != EINTR) {
      write_error_ = errno;
      retry_at_ = now + kRetry;
      return Flush::failed;
    }
  }
  return Flush::done;
}

ssize_t LogOutput::write_some() {
  const char* bytes = pending_.data() + written_;
  const size_t length = pending_.size() - written_;
  // The stream is a socket under journald, else a pipe, a file or a terminal. Other processes share
  // it, so weir must not set O_NONBLOCK on it; each kind has its own way to write without waiting.
  if (kind_ == Kind::socket) return ::send(fd_, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (kind_ == Kind::file) return ::write(fd_, bytes, length);
  pollfd room{fd_, POLLOUT, 0};
  if (::poll(&room, 1, 0) == 0) {
    errno = EAGAIN;
    return -1;
  }
  // A pipe that poll(2) reports as writable takes PIPE_BUF bytes without waiting.
  return ::write(fd_, bytes, std::min<size_t>(length, PIPE_BUF));
}

bool LogOutput::reopen(TimePoint now) {
  if (!owned_) return true;
  flush(now);
  UniqueFd fresh(open_for_append(name_));
  open_error_ = fresh ? 0 : errno;
  reopen_at_ = now + kRetry;
  if (!fresh) return false;
  attach(fresh.get());
  owned_ = std::move(fresh);
  retry_at_ = {};
  write_error_ = 0;
  return true;
}

}  // namespace weir
