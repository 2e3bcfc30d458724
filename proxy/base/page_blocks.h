// PageBlocks: blocks of one size, made of whole pages that come from the kernel and go back to it.
// Memory of a burst leaves no holes in the heap, which would stay resident for ever.
//
// Owner: one pool; one thread. The last block given back is the first to be taken, so that it is
// still in the cache. Addresses are kept until the end, and reused; memory is not.
#pragma once

#include <cstddef>
#include <vector>

namespace weir {

class PageBlocks {
 public:
  // The size is rounded up to a multiple of the page size.
  explicit PageBlocks(size_t block_size);
  PageBlocks(const PageBlocks&) = delete;
  PageBlocks& operator=(const PageBlocks&) = delete;
  ~PageBlocks();

  // Its content is undefined. Running out of memory is fatal, as everywhere.
  void* take();
  // Never allocates.
  void give_back(void* block) { warm_.push_back(block); }
  // Blocks that are not in use and still have their memory.
  size_t spare() const { return warm_.size(); }
  // Gives the memory of the others back to the kernel; returns their number.
  size_t trim(size_t keep);

 private:
  static constexpr size_t kBlocksPerMapping = 64;

  void map_more();

  const size_t block_size_;
  std::vector<void*> mappings_;
  std::vector<void*> warm_;
  std::vector<void*> cold_;
};

}  // namespace weir
