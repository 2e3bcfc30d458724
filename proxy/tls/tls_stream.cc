#include "tls/tls_stream.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "os/sys.h"
#include "tls/openssl.h"

namespace weir {
namespace {

// After a pause the congestion window is small again (RFC 6928): its first flight carries three
// small records, each of which the receiver can decrypt without the next flight.
constexpr Duration kPause = 1s;
constexpr uint32_t kInSmallRecords = 64 * 1024;
constexpr size_t kSmallRecord = 4 * 1024;
// The records of one write, and some messages of OpenSSL. It bounds the memory for a peer that
// requests KeyUpdates and reads no answer.
constexpr size_t kMostWaiting = 72 * 1024;

// Bounds of records without data: in one turn, and in a row within a period.
constexpr uint32_t kNoDataPerTurn = 32;
constexpr uint32_t kNoDataInRow = 64;
constexpr Duration kNoDataWhile = 10s;
// Bytes of records for OpenSSL at a time, until kPlenty bytes of data have come in a row: records
// may be KeyUpdates, which cost a thousand times more to process than as many bytes of data.
constexpr int kPortion = 4 * 1024;
constexpr uint32_t kPlenty = 16 * 1024;
constexpr uint32_t kOfHandshakePerTurn = 16 * 1024;

TlsStream& stream_of(BIO* bio) {
  return *static_cast<TlsStream*>(BIO_get_data(bio));
}

}  // namespace

int TlsStream::bio_read(BIO* bio, char* to, int size) {
  TlsStream& stream = stream_of(bio);
  BIO_clear_retry_flags(bio);
  size = stream.portion(size);
  stream.exhausted_ = size == 0;
  if (!stream.drained_ && size > 0) {
    stream.found_empty_ = false;
    const ssize_t n = sys::recv(stream.fd_, to, static_cast<size_t>(size));
    // The edge of a FIN that has come already does not come again (trap T4).
    if (n > 0 && n < size && !stream.peer_closed_) stream.drained_ = true;
    if (n > 0 && !stream.done_) stream.handed_ += static_cast<uint32_t>(n);
    if (n == 0) stream.eof_ = true;
    if (n >= 0) return static_cast<int>(n);
    if (errno != EAGAIN) return stream.error_ = errno, -1;
    stream.drained_ = stream.found_empty_ = true;
  }
  if (stream.drained_) stream.exhausted_ = false;
  BIO_set_retry_read(bio);
  return -1;
}

// How many of `size` bytes OpenSSL may read now; 0: none in this call.
int TlsStream::portion(int size) {
  if (!done_) return handed_ < kOfHandshakePerTurn ? size : 0;
  if (turn_records_ + records_ >= kNoDataPerTurn) return 0;
  return trusted_ >= kPlenty ? size : std::min(size, kPortion);
}

void TlsStream::on_message(int writing, int, int type, const void*, size_t, SSL*, void* stream) {
  if (writing == 0 && type == SSL3_RT_HEADER) ++static_cast<TlsStream*>(stream)->records_;
}

int TlsStream::bio_write(BIO* bio, const char* from, int size) {
  TlsStream& stream = stream_of(bio);
  BIO_clear_retry_flags(bio);
  if (stream.making_ != nullptr) {
    CHECK(stream.making_->add(from, static_cast<size_t>(size)));
    return size;
  }
  if (stream.done_) return stream.send_own({from, static_cast<size_t>(size)});
  const ssize_t n = sys::send(stream.fd_, from, static_cast<size_t>(size));
  if (n >= 0) return static_cast<int>(n);
  if (errno == EAGAIN)
    BIO_set_retry_write(bio);
  else
    stream.error_ = errno;
  return -1;
}

// Messages that OpenSSL writes after the handshake: an answer to KeyUpdate, an alert. OpenSSL
// writes them while it reads. A read must not wait for room in the socket, and must succeed after
// sending has failed. So bytes that the socket does not take are queued after unsent records, and
// the next write sends them.
int TlsStream::send_own(std::span<const char> message) {
  const int size = static_cast<int>(message.size());
  if (close_notify_made_ || broken_) return size;
  if (unsent_ == nullptr) {
    const ssize_t n = sys::send(fd_, message.data(), message.size());
    if (n < 0 && errno != EAGAIN) return broken_ = true, size;
    if (n > 0) message = message.subspan(static_cast<size_t>(n));
    if (message.empty()) return size;
  }
  const size_t waiting = unsent_ != nullptr ? unsent_->size() : 0;
  if (waiting + message.size() > kMostWaiting) return error_ = ENOBUFS, -1;
  unsent_ = TlsRecords::rest_of(unsent_.get(), message);
  return size;
}

// 0 for all other commands, such as those of kernel TLS.
long TlsStream::bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return stream_of(bio).eof_ ? 1 : 0;
  return 0;
}

TlsStream::TlsStream(SSL* ssl) : ssl_(ssl) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir transport");
    CHECK(made != nullptr);
    BIO_meth_set_read(made, &TlsStream::bio_read);
    BIO_meth_set_write(made, &TlsStream::bio_write);
    BIO_meth_set_ctrl(made, &TlsStream::bio_control);
    return made;
  }();
  BIO* bio = BIO_new(method);
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_msg_callback(ssl_, &TlsStream::on_message);
  SSL_set_msg_callback_arg(ssl_, this);
  // The server name may change the mode later; the callback stays.
  const int mode = SSL_get_verify_mode(ssl_);
  if (SSL_is_server(ssl_) || mode != SSL_VERIFY_NONE) SSL_set_verify(ssl_, mode, &on_verify);
}

// Returns OpenSSL's result unchanged. Notes why a certificate was refused, since OpenSSL keeps
// neither the certificate nor the reason.
int TlsStream::on_verify(int good, X509_STORE_CTX* context) noexcept {
  if (good == 1) return 1;
  const auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  TlsStream& stream = stream_of(SSL_get_rbio(ssl));
  if (stream.refusal_ != nullptr) return good;
  TlsRefusal refusal;
  if (const X509* leaf = X509_STORE_CTX_get0_cert(context)) refusal.subject = subject_of(leaf);
  refusal.reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
  const X509* const found = X509_STORE_CTX_get_current_cert(context);
  if (found != nullptr && X509_STORE_CTX_get_error_depth(context) > 0)
    refusal.reason += ", of the authority '" + subject_of(found) + "'";
  stream.refusal_ = std::make_unique<const TlsRefusal>(std::move(refusal));
  return good;
}

TlsStream::~TlsStream() {
  // Without this libssl marks the session as not resumable.
  if (done_ && !broken_) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

TlsStream::Status TlsStream::classify(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_NONE: return Status::ok;
    case SSL_ERROR_WANT_READ: return Status::wants_read;
    case SSL_ERROR_WANT_WRITE: return Status::wants_write;
    case SSL_ERROR_ZERO_RETURN: return Status::ended;
    default: break;
  }
  failure_ = ERR_peek_error();
  ERR_clear_error();
  const bool end = error_ == 0 && eof_;
  if (!end) broken_ = true;
  return end ? Status::cut_off : Status::failed;
}

TlsStream::Status TlsStream::handshake(uint64_t turn) {
  if (done_) return Status::ok;
  clear_openssl_errors();
  if (std::exchange(turn_, turn) != turn) handed_ = 0;
  const Status status = classify(SSL_do_handshake(ssl_));
  done_ = status == Status::ok;
  if (!done_ && status != Status::wants_read && status != Status::wants_write) broken_ = true;
  return status == Status::wants_read && exhausted_ ? Status::exhausted : status;
}

TlsStream::Outcome TlsStream::read(std::span<char> to, uint64_t turn, TimePoint now) {
  return take(to, false, turn, now);
}

TlsStream::Status TlsStream::look_ahead(uint64_t turn, TimePoint now) {
  char byte;
  return take({&byte, 1}, true, turn, now).status;
}

TlsStream::Outcome TlsStream::take(std::span<char> to, bool leave, uint64_t turn, TimePoint now) {
  clear_openssl_errors();
  if (std::exchange(turn_, turn) != turn) turn_records_ = 0;
  records_ = 0;
  exhausted_ = false;
  size_t bytes = 0;
  const int result = leave ? SSL_peek_ex(ssl_, to.data(), to.size(), &bytes)
                           : SSL_read_ex(ssl_, to.data(), to.size(), &bytes);
  const Status status = classify(result);
  // Only whole records count: a part of a record with data is no record without data.
  const uint32_t begun = records_ + (within_record_ ? 1 : 0);
  within_record_ = SSL_rstate_string(ssl_)[1] == 'B';  // "RB": its body is being read
  const uint32_t whole = begun - (within_record_ && begun > 0 ? 1 : 0);
  const uint32_t without_data = whole - (bytes > 0 && whole > 0 ? 1 : 0);
  turn_records_ += without_data;
  trusted_ = without_data > 0 ? 0 : std::min(trusted_ + static_cast<uint32_t>(bytes), kPlenty);
  if (bytes > 0) no_data_records_ = 0;
  if (bytes > 0 || status != Status::wants_read) return {status, bytes};
  if (without_data > 0 && sends_no_data(without_data, now)) {
    failure_ = ERR_PACK(ERR_LIB_SSL, 0, SSL_R_TOO_MANY_KEY_UPDATES);
    broken_ = true;
    return {Status::failed};
  }
  return {exhausted_ ? Status::exhausted : Status::wants_read};
}

bool TlsStream::sends_no_data(uint32_t without_data, TimePoint now) {
  if (now - no_data_since_ >= kNoDataWhile) no_data_since_ = now, no_data_records_ = 0;
  no_data_records_ += without_data;
  return no_data_records_ > kNoDataInRow;
}

TlsStream::Outcome TlsStream::write(std::span<const char> from, TimePoint now) {
  if (unsent_ != nullptr) {
    const Outcome rest = send(*unsent_);
    if (unsent_->empty()) unsent_.reset();
    return rest;
  }
  static thread_local TlsRecords records;  // empty between two calls
  const Status made = make(records, from, now);
  const Outcome sent = send(records);
  if (!records.empty()) unsent_ = TlsRecords::rest_of(&records);
  return made == Status::ok ? sent : Outcome{made};
}

TlsStream::Status TlsStream::make(TlsRecords& records, std::span<const char> of, TimePoint now) {
  if (now - last_write_ >= kPause) small_left_ = kInSmallRecords;
  last_write_ = now;
  clear_openssl_errors();
  making_ = &records;
  Status status = Status::ok;
  while (!of.empty() && records.has_room() && status == Status::ok) {
    const size_t most = small_left_ > 0 ? kSmallRecord : TlsRecords::kMostCarried;
    size_t bytes = 0;
    status = classify(SSL_write_ex(ssl_, of.data(), std::min(of.size(), most), &bytes));
    records.complete(bytes);
    of = of.subspan(bytes);
    small_left_ -= std::min(small_left_, static_cast<uint32_t>(bytes));
  }
  making_ = nullptr;
  return status;
}

// Sends the records; how many bytes of data were sent, and whether all were.
TlsStream::Outcome TlsStream::send(TlsRecords& records) {
  const ssize_t carried = records.send(fd_);
  if (carried >= 0)
    return {records.empty() ? Status::ok : Status::wants_write, static_cast<size_t>(carried)};
  if (errno == EAGAIN) return {Status::wants_write};
  error_ = errno;
  broken_ = true;
  return {Status::failed};
}

TlsStream::Status TlsStream::send_close_notify() {
  if (broken_ || !done_) return Status::ok;
  if (!close_notify_made_) {
    clear_openssl_errors();
    SSL_shutdown(ssl_);
    close_notify_made_ = true;
  }
  if (unsent_ == nullptr) return Status::ok;
  const Status rest = send(*unsent_).status;
  if (unsent_->empty()) unsent_.reset();
  return rest;
}

bool TlsStream::drained() const {
  return drained_ && SSL_has_pending(ssl_) == 0;
}

const char* TlsStream::failure() const {
  const char* reason = failure_ != 0 ? ERR_reason_error_string(failure_) : nullptr;
  return reason != nullptr ? reason : "";
}

TlsError TlsStream::reason() const {
  if (eof_ || error_ != 0) return TlsError::closed;
  switch (ERR_GET_REASON(failure_)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_WRONG_SSL_VERSION: return TlsError::version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: return TlsError::cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL: return TlsError::alpn;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_NO_CERTIFICATES_RETURNED: return TlsError::client_cert;
    case SSL_R_CALLBACK_FAILED: return TlsError::server_name;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER: return TlsError::not_tls;
    default: break;
  }
  // An alert of the peer.
  return ERR_GET_REASON(failure_) >= SSL_AD_REASON_OFFSET ? TlsError::refused : TlsError::other;
}

bool TlsStream::refused_certificate() const {
  return ERR_GET_REASON(failure_) == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

bool TlsStream::refused_name() const {
  const long result = SSL_get_verify_result(ssl_);
  return refused_certificate() &&
         (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH);
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

const char* TlsStream::version() const {
  return SSL_get_version(ssl_);
}

const char* TlsStream::cipher() const {
  return SSL_get_cipher_name(ssl_);
}

bool TlsStream::cipher_allowed_for_http2() const {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_);
  return cipher != nullptr && allowed_for_http2(cipher);
}

bool TlsStream::resumed() const {
  return SSL_session_reused(ssl_) != 0;
}

uintptr_t TlsStream::client_rules() const {
  return reinterpret_cast<uintptr_t>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl_)));
}

const ClientIdentity* TlsStream::client_identity() const {
  if (identity_ == nullptr && SSL_is_server(ssl_) && client_is_verified())
    identity_ =
        std::make_unique<const ClientIdentity>(ClientIdentity::of(SSL_get0_peer_certificate(ssl_)));
  return identity_.get();
}

const char* TlsStream::server_name() const {
  return SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
}

bool TlsStream::has_client_certificate() const {
  return SSL_get0_peer_certificate(ssl_) != nullptr;
}

bool TlsStream::client_is_verified() const {
  return has_client_certificate() && SSL_get_verify_result(ssl_) == X509_V_OK;
}

std::string_view TlsStream::client_name(std::span<char> memory) const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_);
  const ASN1_STRING* text = certificate != nullptr ? common_name(certificate) : nullptr;
  if (text == nullptr) return {};
  unsigned char* name = nullptr;
  const int size = ASN1_STRING_to_UTF8(&name, text);
  if (size <= 0) return {};
  const bool fits = static_cast<size_t>(size) <= memory.size();
  if (fits) std::copy_n(name, size, memory.begin());
  OPENSSL_free(name);
  return {memory.data(), fits ? static_cast<size_t>(size) : 0};
}

}  // namespace weir
