#include "http/scan.h"

#include <algorithm>

#include "http/chars.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

size_t find_not_field_text_scalar(std::string_view text, size_t from) {
  while (from < text.size() && is(kFieldText, text[from])) ++from;
  return from;
}

size_t find_not_target_text_scalar(std::string_view text, size_t from) {
  while (from < text.size() && is(kTargetText, text[from])) ++from;
  return from;
}

#if defined(__SSE2__)
namespace {

constexpr size_t kBlock = 16;

__m128i load(const char* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

// Below SP but for HTAB, and DEL.
unsigned not_field_text(__m128i block) {
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
  const __m128i tab = _mm_cmpeq_epi8(block, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f));
  return unsigned(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del)));
}

// Up to SP, from 0x80 on (negative here), DEL and '#'.
unsigned not_target_text(__m128i block) {
  const __m128i low = _mm_cmplt_epi8(block, _mm_set1_epi8(0x21));
  const __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f));
  const __m128i hash = _mm_cmpeq_epi8(block, _mm_set1_epi8('#'));
  return unsigned(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, del), hash)));
}

// `found` returns a bit for each byte of a block that ends the scan; `scalar` is for short texts.
template <unsigned (*found)(__m128i), size_t (*scalar)(std::string_view, size_t)>
size_t scan(std::string_view text, size_t from) {
  for (; from + kBlock <= text.size(); from += kBlock) {
    const unsigned bits = found(load(text.data() + from));
    if (bits != 0) return from + unsigned(__builtin_ctz(bits));
  }
  if (text.size() < kBlock || from == text.size()) return scalar(text, from);
  // The last block overlaps bytes that were scanned already; the shift removes their bits.
  const size_t begin = text.size() - kBlock;
  const unsigned bits = found(load(text.data() + begin)) >> (from - begin);
  return bits != 0 ? from + unsigned(__builtin_ctz(bits)) : text.size();
}

}  // namespace

size_t find_not_field_text(std::string_view text, size_t from) {
  return scan<not_field_text, find_not_field_text_scalar>(text, from);
}

size_t find_not_target_text(std::string_view text, size_t from) {
  return scan<not_target_text, find_not_target_text_scalar>(text, from);
}

size_t find_colon(std::string_view text) {
  size_t from = 0;
  for (; from + kBlock <= text.size(); from += kBlock) {
    const __m128i colons = _mm_cmpeq_epi8(load(text.data() + from), _mm_set1_epi8(':'));
    const unsigned bits = unsigned(_mm_movemask_epi8(colons));
    if (bits != 0) return from + unsigned(__builtin_ctz(bits));
  }
  while (from < text.size() && text[from] != ':') ++from;
  return from;
}
#else
size_t find_not_field_text(std::string_view text, size_t from) {
  return find_not_field_text_scalar(text, from);
}

size_t find_not_target_text(std::string_view text, size_t from) {
  return find_not_target_text_scalar(text, from);
}

size_t find_colon(std::string_view text) {
  return std::min(text.find(':'), text.size());
}
#endif

}  // namespace weir
