// YAML text → a tree of nodes with places, the only door to yaml-cpp. The reader refuses what
// yaml-cpp accepts: duplicate keys, merge keys, tags, a second document, an unclosed quote at the
// end, aliases that multiply. Cost: kMaxBytes, kMaxValues and kMaxDepth bound time and memory for
// any text. Owner: a Tree owns its nodes and outlives every pointer to them. An alias is a pointer
// to the same node: a node does not change after it is complete, and its weight is the number of
// nodes that a walk visits.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "config/findings.h"

namespace weir::config {

inline constexpr size_t kMaxBytes = size_t{4} << 20;  // of one file
inline constexpr uint64_t kMaxValues =
    400'000;  // of one file, aliases counted each time they are used
inline constexpr uint32_t kMaxDepth = 32;

struct Node {
  struct Entry {
    const Node* key;
    const Node* value;
  };
  enum class Kind : uint8_t { null, scalar, sequence, map };

  Kind kind = Kind::null;
  bool quoted = false;  // a scalar in quotes, or a block
  bool complete = false;
  Place place;
  uint64_t weight = 1;  // nodes below it and itself
  uint32_t depth = 1;   // of the deepest node below it
  std::string text;
  std::vector<const Node*> items;
  std::vector<Entry> entries;

  bool is_map() const { return kind == Kind::map; }
  bool is_sequence() const { return kind == Kind::sequence; }
  bool is_scalar() const { return kind == Kind::scalar; }
  const Node* find(std::string_view key) const;
};

const char* text(Node::Kind);  // "a map", "a list", …

class Tree {
 public:
  Node& add() { return nodes_.emplace_back(); }

 private:
  std::deque<Node> nodes_;
};

// The root of the text of `file`, or null after a finding that stops the reading.
const Node* read_yaml(uint32_t file, Tree&, Findings&);

}  // namespace weir::config
