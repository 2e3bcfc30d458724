#include "http/scan.h"

#include "http/chars.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

size_t find_not_field_text_scalar(std::string_view text, size_t from) {
  while (from < text.size() && is(kFieldText, text[from])) ++from;
  return from;
}

#if defined(__SSE2__)
namespace {

constexpr size_t kBlock = 16;

// A bit for each of the 16 bytes that is not field text: below SP but for HTAB, and DEL.
unsigned forbidden_in(const char* bytes) {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
  const __m128i tab = _mm_cmpeq_epi8(block, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f));
  return unsigned(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del)));
}

}  // namespace

size_t find_not_field_text(std::string_view text, size_t from) {
  for (; from + kBlock <= text.size(); from += kBlock) {
    const unsigned found = forbidden_in(text.data() + from);
    if (found != 0) return from + unsigned(__builtin_ctz(found));
  }
  if (text.size() < kBlock || from == text.size()) return find_not_field_text_scalar(text, from);
  // The last block overlaps what was looked at already; the mask leaves that out.
  const size_t begin = text.size() - kBlock;
  const unsigned found = forbidden_in(text.data() + begin) >> (from - begin);
  return found != 0 ? from + unsigned(__builtin_ctz(found)) : text.size();
}
#else
size_t find_not_field_text(std::string_view text, size_t from) {
  return find_not_field_text_scalar(text, from);
}
#endif

}  // namespace weir
