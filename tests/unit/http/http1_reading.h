// Reads an input whole, byte by byte and cut in two at every place, and insists on one outcome.
#pragma once

#include <gtest/gtest.h>

#include "support/http1_response_transcript.h"
#include "support/http1_transcript.h"

namespace weir {

inline Http1Transcript read_http1(std::string_view input, HeadLimits limits = {},
                                  uint64_t body_limit = 64 * 1024) {
  Http1Transcript whole(limits, body_limit);
  whole.feed(input);
  Http1Transcript bytewise(limits, body_limit);
  for (char c : input) bytewise.feed({&c, 1});
  EXPECT_EQ(bytewise.text(), whole.text()) << "byte by byte: " << input;
  size_t stride = 1 + input.size() / 512;  // for long inputs every place would take quadratic time
  for (size_t cut = 1; cut < input.size(); cut += stride) {
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
  size_t stride = 1 + input.size() / 512;
  for (size_t cut = 1; cut < input.size(); cut += stride) {
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
