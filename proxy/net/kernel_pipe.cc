#include "net/kernel_pipe.h"

#include "base/check.h"
#include "net/sys.h"

namespace weir {
namespace {

void destroy(KernelPipe* pipe) {
  sys::close(pipe->read_end);
  sys::close(pipe->write_end);
  delete pipe;
}

}  // namespace

KernelPipePool::~KernelPipePool() {
  DCHECK(lent_ == 0);
  trim();
}

KernelPipe* KernelPipePool::lend() {
  if (lent_ >= kMaxLent) return nullptr;
  KernelPipe* pipe = nullptr;
  if (free_.empty()) {
    int ends[2];
    if (sys::pipe(ends, kKernelPipeSize) != 0) return nullptr;
    pipe = new KernelPipe{ends[0], ends[1], 0};
  } else {
    pipe = free_.back();
    free_.pop_back();
  }
  ++lent_;
  return pipe;
}

void KernelPipePool::take_back(KernelPipe* pipe) {
  DCHECK(lent_ > 0);
  --lent_;
  if (pipe->held > 0 || free_.size() >= kKept)
    destroy(pipe);
  else
    free_.push_back(pipe);
}

void KernelPipePool::trim() {
  for (KernelPipe* pipe : free_) destroy(pipe);
  free_.clear();
}

}  // namespace weir
