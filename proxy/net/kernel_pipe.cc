#include "net/kernel_pipe.h"

#include <algorithm>
#include <utility>

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
  trim(0);
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
  most_lent_ = std::max(most_lent_, ++lent_);
  return pipe;
}

void KernelPipePool::take_back(KernelPipe* pipe) {
  DCHECK(lent_ > 0);
  --lent_;
  if (pipe->held > 0 || free_.size() >= kKept)
    destroy(pipe);
  else
    free_.push_back(pipe);
  if (!pending()) loop_.deadlines().set(*this, loop_.now() + kUnneeded);
}

// As many stay as were in use at once since the last look.
void KernelPipePool::on_deadline() {
  trim(std::exchange(most_lent_, lent_) - lent_);
  if (!free_.empty()) loop_.deadlines().set(*this, loop_.now() + kUnneeded);
}

void KernelPipePool::trim(size_t keep) {
  for (; free_.size() > keep; free_.pop_back()) destroy(free_.back());
}

}  // namespace weir
