// Loaded into weir by LD_PRELOAD: counts, for each thread, the calls of the allocator and of locks.
// operator new calls malloc, std::mutex calls pthread_mutex_lock, so these are all.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "counts.h"

extern "C" {
// glibc's own, under names that are not replaced.
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t n, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace weir::budget {
namespace {

ThreadCounts nowhere;

Counts* map_counts() {
  const char* path = std::getenv(kFileVariable);
  const int fd = path != nullptr ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return nullptr;
  void* mapped = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return mapped != MAP_FAILED ? static_cast<Counts*>(mapped) : nullptr;
}

ThreadCounts& find_row() {
  static Counts* const counts = map_counts();
  if (counts == nullptr) return nowhere;
  const int self = ::gettid();
  for (ThreadCounts& row : counts->threads) {
    int free_row = 0;
    if (row.thread.compare_exchange_strong(free_row, self)) return row;
  }
  return nowhere;
}

ThreadCounts& row_of_this_thread() {
  __attribute__((tls_model("initial-exec"))) static thread_local ThreadCounts* row = nullptr;
  if (row == nullptr) row = &find_row();
  return *row;
}

void count_allocation() {
  row_of_this_thread().allocations.fetch_add(1, std::memory_order_relaxed);
}

template <typename Lock>
int lock_with(const char* name, int (*&next)(Lock*), Lock* lock) {
  if (next == nullptr) next = reinterpret_cast<int (*)(Lock*)>(::dlsym(RTLD_NEXT, name));
  row_of_this_thread().locks.fetch_add(1, std::memory_order_relaxed);
  return next(lock);
}

}  // namespace
}  // namespace weir::budget

using weir::budget::count_allocation;

extern "C" {

void* malloc(size_t size) {
  count_allocation();
  return __libc_malloc(size);
}
void* calloc(size_t n, size_t size) {
  count_allocation();
  return __libc_calloc(n, size);
}
void* realloc(void* old, size_t size) {
  count_allocation();
  return __libc_realloc(old, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  count_allocation();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** result, size_t alignment, size_t size) {
  count_allocation();
  *result = __libc_memalign(alignment, size);
  return *result != nullptr ? 0 : ENOMEM;
}

int pthread_mutex_lock(pthread_mutex_t* lock) {
  static int (*next)(pthread_mutex_t*);
  return weir::budget::lock_with("pthread_mutex_lock", next, lock);
}
int pthread_mutex_trylock(pthread_mutex_t* lock) {
  static int (*next)(pthread_mutex_t*);
  return weir::budget::lock_with("pthread_mutex_trylock", next, lock);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  static int (*next)(pthread_rwlock_t*);
  return weir::budget::lock_with("pthread_rwlock_rdlock", next, lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  static int (*next)(pthread_rwlock_t*);
  return weir::budget::lock_with("pthread_rwlock_wrlock", next, lock);
}

}  // extern "C"
