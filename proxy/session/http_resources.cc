#include "session/http_resources.h"

#include "session/exchange.h"

namespace weir {

HttpResources::HttpResources(PipeResources& pipes, uint64_t seed) : pipes_(pipes), random_(seed) {}

HttpResources::~HttpResources() = default;

Exchange& HttpResources::lend() {
  if (free_.empty()) return *new Exchange(*this);
  Exchange* exchange = free_.back().release();
  free_.pop_back();
  return *exchange;
}

void HttpResources::take_back(Exchange& exchange) {
  // Its own frames may still be on the stack: it is kept for the next request, and freed in trim().
  free_.emplace_back(&exchange);
}

void HttpResources::trim() {
  if (free_.size() > kKept) free_.resize(kKept);
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
