// Writes a header block, RFC 7541, into memory of the caller. Sans-I/O, no allocation, one thread.
//
// It uses the static table only, and no Huffman code: a block depends on no other block, so that it
// may be dropped, and the peer needs no memory for it. A field that is not valid makes the whole
// block fail, and so does a field that does not fit: nothing is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/hpack_field.h"

namespace weir {

// A cookie that is shorter is never indexed: its value could be guessed (RFC 7541 7.1.3).
inline constexpr size_t kGuessableCookie = 20;

class HpackWriter {
 public:
  // never: the field arrived so, RFC 7541 6.2.3. Credentials are never indexed in any case.
  enum class Indexing : uint8_t { allowed, never };

  explicit HpackWriter(std::span<char> out) : out_(out) {}

  // Begins the first block of a connection. Peers that lower SETTINGS_HEADER_TABLE_SIZE require it
  // (RFC 7541 4.2), and the size 0 is right for all of them.
  void empty_table();
  // The caller writes pseudo-fields before the others (RFC 9113 8.3).
  void pseudo_field(PseudoField field, std::string_view value,
                    Indexing indexing = Indexing::allowed);
  void status(unsigned status);
  // The name may have upper case, as in HTTP/1; it is written in lower case.
  void field(std::string_view name, std::string_view value, Indexing indexing = Indexing::allowed);
  void field(std::string_view name, uint64_t value);
  // Its value is both texts, which are not empty; `value` may end with a blank.
  void field_of(std::string_view name, std::string_view value, std::string_view more);
  void fail() { ok_ = false; }

  bool ok() const { return ok_; }  // false: did not fit, or a field was not valid
  std::string_view block() const { return {out_.data(), ok_ ? used_ : 0}; }

 private:
  void append(char byte);
  void append(std::string_view text);
  void integer(unsigned pattern, unsigned prefix, uint64_t value);
  void string(std::string_view text);
  void write_name(unsigned row, std::string_view name, Indexing indexing);
  void write(unsigned row, std::string_view name, std::string_view value, Indexing indexing);

  std::span<char> out_;
  size_t used_ = 0;
  bool ok_ = true;
};

}  // namespace weir
