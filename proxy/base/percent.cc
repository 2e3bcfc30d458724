#include "base/percent.h"

namespace weir {

bool is_encoded(std::string_view text) {
  for (size_t i = text.find('%'); i != std::string_view::npos; i = text.find('%', i + 3)) {
    if (first_byte(text.substr(i)).size != 3) return false;
  }
  return true;
}

size_t write_spelled(std::string_view text, char* out) {
  char* end = out;
  while (!text.empty()) {
    const EncodedByte next = first_byte(text);
    if (next.size == 1 || is_unreserved(next.byte)) {
      *end++ = static_cast<char>(next.byte);
    } else {
      *end++ = '%';
      *end++ = ascii_upper(text[1]);
      *end++ = ascii_upper(text[2]);
    }
    text.remove_prefix(next.size);
  }
  return static_cast<size_t>(end - out);
}

std::string spelled(std::string_view text) {
  std::string result(text.size(), '\0');
  result.resize(write_spelled(text, result.data()));
  return result;
}

bool is_spelled_as(std::string_view sent, std::string_view spelling) {
  if (sent.size() != spelling.size()) return false;
  for (size_t i = 0; i < sent.size(); ++i) {
    if (sent[i] == spelling[i]) continue;
    const bool digit = (i > 0 && spelling[i - 1] == '%') || (i > 1 && spelling[i - 2] == '%');
    if (!digit || ascii_upper(sent[i]) != spelling[i]) return false;
  }
  return true;
}

}  // namespace weir
