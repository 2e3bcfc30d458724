#include "http/hpack_huffman.h"

#include <array>
#include <cstdint>

namespace weir {
namespace {

struct HuffmanCode {
  uint32_t code;
  int bits;
};
constexpr auto kHuffmanCodes = std::to_array<HuffmanCode>({
#define CODE(symbol, code, bits) {code, bits},
#include "http/hpack_huffman.def"
#undef CODE
});
constexpr int kEos = 256;
static_assert(kHuffmanCodes.size() == kEos + 1);

// Four bits of input at one inner node of the tree of codes. No code is shorter than five bits, so
// a step completes at most one symbol.
struct HuffmanStep {
  uint8_t next;  // node
  uint8_t symbol;
  uint8_t flags;
};
constexpr unsigned kEmits = 1;
constexpr unsigned kMayEnd = 2;  // the bits behind the last symbol are valid padding
constexpr unsigned kInvalid = 4;

constexpr int kHuffmanNodes = 256;  // a complete binary tree of 257 leaves
constexpr int kMaxPadding = 7;

struct HuffmanTree {
  int child[kHuffmanNodes][2];  // a node, or ~symbol; 0: not set, because the root is no child
  bool may_end[kHuffmanNodes];
};

constexpr HuffmanTree make_huffman_tree() {
  HuffmanTree tree{};
  int nodes = 1;
  for (int symbol = 0; symbol <= kEos; ++symbol) {
    const HuffmanCode code = kHuffmanCodes[size_t(symbol)];
    int node = 0;
    for (int bit = code.bits - 1; bit > 0; --bit) {
      int& next = tree.child[node][code.code >> bit & 1];
      if (next == 0) next = nodes++;
      node = next;
    }
    tree.child[node][code.code & 1] = ~symbol;
  }
  for (int node = 0, padding = 0; padding <= kMaxPadding; ++padding) {
    tree.may_end[node] = true;
    node = tree.child[node][1];
  }
  return tree;
}

struct HuffmanSteps {
  HuffmanStep at[kHuffmanNodes][16];
};

constexpr HuffmanSteps make_huffman_steps() {
  const HuffmanTree tree = make_huffman_tree();
  HuffmanSteps steps{};
  for (int from = 0; from < kHuffmanNodes; ++from) {
    for (unsigned input = 0; input < 16; ++input) {
      HuffmanStep& step = steps.at[from][input];
      int node = from;
      unsigned flags = 0;
      for (int bit = 3; bit >= 0; --bit) {
        node = tree.child[node][input >> bit & 1];
        if (node >= 0) continue;
        flags |= ~node == kEos ? kInvalid : kEmits;
        step.symbol = uint8_t(~node);
        node = 0;
      }
      if (tree.may_end[node]) flags |= kMayEnd;
      step.next = uint8_t(node);
      step.flags = uint8_t(flags);
    }
  }
  return steps;
}

constexpr HuffmanSteps kHuffmanSteps = make_huffman_steps();

}  // namespace

std::optional<size_t> decode_huffman(std::string_view encoded, std::span<char> out) {
  size_t size = 0;
  unsigned node = 0, flags = kMayEnd, invalid = 0;
  auto feed = [&](unsigned input) {
    const HuffmanStep step = kHuffmanSteps.at[node][input];
    // Without a branch on kEmits: what is no symbol is overwritten by the next one.
    if (size < out.size()) out[size] = char(step.symbol);
    flags = step.flags;
    size += flags & kEmits;
    invalid |= flags & kInvalid;
    node = step.next;
  };
  for (const char c : encoded) {
    feed(static_cast<unsigned char>(c) >> 4);
    feed(static_cast<unsigned char>(c) & 0xf);
  }
  if (invalid != 0 || (flags & kMayEnd) == 0) return std::nullopt;
  return size;
}

}  // namespace weir
