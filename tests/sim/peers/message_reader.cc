#include "peers/message_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace weir::sim {
namespace {

constexpr size_t kLongestHead = 65536;

bool parse(std::string_view text, int base, uint64_t& value) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value, base);
  return error == std::errc() && at == end;
}

}  // namespace

std::string MessageHead::field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

uint64_t MessageHead::number(const std::string& name) const {
  uint64_t value = 0;
  return parse(field(name), 10, value) ? value : 0;
}

std::string MessageHead::word(size_t i) const {
  std::string_view rest = first_line;
  for (; i > 0; --i) rest.remove_prefix(std::min(rest.size(), rest.find(' ')) + 1);
  return std::string(rest.substr(0, rest.find(' ')));
}

MessageReader::Event MessageReader::next() {
  switch (part_) {
    case Part::head: return read_head();
    case Part::body: return read_body();
    case Part::size: return read_size();
    case Part::chunk: return read_data(Part::chunk_end);
    case Part::chunk_end: {
      std::string line;
      if (!take_line(line)) return Event::more;
      if (!line.empty()) return bad("more than the chunk", line);
      part_ = Part::size;
      return read_size();
    }
    case Part::trailers: return read_trailers();
  }
  return Event::bad;
}

std::string MessageReader::take_rest() {
  std::string rest(input_.view());
  input_.clear();
  part_ = Part::head;
  return rest;
}

MessageReader::Event MessageReader::read_head() {
  if (input_.empty()) return Event::more;
  const std::string_view view = input_.view();
  const size_t end = view.find("\r\n\r\n");
  if (end == std::string_view::npos)
    return view.size() > kLongestHead ? bad("a head without end", view.substr(0, 40)) : Event::more;
  if (!parse_head(view.substr(0, end + 2))) return bad("not a head", view.substr(0, 60));
  input_.pop(end + 4);
  part_ = Part::body;
  return Event::head;
}

bool MessageReader::parse_head(std::string_view text) {
  head_ = {};
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(line.size() + 2);
    if (head_.first_line.empty()) {
      head_.first_line = line;
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon + 2 > line.size() || line[colon + 1] != ' ')
      return false;
    std::string name(line.substr(0, colon));
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    std::string& value = head_.fields[name];
    if (!value.empty()) value += ", ";
    value += line.substr(colon + 2);
  }
  const std::string coding = head_.field("transfer-encoding");
  const std::string length = head_.field("content-length");
  if (!coding.empty() && (coding != "chunked" || !length.empty())) return false;
  if (!length.empty() && !parse(length, 10, left_)) return false;
  framing_ = !coding.empty()   ? Framing::chunked
             : !length.empty() ? Framing::length
             : responses_      ? Framing::until_close
                               : Framing::none;
  if (!responses_) return true;
  if (!head_.first_line.starts_with("HTTP/1.")) return false;
  const std::string status = head_.word(1);
  if (status.starts_with('1') || status == "204" || status == "304") no_body();
  return true;
}

MessageReader::Event MessageReader::read_body() {
  switch (framing_) {
    case Framing::none: return end();
    case Framing::length: return left_ == 0 ? end() : read_data(Part::body);
    case Framing::chunked: part_ = Part::size; return read_size();
    case Framing::until_close:
      if (input_.empty()) return ended_ ? end() : Event::more;
      left_ = input_.size();
      return read_data(Part::body);
  }
  return Event::bad;
}

MessageReader::Event MessageReader::read_data(Part then) {
  const auto size = static_cast<size_t>(std::min<uint64_t>(left_, input_.size()));
  if (size == 0) return Event::more;
  data_ = input_.view().substr(0, size);
  input_.pop(size);
  left_ -= size;
  if (left_ == 0) part_ = then;
  return Event::data;
}

MessageReader::Event MessageReader::read_size() {
  std::string line;
  if (!take_line(line)) return Event::more;
  if (!parse(line, 16, left_)) return bad("not the size of a chunk", line);
  trailers_.clear();
  part_ = left_ == 0 ? Part::trailers : Part::chunk;
  return next();
}

MessageReader::Event MessageReader::read_trailers() {
  std::string line;
  while (take_line(line)) {
    if (line.empty()) return end();
    trailers_ += line + "\r\n";
  }
  return Event::more;
}

MessageReader::Event MessageReader::end() {
  part_ = Part::head;
  return Event::end;
}

MessageReader::Event MessageReader::bad(std::string_view what, std::string_view where) {
  fault_ = fmt::format("{}: '{}'", what, where.substr(0, 60));
  return Event::bad;
}

bool MessageReader::take_line(std::string& line) {
  const std::string_view view = input_.view();
  const size_t end = view.find("\r\n");
  if (end == std::string_view::npos) return false;
  line = view.substr(0, end);
  input_.pop(end + 2);
  return true;
}

}  // namespace weir::sim
