#include "peers/ledger.h"

#include <algorithm>

namespace weir::sim {
namespace {

uint64_t word_of(Stream stream, uint32_t number, uint64_t place) {
  return mix((uint64_t{number} << 34) ^ (uint64_t(stream) << 32) ^ place);
}

}  // namespace

const char* Request::text(Outcome outcome) {
  constexpr const char* kOutcomes[] = {"unsent",  "answered",  "own answer", "cut",
                                       "nothing", "abandoned", "misled"};
  return kOutcomes[static_cast<size_t>(outcome)];
}

bool Request::may_be_answered_by_weir(unsigned with) const {
  constexpr unsigned kStatuses[] = {400, 408, 413, 431, 502, 503, 504};
  return (fixed && with == 200) || std::count(std::begin(kStatuses), std::end(kStatuses), with) > 0;
}

Request& Ledger::add_request() {
  requests_.push_back(std::make_unique<Request>());
  requests_.back()->number = static_cast<uint32_t>(requests_.size());
  return *requests_.back();
}

Answer& Ledger::add_answer(const Request& request) {
  answers_.push_back(std::make_unique<Answer>());
  answers_.back()->number = static_cast<uint32_t>(answers_.size());
  answers_.back()->request = request.number;
  answers_.back()->to_head = request.method == "HEAD";
  return *answers_.back();
}

std::string stream_bytes(Stream stream, uint32_t number, uint64_t from, uint64_t size) {
  std::string bytes(size, 0);
  uint64_t word = 0;
  for (uint64_t i = 0; i < size; ++i) {
    const uint64_t at = from + i;
    if (i == 0 || (at & 7) == 0) word = word_of(stream, number, at >> 3);
    bytes[i] = static_cast<char>(word >> (8 * (at & 7)));
  }
  return bytes;
}

bool StreamReader::take(std::string_view bytes) {
  const bool right = bytes == stream_bytes(stream_, number_, position_, bytes.size());
  position_ += bytes.size();
  return right || std::exchange(wrong_, true);
}

}  // namespace weir::sim
