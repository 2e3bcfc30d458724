#include "peers/wire.h"

#include "peers/wires.h"

namespace weir::sim {
namespace {

constexpr std::string_view kPartialRecord{"\x17\x03\x03\x01\x00half a reco", 16};
constexpr std::string_view kGarbage = "GET / HTTP/1.1\r\nHost: sim\r\n\r\n";

int fail_with(int error) {
  errno = error;
  return -1;
}

}  // namespace

Wire::Wire(Wires& wires, std::shared_ptr<Endpoint> endpoint, const TlsBehavior& behavior)
    : wires_(wires),
      endpoint_(std::move(endpoint)),
      behavior_(behavior),
      began_(wires.network_.now()),
      tls_(wires.make_tls(behavior)) {
  if (!tls_) return;
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  SSL_set_bio(tls_.get(), in_, out_);
}

bool Wire::step_handshake() {
  if (open() || endpoint_->connecting()) return open();
  const TimePoint now = wires_.network_.now();
  if (!tls_) return opened_at_ = now, true;
  if (behavior_.garbage && !silent_) send_garbage();
  while (!open() && error_ == 0) {
    clear_openssl_errors();
    const int result = silent_ ? -1 : SSL_do_handshake(tls_.get());
    const bool waits = silent_ || SSL_get_error(tls_.get(), result) == SSL_ERROR_WANT_READ;
    flush();
    if (silent_) (void)BIO_reset(in_);  // only the end of the input matters
    if (result == 1 && !silent_)
      opened_at_ = now;
    else if (!waits)
      fail(EPROTO);
    else if (!feed(4096))
      break;
  }
  return open();
}

void Wire::send_garbage() {
  silent_ = true;
  endpoint_->send_whole(kGarbage);
}

void Wire::fail(int error) {
  error_ = error;
  ended_at_ = std::min(ended_at_, wires_.network_.now());
}

// Passes received bytes to TLS. False: no bytes have arrived, or none will.
bool Wire::feed(size_t size) {
  char bytes[16384];
  const ssize_t n = endpoint_->recv(bytes, std::min(size, sizeof(bytes)));
  if (n > 0) return BIO_write(in_, bytes, static_cast<int>(n)) == n;
  if (n < 0 && errno == EAGAIN) return false;
  received_cut_ = n == 0 && endpoint_->fin_received();
  fail(n == 0 ? ECONNRESET : errno);
  return false;
}

bool Wire::flush() {
  char* bytes = nullptr;
  const auto size = static_cast<uint64_t>(BIO_get_mem_data(out_, &bytes));
  if (size == 0) return true;
  const uint64_t may = open() ? size : std::min(size, behavior_.silent_after - handshake_sent_);
  silent_ = silent_ || may < size;
  handshake_sent_ += open() ? 0 : may;
  const bool sent = endpoint_->send_whole({bytes, static_cast<size_t>(may)});
  (void)BIO_reset(out_);
  return sent;
}

ssize_t Wire::recv(char* to, size_t size) {
  if (!tls_) return endpoint_->recv(to, size);
  while (error_ == 0 && open()) {
    clear_openssl_errors();
    size_t n = 0;
    const int result = SSL_read_ex(tls_.get(), to, size, &n);
    const int what = SSL_get_error(tls_.get(), result);
    flush();
    if (result == 1) return static_cast<ssize_t>(n);
    if (what == SSL_ERROR_ZERO_RETURN) {
      ended_at_ = std::min(ended_at_, wires_.network_.now());
      return 0;
    }
    if (what != SSL_ERROR_WANT_READ)
      fail(EPROTO);
    else if (!feed(size))
      break;
  }
  return fail_with(error_ != 0 ? error_ : EAGAIN);
}

ssize_t Wire::send(const char* from, size_t size) {
  if (!tls_) return endpoint_->send(from, size);
  if (!open()) return fail_with(error_ != 0 ? error_ : EAGAIN);
  if (endpoint_->room_to_send() == 0 && !endpoint_->gone()) {
    endpoint_->want_space();
    return fail_with(EAGAIN);
  }
  if (behavior_.key_update_every != 0 && ++writes_ % behavior_.key_update_every == 0 &&
      !behavior_.old)
    SSL_key_update(tls_.get(), behavior_.requests_key_update ? SSL_KEY_UPDATE_REQUESTED
                                                             : SSL_KEY_UPDATE_NOT_REQUESTED);
  clear_openssl_errors();
  size_t n = 0;
  if (SSL_write_ex(tls_.get(), from, size, &n) != 1) return fail_with(EPROTO);
  return flush() ? static_cast<ssize_t>(n) : -1;
}

std::string_view Wire::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  if (tls_) SSL_get0_alpn_selected(tls_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

void Wire::end_tls() {
  if (endpoint_->gone() || endpoint_->fin_queued() || endpoint_->connecting()) return;
  if (!tls_ || !open()) return;
  switch (behavior_.tls_end) {
    case TlsBehavior::TlsEnd::close_notify:
      clear_openssl_errors();
      SSL_shutdown(tls_.get());
      sent_end_ = flush();
      return;
    case TlsBehavior::TlsEnd::none: return;
    case TlsBehavior::TlsEnd::partial_record: endpoint_->send_whole(kPartialRecord); return;
  }
}

void Wire::shutdown_write() {
  end_tls();
  endpoint_->shutdown_write();
}

void Wire::close() {
  end_tls();
  left_at_ = std::min(left_at_, wires_.network_.now());
  endpoint_->close();
}

void Wire::abort() {
  left_at_ = std::min(left_at_, wires_.network_.now());
  endpoint_->abort();
}

}  // namespace weir::sim
