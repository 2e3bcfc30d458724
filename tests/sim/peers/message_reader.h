// MessageReader: the HTTP/1 parser of the simulation's peers: short, strict, and independent of
// proxy/http.
//
// Usage: feed() the input, then call next() until it returns `more`. After `bad` the connection
// must not be used.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "network/byte_queue.h"

namespace weir::sim {

enum class Framing : uint8_t { none, length, chunked, until_close };

struct MessageHead {
  std::string first_line;
  std::map<std::string, std::string> fields;  // names in lower case; repeated ones are joined
  std::string field(const std::string& name) const;
  uint64_t number(const std::string& name) const;  // 0: there is none
  std::string word(size_t i) const;                // of the first line
  bool old() const { return first_line.find("HTTP/1.0") != std::string::npos; }
};

class MessageReader {
 public:
  enum class Event : uint8_t { more, head, data, end, bad };

  explicit MessageReader(bool responses) : responses_(responses) {}
  void feed(std::string_view bytes) { input_.push(bytes); }
  void end_of_input() { ended_ = true; }
  Event next();
  // After `head`: no body follows, whatever the head announces, as in a response to HEAD.
  void no_body() { framing_ = Framing::none; }
  // After `head`: the following bytes are not HTTP.
  std::string take_rest();

  const MessageHead& head() const { return head_; }
  const std::string& data() const { return data_; }          // of `data`
  const std::string& trailers() const { return trailers_; }  // of `end`
  const std::string& fault() const { return fault_; }        // of `bad`
  Framing framing() const { return framing_; }
  bool in_message() const { return part_ != Part::head || !input_.empty(); }
  bool at_message_start() const { return part_ == Part::head && input_.empty(); }

 private:
  enum class Part : uint8_t { head, body, size, chunk, chunk_end, trailers };

  Event read_head();
  Event read_body();
  Event read_data(Part then);
  Event read_size();
  Event read_trailers();
  Event end();
  Event bad(std::string_view what, std::string_view where);
  bool parse_head(std::string_view text);
  bool take_line(std::string& line);

  const bool responses_;
  ByteQueue input_;
  bool ended_ = false;
  Part part_ = Part::head;
  Framing framing_ = Framing::none;
  uint64_t left_ = 0;  // of the body or the chunk
  MessageHead head_;
  std::string data_, trailers_, fault_;
};

}  // namespace weir::sim
