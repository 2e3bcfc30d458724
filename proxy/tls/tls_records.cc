#include "tls/tls_records.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "os/sys.h"

namespace weir {

std::unique_ptr<TlsRecords> TlsRecords::rest_of(TlsRecords* other, std::span<const char> more) {
  const size_t size = other != nullptr ? other->size() : 0;
  std::unique_ptr<TlsRecords> rest(new TlsRecords(size + more.size()));
  if (other != nullptr) {
    rest->add(other->memory_.get() + other->begin_, size);
    for (size_t i = other->first_; i < other->count_; ++i)
      rest->records_[rest->count_++] = {
          static_cast<uint32_t>(other->records_[i].end - other->begin_),
          other->records_[i].carried};
    other->clear();
  }
  if (!more.empty()) rest->add(more.data(), more.size());
  return rest;
}

bool TlsRecords::add(const char* bytes, size_t size) {
  if (size > capacity_ - end_) return false;
  std::memcpy(memory_.get() + end_, bytes, size);
  end_ += size;
  return true;
}

void TlsRecords::complete(size_t carried) {
  DCHECK(count_ < kMost);
  records_[count_++] = {static_cast<uint32_t>(end_), static_cast<uint32_t>(carried)};
}

ssize_t TlsRecords::send(int fd) {
  const ssize_t sent = sys::send(fd, memory_.get() + begin_, end_ - begin_);
  if (sent < 0) return -1;
  begin_ += static_cast<size_t>(sent);
  ssize_t carried = 0;
  for (; first_ < count_ && records_[first_].end <= begin_; ++first_)
    carried += records_[first_].carried;
  if (empty()) clear();
  return carried;
}

}  // namespace weir
