#include "net/kernel_pipe.h"

#include "base/check.h"
#include "os/sys.h"

namespace weir {
namespace {

void destroy(KernelPipe* pipe) {
  sys::close(pipe->read_end);
  sys::close(pipe->write_end);
  delete pipe;
}

}  // namespace

KernelPipePool::~KernelPipePool() {
  DCHECK(lent() == 0);
  keep_spares(0);
}

KernelPipe* KernelPipePool::lend() {
  if (lent() >= kMaxLent) return nullptr;
  KernelPipe* pipe = nullptr;
  if (free_.empty()) {
    int ends[2];
    if (sys::pipe(ends, kKernelPipeSize) != 0) return nullptr;
    pipe = new KernelPipe{ends[0], ends[1], 0};
  } else {
    pipe = free_.back();
    free_.pop_back();
  }
  note_lent();
  return pipe;
}

void KernelPipePool::take_back(KernelPipe* pipe) {
  DCHECK(lent() > 0);
  if (pipe->held > 0 || free_.size() >= kKept)
    destroy(pipe);
  else
    free_.push_back(pipe);
  note_taken_back();
}

size_t KernelPipePool::keep_spares(size_t most) {
  for (; free_.size() > most; free_.pop_back()) destroy(free_.back());
  return free_.size();
}

}  // namespace weir
