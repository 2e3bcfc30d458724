// TlsRecords: encrypted records that go to the socket with one send, and what each of them carries.
//
// Owner: a TlsStream, or a thread for the moment of one write. Records are added at the end and
// leave at the front as the socket takes their bytes; what a record carries counts as sent when its
// last byte has left.
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
  // What `other`, if there is one, has not sent, and `more` behind it, which carries nothing; in no
  // more memory than that needs. `other` is empty then.
  static std::unique_ptr<TlsRecords> rest_of(TlsRecords* other, std::span<const char> more = {});
  TlsRecords(const TlsRecords&) = delete;
  TlsRecords& operator=(const TlsRecords&) = delete;

  // For a record of any size.
  bool has_room() const { return count_ < kMost && capacity_ - end_ >= kMostCarried + kAround; }
  // Bytes of the record being made. False: there is no room, and nothing was added.
  bool add(const char* bytes, size_t size);
  // What was added since the last one is a record, and carries so many bytes.
  void complete(size_t carried);

  bool empty() const { return begin_ == end_; }
  bool carries() const { return first_ < count_; }  // what is left, not only messages of TLS
  size_t size() const { return end_ - begin_; }     // in bytes, on the wire
  // Sends what the socket takes. How much was carried by the records that are gone with it; -1 and
  // errno: nothing has left.
  ssize_t send(int fd);
  void clear() { begin_ = end_ = first_ = count_ = 0; }

 private:
  struct Record {
    uint32_t end;
    uint32_t carried;
  };
  static constexpr size_t kMost = 16;
  static constexpr size_t kAround = 1024;  // of a record: its own framing, and messages before it

  explicit TlsRecords(size_t capacity) : memory_(new char[capacity]), capacity_(capacity) {}

  std::unique_ptr<char[]> memory_;
  size_t capacity_;
  size_t begin_ = 0;  // of what has not been sent, in memory_
  size_t end_ = 0;
  std::array<Record, kMost> records_;
  size_t first_ = 0;  // that is not gone
  size_t count_ = 0;
};

}  // namespace weir
