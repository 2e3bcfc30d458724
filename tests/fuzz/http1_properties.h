// Properties of every input of the HTTP/1 layer; shared by the fuzz targets.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "http/h1_relay.h"
#include "http/scan.h"
#include "http/semantics.h"

namespace weir::fuzz {

// The scan in blocks has the result of the scan byte by byte, from every start.
inline void check_scan(std::string_view input) {
  for (size_t from = 0; from <= input.size(); from += 1 + from / 8) {
    CHECK(find_not_field_text(input, from) == find_not_field_text_scalar(input, from));
    CHECK(find_not_target_text(input, from) == find_not_target_text_scalar(input, from));
  }
  CHECK(find_colon(input) == std::min(input.find(':'), input.size()));
}

// A transcript of `input` does not depend on how it is cut: whole, in two at a place that the input
// chooses, in small pieces.
template <class Make>
void check_splits(std::string_view input, Make make) {
  auto whole = make();
  whole.feed(input);
  const size_t seed = input.empty() ? 0 : size_t(static_cast<unsigned char>(input.back()));
  auto halves = make();
  const size_t at = input.empty() ? 0 : (seed * 131 + input.size() / 2) % input.size();
  halves.feed(input.substr(0, at));
  halves.feed(input.substr(at));
  CHECK(halves.text() == whole.text());
  if (input.size() > 2048) return;  // pieces cost their number times the whole
  auto pieces = make();
  const size_t step = 1 + seed % 3;
  for (size_t i = 0; i < input.size(); i += step) pieces.feed(input.substr(i, step));
  CHECK(pieces.text() == whole.text());
}

// Each written field is an unchanged received field, or one that weir writes itself.
inline void check_fields(const MessageHead& before, const MessageHead& after) {
  for (size_t i = 0; i < after.field_count(); ++i) {
    const FieldId id = after.field_id(i);
    if (has_flag(id, kWritten)) continue;
    CHECK(!has_flag(id, kHopByHop) && !is_alias(after.field_name(i)));
    bool found = false;
    for (size_t k = 0; !found && k < before.field_count(); ++k)
      found = before.field_name(k) == after.field_name(i) &&
              before.field_value(k) == after.field_value(i);
    CHECK(found);
  }
  for (FieldId id : {FieldId::cookie, FieldId::authorization, FieldId::x_forwarded_for})
    CHECK(before.has(id) == after.has(id) && before.find(id) == after.find(id));
}

}  // namespace weir::fuzz
