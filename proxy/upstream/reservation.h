// Reservation: the places of the process's limits that one attempt, or one TCP session, has at a
// backend: of its requests, and perhaps of its connections.
//
// Owner: who was given it, on the thread of its line; a waiter that was handed one, until it
// resumes. Dropping it gives the places back and calls the next waiter to look for room.
#pragma once

#include <cstdint>
#include <utility>

namespace weir {

class Backend;
class ClusterQueue;
using BackendIndex = uint32_t;

class Reservation {
 public:
  Reservation() = default;
  // Takes over places that were taken: one of the requests, and one of the connections if
  // `connection`.
  Reservation(ClusterQueue& line, Backend& backend, bool connection)
      : line_(&line), backend_(&backend), connection_(connection) {}
  Reservation(Reservation&& other) noexcept { swap(other); }
  Reservation& operator=(Reservation&& other) noexcept {
    Reservation(std::move(other)).swap(*this);
    return *this;
  }
  ~Reservation() {
    if (backend_ != nullptr) give_back();
  }

  explicit operator bool() const { return backend_ != nullptr; }
  const Backend* backend() const { return backend_; }
  // The place for a connection, if there is one, is the caller's now.
  [[nodiscard]] bool take_connection() { return std::exchange(connection_, false); }
  // Gives the place among the requests back. The caller serves waiters.
  void release();

 private:
  void swap(Reservation& other) {
    std::swap(line_, other.line_);
    std::swap(backend_, other.backend_);
    std::swap(connection_, other.connection_);
  }
  void give_back();

  ClusterQueue* line_ = nullptr;
  Backend* backend_ = nullptr;
  bool connection_ = false;
};

}  // namespace weir
