#include "exchange/http_resources.h"

namespace weir {

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
