// LogRing: the lines of one thread on their way to the log's writer. One producer, one consumer, no
// lock. A full ring refuses a line; it never waits. Also keeps the producer's own counters, so that
// a worker writes no cache line that another worker writes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/log_line.h"

namespace weir {

// Written by one thread, read by any.
class LogCounter {
 public:
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class LogRing {
 public:
  static constexpr uint64_t kCapacity = 64 * 1024;

  // Producer.
  bool push(LogKind kind, std::string_view line) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    const uint64_t used = tail - head_.load(std::memory_order_acquire);
    if (line.size() + sizeof(Header) > kCapacity - used) return false;
    const Header header{static_cast<uint32_t>(line.size()), kind};
    copy_in(tail, {reinterpret_cast<const char*>(&header), sizeof header});
    copy_in(tail + sizeof header, line);
    // Sequentially consistent: the producer next checks whether the writer sleeps, and the writer
    // checks this before it sleeps. One of the two must see the store of the other.
    tail_.store(tail + sizeof header + line.size());
    return true;
  }
  void close() { closed_.store(true, std::memory_order_release); }

  // Either side.
  uint64_t used() const { return tail_.load() - head_.load(std::memory_order_acquire); }
  bool closed() const { return closed_.load(std::memory_order_acquire); }

  // Consumer. Calls take(kind, line) for each line; returns whether there was a line.
  template <typename Take>
  bool drain(Take&& take) {
    const uint64_t tail = tail_.load();
    uint64_t head = head_.load(std::memory_order_relaxed);
    const bool any = head != tail;
    std::array<char, LogLine::kMaxLength> line;
    while (head != tail) {
      Header header;
      copy_out(head, {reinterpret_cast<char*>(&header), sizeof header});
      copy_out(head + sizeof header, {line.data(), header.length});
      head += sizeof header + header.length;
      head_.store(head, std::memory_order_release);
      take(header.kind, std::string_view(line.data(), header.length));
    }
    return any;
  }

  std::array<LogCounter, kLogLevels> messages;  // logged, dropped ones included
  std::array<LogCounter, kLogKinds> dropped;    // refused by this ring

 private:
  struct Header {
    uint32_t length;
    LogKind kind;
  };

  void copy_in(uint64_t at, std::string_view bytes) {
    const uint64_t start = at % kCapacity;
    const size_t first = std::min<size_t>(bytes.size(), kCapacity - start);
    std::memcpy(&bytes_[start], bytes.data(), first);
    std::memcpy(&bytes_[0], bytes.data() + first, bytes.size() - first);
  }
  void copy_out(uint64_t at, std::span<char> bytes) const {
    const uint64_t start = at % kCapacity;
    const size_t first = std::min<size_t>(bytes.size(), kCapacity - start);
    std::memcpy(bytes.data(), &bytes_[start], first);
    std::memcpy(bytes.data() + first, &bytes_[0], bytes.size() - first);
  }

  alignas(128) std::atomic<uint64_t> tail_{0};  // producer's
  alignas(128) std::atomic<uint64_t> head_{0};  // consumer's
  std::atomic<bool> closed_{false};
  std::unique_ptr<char[]> bytes_ = std::make_unique<char[]>(kCapacity);
};

}  // namespace weir
