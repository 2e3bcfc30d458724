// TlsRecords: encrypted records that go to the socket with one send, and how many bytes of data
// each of them carries.
//
// Owner: a TlsStream, or a thread during one write. Records are added at the end; the socket takes
// their bytes from the front. The data of a record count as sent when the socket has its last byte.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace weir {

class TlsRecords {
 public:
  static constexpr size_t kMostCarried = 16 * 1024;  // by a record (RFC 8446 5.1)

  // Room for the records of one send.
  TlsRecords() : TlsRecords(4 * (kMostCarried + kAround)) {}
  // The unsent records of `other`, which is empty afterwards, and after them `more`, a record
  // without data; in as much memory as they need. `other` may be null.
  static std::unique_ptr<TlsRecords> rest_of(TlsRecords* other, std::span<const char> more = {});
  TlsRecords(const TlsRecords&) = delete;
  TlsRecords& operator=(const TlsRecords&) = delete;

  // There is room for a record of any size.
  bool has_room() const { return count_ < kMost && capacity_ - end_ >= kMostCarried + kAround; }
  // Adds bytes to the record that is being made. False: there is no room, and none were added.
  bool add(const char* bytes, size_t size);
  // Ends the record that is being made, which carries so many bytes of data.
  void complete(size_t carried);

  bool empty() const { return begin_ == end_; }
  bool carries() const { return first_ < count_; }  // has unsent data, not only messages
  size_t size() const { return end_ - begin_; }     // in bytes, on the wire
  // Sends as much as the socket takes. Returns how many bytes of data the records carry whose last
  // byte is sent now; -1 and errno: no byte was sent.
  ssize_t send(int fd);
  void clear() { begin_ = end_ = first_ = count_ = 0; }

 private:
  struct Record {
    uint32_t end;
    uint32_t carried;
  };
  static constexpr size_t kMost = 16;
  static constexpr size_t kAround = 1024;  // of a record: its framing, and messages before it

  explicit TlsRecords(size_t capacity) : memory_(new char[capacity]), capacity_(capacity) {}

  std::unique_ptr<char[]> memory_;
  size_t capacity_;
  size_t begin_ = 0;  // of the unsent bytes, in memory_
  size_t end_ = 0;
  std::array<Record, kMost> records_;
  size_t first_ = 0;  // the first record that is not sent
  size_t count_ = 0;
};

}  // namespace weir
