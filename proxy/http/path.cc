#include "http/path.h"

#include <cstring>

namespace weir {
namespace {

unsigned hex_value(char c) {
  return is(kDigit, c) ? unsigned(c - '0') : unsigned(ascii_lower(c) - 'a') + 10;
}

// Most paths need no look at their segments: nothing encoded, no dot after a slash, no "//".
bool is_plain(std::string_view raw) {
  char previous = 0;
  for (char c : raw) {
    if (c == '%' || c == '\\' || (previous == '/' && (c == '/' || c == '.'))) return false;
    previous = c;
  }
  return true;
}

Fault check_encodings(std::string_view raw, EncodedSlashes slashes) {
  const bool reject = slashes == EncodedSlashes::reject;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (reject && raw[i] == '\\') return {400, "a backslash in the path"};
    if (raw[i] != '%') continue;
    if (raw.size() - i < 3 || !is(kHex, raw[i + 1]) || !is(kHex, raw[i + 2]))
      return {400, "a percent sign in the path without two hexadecimal digits"};
    const unsigned byte = hex_value(raw[i + 1]) << 4 | hex_value(raw[i + 2]);
    if (byte == 0) return {400, "an encoded NUL in the path"};
    if (reject && (byte == '/' || byte == '\\')) return {400, "an encoded slash in the path"};
    i += 2;
  }
  return {};
}

// The byte at the start of `text`, decoded when it is a percent-encoding; encodings are valid here.
struct Decoded {
  char byte;
  size_t size;
};
Decoded first_of(std::string_view text) {
  if (text[0] != '%') return {text[0], 1};
  return {char(hex_value(text[1]) << 4 | hex_value(text[2])), 3};
}

enum class Segment : uint8_t { other, dot, dot_dot, disguised };

// What servers may take a segment for, whose encoded slashes and parameters they may look into.
Segment classify(std::string_view segment) {
  size_t dots = 0;
  bool only_dots = true, whole = true;
  while (!segment.empty()) {
    const Decoded next = first_of(segment);
    segment.remove_prefix(next.size);
    const bool slash = next.byte == '/' || next.byte == '\\';
    if (slash || next.byte == ';') {
      if (only_dots && (dots == 1 || dots == 2)) return Segment::disguised;
      whole = false;
      only_dots = slash;  // a parameter lasts until the next slash
      dots = 0;
    } else if (next.byte == '.') {
      ++dots;
    } else {
      only_dots = false;
    }
  }
  if (!only_dots || dots == 0 || dots > 2) return Segment::other;
  if (!whole) return Segment::disguised;
  return dots == 1 ? Segment::dot : Segment::dot_dot;
}

// Builds the path, segment after segment. Invariant: the text is empty or begins with '/'.
class PathBuilder {
 public:
  PathBuilder(const PathRules& rules, std::span<char> memory) : rules_(rules), memory_(memory) {}

  Fault add(std::string_view segment, bool last) {
    if (segment.empty() && !last && rules_.double_slashes == DoubleSlashes::merge) return {};
    if (rules_.dot_segments == DotSegments::keep) return append(segment);
    switch (classify(segment)) {
      case Segment::other: return append(segment);
      case Segment::disguised: return {400, "a disguised dot segment in the path"};
      case Segment::dot:
      case Segment::dot_dot: break;
    }
    if (rules_.dot_segments == DotSegments::reject) return {400, "a dot segment in the path"};
    if (classify(segment) == Segment::dot_dot) {
      if (size_ == 0) return {400, "the path goes above its root"};
      size_ = text().rfind('/');
    }
    return last ? append({}) : Fault{};
  }
  std::string_view text() const { return {memory_.data(), size_}; }

 private:
  Fault append(std::string_view segment) {
    if (segment.size() >= memory_.size() - size_) return {414, "the path is too long"};
    memory_[size_++] = '/';
    if (!segment.empty()) std::memcpy(memory_.data() + size_, segment.data(), segment.size());
    size_ += segment.size();
    return {};
  }

  const PathRules& rules_;
  std::span<char> memory_;
  size_t size_ = 0;
};

// The length of the segment at the start of `text`, and of the slash after it.
struct Cut {
  size_t segment, slash;
};
Cut cut(std::string_view text, bool decode) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') return {i, 1};
    if (decode && text[i] == '%' && first_of(text.substr(i)).byte == '/') return {i, 3};
  }
  return {text.size(), 0};
}

}  // namespace

NormalPath normalize_path(std::string_view raw, const PathRules& rules, std::span<char> memory) {
  if (raw.empty() || raw.front() != '/')
    return {raw, {400, "the path does not begin with a slash"}};
  if (is_plain(raw)) return {raw, {}};
  if (Fault fault = check_encodings(raw, rules.encoded_slashes)) return {raw, fault};
  PathBuilder builder(rules, memory);
  const bool decode = rules.encoded_slashes == EncodedSlashes::decode;
  std::string_view rest = raw.substr(1);
  for (;;) {
    const Cut next = cut(rest, decode);
    const bool last = next.slash == 0;
    if (Fault fault = builder.add(rest.substr(0, next.segment), last)) return {raw, fault};
    if (last) break;
    rest.remove_prefix(next.segment + next.slash);
  }
  return {builder.text() == raw ? raw : builder.text(), {}};
}

}  // namespace weir
