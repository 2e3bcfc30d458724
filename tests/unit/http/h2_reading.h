// Header blocks made of any fields, valid or not, and the heads that the readers of HTTP/2 make of
// them. A block is decoded by a new connection, with memory of exactly the size that the reader
// asks for.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "http/h2_head.h"

namespace weir {

using H2Header = std::vector<std::pair<std::string, std::string>>;

inline H2Header operator+(H2Header a, const H2Header& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline H2Header without(const H2Header& fields, std::string_view name) {
  H2Header rest;
  for (const auto& field : fields) {
    if (field.first != name) rest.push_back(field);
  }
  return rest;
}

// RFC 7541 5.2, without Huffman code.
inline std::string h2_string(std::string_view text) {
  std::string bytes;
  if (text.size() < 127) {
    bytes += char(text.size());
  } else {
    bytes += '\x7f';
    size_t rest = text.size() - 127;
    for (; rest >= 128; rest >>= 7) bytes += char(0x80 | (rest & 0x7f));
    bytes += char(rest);
  }
  return bytes.append(text);
}
// RFC 7541 6.2.2, or 6.2.3 for names that begin with '!', which is taken off.
inline std::string h2_block(const H2Header& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    const bool never = name.starts_with('!');
    block += never ? '\x10' : '\0';
    block += h2_string(std::string_view(name).substr(never ? 1 : 0)) + h2_string(value);
  }
  return block;
}

// "" for no fault, "stream", or the status of the answer.
inline std::string h2_verdict(const H2HeadFault& fault) {
  switch (fault.kind) {
    case H2HeadFault::Kind::none: return "";
    case H2HeadFault::Kind::answer: return std::to_string(fault.fault.status);
    case H2HeadFault::Kind::stream: return "stream";
  }
  return "?";
}

class H2RequestReading {
 public:
  explicit H2RequestReading(const H2Header& fields, bool end_stream = true, HeadLimits limits = {})
      : memory_(2 * limits.head, '?') {
    const std::string block = h2_block(fields);
    H2RequestReader reader;
    reader.begin(head, memory_, limits);
    HpackDecoder decoder;
    const HpackOutcome outcome = decoder.decode(block, reader.texts(), limits.head, reader);
    fault = reader.finish(outcome, end_stream);
    verdict = h2_verdict(fault);
    // As the caller does with a head that stays.
    EXPECT_LE(reader.size(), memory_.size());
    memory_.resize(reader.size());
    memory_.shrink_to_fit();
    head.move_to(memory_.data());
  }

  RequestHead head;
  H2HeadFault fault;
  std::string verdict;

 private:
  std::vector<char> memory_;
};

class H2ResponseReading {
 public:
  explicit H2ResponseReading(const H2Header& fields, bool end_stream = false,
                             AnswerTo request = AnswerTo::other, HeadLimits limits = {})
      : memory_(limits.head, '?') {
    const std::string block = h2_block(fields);
    H2ResponseReader reader;
    reader.begin(head, memory_, limits, request);
    HpackDecoder decoder;
    fault = reader.finish(decoder.decode(block, memory_, limits.head, reader), end_stream);
    memory_.resize(reader.size());
    memory_.shrink_to_fit();
    head.move_to(memory_.data());
  }

  ResponseHead head;
  H2HeadFault fault;

 private:
  std::vector<char> memory_;
};

}  // namespace weir
