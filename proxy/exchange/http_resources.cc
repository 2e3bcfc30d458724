#include "exchange/http_resources.h"

namespace weir {

void HttpResources::resize_scratch(size_t size) {
  scratch_size_ = size;
  scratch_.reset(new char[3 * scratch_part()]);
}

std::string_view HttpResources::date() {
  const TimePoint now = pipes_.loop.now();
  if (now >= date_until_) {
    const std::time_t seconds = std::time(nullptr);
    format_http_date(seconds, date_text_);
    date_seconds_ = static_cast<uint32_t>(seconds);
    date_until_ = now + 500ms;
  }
  return {date_text_.data(), kHttpDateSize};
}

}  // namespace weir
