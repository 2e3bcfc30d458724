// Reads an input whole, byte by byte and cut in two, and insists on one outcome. A short input is
// cut at every place, a long one at every place near its ends and at some between: every place
// would take quadratic time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "support/http1_response_transcript.h"
#include "support/http1_transcript.h"

namespace weir {

inline size_t next_cut(size_t cut, size_t size) {
  constexpr size_t kNearAnEnd = 32;
  if (cut < kNearAnEnd || cut + kNearAnEnd >= size) return cut + 1;
  const size_t stride = size > 256 * 1024 ? size / 32 : 1 + size / 512;
  return std::min(cut + stride, size - kNearAnEnd);
}

inline Http1Transcript read_http1(std::string_view input, HeadLimits limits = {},
                                  uint64_t body_limit = 64 * 1024) {
  Http1Transcript whole(limits, body_limit);
  whole.feed(input);
  Http1Transcript bytewise(limits, body_limit);
  for (char c : input) bytewise.feed({&c, 1});
  EXPECT_EQ(bytewise.text(), whole.text()) << "byte by byte: " << input;
  for (size_t cut = 1; cut < input.size(); cut = next_cut(cut, input.size())) {
    Http1Transcript split(limits, body_limit);
    split.feed(input.substr(0, cut));
    split.feed(input.substr(cut));
    EXPECT_EQ(split.text(), whole.text()) << "cut at " << cut << ": " << input;
  }
  return whole;
}

// The same for the bytes of a backend, up to its FIN.
inline Http1ResponseTranscript read_responses(std::string_view input,
                                              std::string_view method = "GET",
                                              HeadLimits limits = {}) {
  Http1ResponseTranscript whole(method, limits);
  whole.feed(input);
  whole.end();
  Http1ResponseTranscript bytewise(method, limits);
  for (char c : input) bytewise.feed({&c, 1});
  bytewise.end();
  EXPECT_EQ(bytewise.text(), whole.text()) << "byte by byte: " << input;
  for (size_t cut = 1; cut < input.size(); cut = next_cut(cut, input.size())) {
    Http1ResponseTranscript split(method, limits);
    split.feed(input.substr(0, cut));
    split.feed(input.substr(cut));
    split.end();
    EXPECT_EQ(split.text(), whole.text()) << "cut at " << cut << ": " << input;
  }
  return whole;
}

inline unsigned status_of(std::string_view input) {
  return read_http1(input).status();
}

// A complete request with these lines after the request line.
inline std::string with_fields(std::string_view fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

}  // namespace weir
