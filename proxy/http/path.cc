#include "http/path.h"

#include "base/percent.h"

namespace weir {
namespace {

bool is_parameter(unsigned char byte) {
  return byte == ';';
}

// The length of the segment at the start of `text`, and of the separator after it.
struct Cut {
  size_t segment, separator;
};
Cut cut(std::string_view text, const PathReading& how) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') return {i, 1};
    if (text[i] == '\\' && how.backslashes) return {i, 1};
    if (text[i] != '%' || !(how.slashes || how.backslashes)) continue;
    const unsigned char byte = first_byte(text.substr(i)).byte;
    if ((byte == '/' && how.slashes) || (byte == '\\' && how.backslashes)) return {i, 3};
  }
  return {text.size(), 0};
}

std::string_view without_parameters(std::string_view segment) {
  for (size_t i = 0; i < segment.size(); ++i)
    if (is_parameter(first_byte(segment.substr(i)).byte)) return segment.substr(0, i);
  return segment;
}

// 1 for ".", 2 for "..", however they are encoded; 0 for anything else.
int dot_segment(std::string_view segment) {
  int dots = 0;
  while (!segment.empty()) {
    const EncodedByte next = first_byte(segment);
    if (next.byte != '.' || ++dots > 2) return 0;
    segment.remove_prefix(next.size);
  }
  return dots;
}

// A dot segment only for servers that decode encoded slashes or remove parameters.
bool has_hidden_dot_segment(std::string_view segment) {
  constexpr PathReading kAll{.slashes = true, .backslashes = true};
  if (dot_segment(segment) != 0) return false;
  for (;;) {
    const Cut next = cut(segment, kAll);
    if (dot_segment(without_parameters(segment.substr(0, next.segment))) != 0) return true;
    if (next.separator == 0) return false;
    segment.remove_prefix(next.segment + next.separator);
  }
}

Fault check_encodings(std::string_view raw, bool reject) {
  for (size_t i = 0; i < raw.size(); ++i) {
    if (reject && raw[i] == '\\') return {400, "a backslash in the path"};
    if (raw[i] != '%') continue;
    const EncodedByte next = first_byte(raw.substr(i));
    if (next.size != 3) return {400, "a percent sign in the path without two hexadecimal digits"};
    if (next.byte == 0) return {400, "an encoded NUL in the path"};
    if (reject && (next.byte == '/' || next.byte == '\\'))
      return {400, "an encoded slash in the path"};
    i += 2;
  }
  return {};
}

// Builds the path, segment after segment. Invariant: the text is empty or begins with '/'.
class PathBuilder {
 public:
  PathBuilder(const PathReading& how, std::span<char> memory) : how_(how), memory_(memory) {}

  bool add(std::string_view segment, bool last) {
    const std::string_view kept = how_.parameters ? without_parameters(segment) : segment;
    if (kept.size() != segment.size()) result_.changed = true;
    const int dots = how_.dots ? dot_segment(kept) : 0;
    if (kept.empty() && !last && how_.merge) return result_.merged = result_.changed = true;
    if (dots == 0) return append(kept);
    result_.changed = true;
    ++result_.dots;
    if (dots == 2) {
      if (size_ == 0) return fail({400, "the path goes above its root"});
      size_ = std::string_view(memory_.data(), size_).rfind('/');
    }
    return last ? append({}) : true;
  }
  void separator(size_t size, char first) {
    if (size == 3 || first == '\\') result_.changed = true;
  }
  PathText result() {
    result_.path = {memory_.data(), size_};
    return result_;
  }

 private:
  bool append(std::string_view segment) {
    if (segment.size() >= memory_.size() - size_) return fail({414, "the path is too long"});
    memory_[size_++] = '/';
    size_ += write_spelled(segment, memory_.data() + size_);
    return true;
  }
  bool fail(Fault fault) {
    result_.fault = fault;
    return false;
  }

  const PathReading& how_;
  std::span<char> memory_;
  size_t size_ = 0;
  PathText result_;
};

}  // namespace

PathReading demanded(const PathRules& rules) {
  return {.dots = rules.dot_segments == DotSegments::normalize,
          .merge = rules.double_slashes == DoubleSlashes::merge,
          .slashes = rules.encoded_slashes == EncodedSlashes::decode};
}

PathReading normal(const PathRules& rules) {
  return {.dots = rules.dot_segments != DotSegments::keep,
          .merge = rules.double_slashes != DoubleSlashes::keep,
          .slashes = rules.encoded_slashes == EncodedSlashes::decode};
}

bool is_plain(std::string_view raw) {
  char previous = 0;
  for (char c : raw) {
    if (c == '%' || c == '\\' || c == ';') return false;
    if (previous == '/' && (c == '/' || c == '.')) return false;
    previous = c;
  }
  return true;
}

Fault check_path(std::string_view raw, const PathRules& rules) {
  if (raw.empty() || raw.front() != '/') return {400, "the path does not begin with a slash"};
  if (Fault fault = check_encodings(raw, rules.encoded_slashes == EncodedSlashes::reject))
    return fault;
  const bool kept = rules.dot_segments == DotSegments::keep;
  if (kept || (rules.dot_segments == DotSegments::automatic &&
               rules.encoded_slashes != EncodedSlashes::keep))
    return {};
  for (std::string_view rest = raw.substr(1);;) {
    const Cut next = cut(rest, demanded(rules));
    const std::string_view segment = rest.substr(0, next.segment);
    if (has_hidden_dot_segment(segment)) return {400, "a disguised dot segment in the path"};
    if (rules.dot_segments == DotSegments::reject && dot_segment(segment) != 0)
      return {400, "a dot segment in the path"};
    if (next.separator == 0) return {};
    rest.remove_prefix(next.segment + next.separator);
  }
}

PathText read_path(std::string_view raw, const PathReading& how, std::span<char> memory) {
  PathBuilder builder(how, memory);
  for (std::string_view rest = raw.substr(1);;) {
    const Cut next = cut(rest, how);
    const bool last = next.separator == 0;
    if (!builder.add(rest.substr(0, next.segment), last) || last) return builder.result();
    builder.separator(next.separator, rest[next.segment]);
    rest.remove_prefix(next.segment + next.separator);
  }
}

bool goes_above_root(std::string_view raw, const PathReading& how) {
  size_t depth = 0;
  for (std::string_view rest = raw.substr(raw.empty() ? 0 : 1);;) {
    const Cut next = cut(rest, how);
    std::string_view segment = rest.substr(0, next.segment);
    if (how.parameters) segment = without_parameters(segment);
    const int dots = dot_segment(segment);
    if (dots == 2 && depth-- == 0) return true;
    if (dots == 0 && !(segment.empty() && how.merge)) ++depth;
    if (next.separator == 0) return false;
    rest.remove_prefix(next.segment + next.separator);
  }
}

}  // namespace weir
