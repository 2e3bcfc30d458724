// The bytes of a file; none if it cannot be read. Without std::istreambuf_iterator, which at -O0
// with sanitizers takes 20 ns for a byte.
#pragma once

#include <fstream>
#include <string>

namespace weir {

inline std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = in ? std::streamoff(in.tellg()) : 0;
  std::string text(size > 0 ? static_cast<size_t>(size) : 0, '\0');
  in.seekg(0);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

}  // namespace weir
