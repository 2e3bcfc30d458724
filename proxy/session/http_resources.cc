#include "session/http_resources.h"

#include <algorithm>
#include <new>

#include "session/exchange.h"

namespace weir {

HttpResources::HttpResources(PipeResources& pipes, uint64_t seed)
    : pipes_(pipes), random_(seed), memory_(sizeof(Exchange)) {}

HttpResources::~HttpResources() {
  for (Exchange* exchange : free_) exchange->~Exchange();
}

Exchange& HttpResources::lend() {
  most_lent_ = std::max(most_lent_, ++lent_);
  if (free_.empty()) return *new (memory_.take()) Exchange(*this);
  Exchange* exchange = free_.back();
  free_.pop_back();
  return *exchange;
}

void HttpResources::take_back(Exchange& exchange) {
  // Its own frames may still be on the stack: it is kept, and freed between two turns at the
  // earliest.
  --lent_;
  free_.push_back(&exchange);
  if (!pending()) pipes_.loop.deadlines().set(*this, pipes_.loop.now() + kUnneeded);
}

// As many stay as were in use at once since the last look.
void HttpResources::on_deadline() {
  for (const size_t kept = most_lent_ - lent_; free_.size() > kept; free_.pop_back()) {
    free_.back()->~Exchange();
    memory_.give_back(free_.back());
  }
  memory_.trim(0);
  most_lent_ = lent_;
  if (!free_.empty()) pipes_.loop.deadlines().set(*this, pipes_.loop.now() + kUnneeded);
}

std::span<char> HttpResources::scratch(size_t begin, size_t size) {
  if (scratch_ == nullptr) scratch_.reset(new char[2 * kScratch + kTargetScratch]);
  return {scratch_.get() + begin, size};
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
