#include "exchange/http_resources.h"

#include <new>

#include "exchange/exchange.h"

namespace weir {

HttpResources::HttpResources(PipeResources& pipes, uint64_t seed)
    : Spares(pipes.loop), pipes_(pipes), random_(seed), memory_(sizeof(Exchange)) {}

HttpResources::~HttpResources() {
  for (Exchange* exchange : free_) exchange->~Exchange();
}

Exchange& HttpResources::lend() {
  note_lent();
  if (free_.empty()) return *new (memory_.take()) Exchange(*this);
  Exchange* exchange = free_.back();
  free_.pop_back();
  return *exchange;
}

void HttpResources::take_back(Exchange& exchange) {
  // Its own frames may still be on the stack: it is kept, and freed between two turns at the
  // earliest.
  free_.push_back(&exchange);
  note_taken_back();
}

size_t HttpResources::keep_spares(size_t most) {
  for (; free_.size() > most; free_.pop_back()) {
    free_.back()->~Exchange();
    memory_.give_back(free_.back());
  }
  memory_.trim(0);
  return free_.size();
}

void HttpResources::resize_scratch(size_t size) {
  scratch_size_ = size;
  scratch_.reset(new char[3 * scratch_part()]);
}

std::string_view HttpResources::date() {
  const TimePoint now = pipes_.loop.now();
  if (now >= date_until_) {
    format_http_date(std::time(nullptr), date_text_);
    date_until_ = now + 500ms;
  }
  return {date_text_.data(), kHttpDateSize};
}

}  // namespace weir
