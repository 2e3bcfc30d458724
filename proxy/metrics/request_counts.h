// RequestCounts: requests of one route by method and status. A cell like the others: plain numbers
// of one thread. A pair is made when it is first counted, so that a route has few series and not
// one for every possible status.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/labels.h"

namespace weir {

RequestMethod request_method(std::string_view method);

struct RequestCounts {
  struct Entry {
    RequestMethod method;
    uint16_t code;
    uint64_t value = 0;
  };
  static constexpr uint16_t kNoCode = 0;       // no response was sent
  static constexpr uint16_t kOtherCode = 600;  // not a status of HTTP

  // Clients and backends choose both: beyond this many pairs, a new pair counts under `other`.
  static constexpr size_t kMostPairs = 40;

  void add(RequestMethod method, unsigned status, uint64_t n = 1);
  uint64_t sum() const;
  RequestCounts& operator+=(const RequestCounts& other);
  static std::string code_text(uint16_t code);

  std::vector<Entry> entries;  // by method, then code

 private:
  std::vector<Entry>::iterator find(RequestMethod method, uint16_t code);
  uint64_t& value_of(RequestMethod method, uint16_t code);
};

}  // namespace weir
