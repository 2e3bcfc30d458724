#include "base/page_blocks.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/check.h"

namespace weir {
namespace {

constexpr size_t kPage = 4096;

}  // namespace

PageBlocks::PageBlocks(size_t block_size) : block_size_((block_size + kPage - 1) / kPage * kPage) {}

PageBlocks::~PageBlocks() {
  for (void* mapping : mappings_) ::munmap(mapping, kBlocksPerMapping * block_size_);
}

void* PageBlocks::take() {
  if (warm_.empty() && cold_.empty()) map_more();
  std::vector<void*>& from = warm_.empty() ? cold_ : warm_;
  void* block = from.back();
  from.pop_back();
  return block;
}

size_t PageBlocks::trim(size_t keep) {
  const size_t trimmed = warm_.size() - std::min(keep, warm_.size());
  // Frees from the front, so that the blocks used last stay.
  for (size_t i = 0; i < trimmed; ++i) {
    ::madvise(warm_[i], block_size_, MADV_DONTNEED);
    cold_.push_back(warm_[i]);
  }
  warm_.erase(warm_.begin(), warm_.begin() + static_cast<ptrdiff_t>(trimmed));
  return trimmed;
}

void PageBlocks::map_more() {
  mappings_.reserve(mappings_.size() + 1);
  warm_.reserve((mappings_.size() + 1) * kBlocksPerMapping);
  cold_.reserve((mappings_.size() + 1) * kBlocksPerMapping);
  void* mapping = ::mmap(nullptr, kBlocksPerMapping * block_size_, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapping != MAP_FAILED);  // out of memory is fatal, as with operator new
  mappings_.push_back(mapping);
  for (size_t i = kBlocksPerMapping; i-- > 0;)
    cold_.push_back(static_cast<char*>(mapping) + i * block_size_);
}

}  // namespace weir
