#include "admin/gzip.h"

#include <zlib.h>

#include "base/check.h"

namespace weir {
namespace {

constexpr int kGzipFormat = 16;  // zlib: added to the window bits, selects the gzip wrapper
constexpr int kMemoryLevel = 8;

}  // namespace

std::string gzip(std::string_view text) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, kGzipLevel, Z_DEFLATED, MAX_WBITS + kGzipFormat, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, uLong(text.size())), '\0');
  // zlib does not write to its input; its C interface has no const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = uInt(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);  // deflateBound() leaves room for all of it
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace weir
