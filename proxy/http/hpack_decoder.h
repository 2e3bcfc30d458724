// Decodes header blocks, RFC 7541. Sans-I/O, one thread, no allocation but the table's.
//
// The owner is one direction of a connection. A block is decoded whole, in one call, whatever
// becomes of its stream: later blocks refer to what it adds to the table. Work and memory are
// bounded by the size of the block and by the limit, not by what the block refers to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/hpack_table.h"

namespace weir {

// A head that is larger than this many times its limit is an attack: its decoding ends.
inline constexpr size_t kHpackExcess = 8;

class HpackSink {
 public:
  // The fields of a block in order. The texts of each are in the memory that decode() got, where
  // they stay: the name, the value directly behind it, and behind that the next field.
  virtual void on_field(const HpackField& field) = 0;

 protected:
  ~HpackSink() = default;
};

struct HpackOutcome {
  enum class State : uint8_t {
    complete,
    too_large,  // the sink got the fields that fit; the table is in step
    // The connection must end (RFC 9113 4.3), because the table is no longer in step:
    excessive,  // ENHANCE_YOUR_CALM
    malformed,  // COMPRESSION_ERROR
  };
  State state = State::complete;
  const char* reason = "";  // when malformed, for the log
  size_t size = 0;          // of the decoded fields, as RFC 9113 6.5.2 counts; 32 bytes for each
};

class HpackDecoder {
 public:
  // `limit` bounds the size as SETTINGS_MAX_HEADER_LIST_SIZE does. A head that does not fit in
  // `memory` is too large as well: no field is cut. With empty memory nothing but the table is
  // kept.
  [[nodiscard]] HpackOutcome decode(std::string_view block, std::span<char> memory, size_t limit,
                                    HpackSink& sink);
  const HpackTable& table() const { return table_; }

 private:
  HpackTable table_;
};

}  // namespace weir
