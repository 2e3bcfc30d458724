// TlsStream: TLS over the socket of one Transport, as client or as server.
//
// Owner: a Transport, which calls it; thread: its loop's. OpenSSL reads and writes through a BIO
// over sys.h, so that the simulated network carries TLS, too. A wake-up reads the socket once, as
// much as a record may hold; after a short read the stream does not ask the socket again before the
// next event. A write sends its records once: small records at first and after a pause, so that the
// peer can decrypt each packet as it comes, then records of the largest size. Bytes that write()
// took are in the socket; the stream buffers none of them. A write that took fewer bytes has made
// records of the rest already: the caller must repeat it with the same bytes from there on, or
// more.
//
// In one call OpenSSL processes records without data (KeyUpdate, tickets, alerts, parts of a
// handshake) for as long as it can read more of them. Therefore the stream gives it small portions,
// and a bounded number of such records in each turn of the loop. Too many records in a row without
// data fail the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/outcomes.h"
#include "base/time.h"
#include "tls/tls_client_identity.h"
#include "tls/tls_records.h"

struct ssl_st;
struct bio_st;
struct x509_store_ctx_st;

namespace weir {

class TlsStream {
 public:
  enum class Status : uint8_t {
    ok,
    wants_read,   // has to wait for bytes
    wants_write,  // the socket takes no more; no result of a read
    ended,        // the peer's close_notify
    cut_off,      // its FIN without close_notify: the stream may be truncated
    exhausted,    // no data yet, and the budget of this turn is used up
    failed,
  };
  struct Outcome {
    Status status;
    size_t bytes = 0;
  };

  // Takes over `ssl`, which knows whether it is client or server.
  explicit TlsStream(ssl_st* ssl);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream();

  void attach(int fd) { fd_ = fd; }  // before anything else
  // Continues the handshake; `ok` when it is done. `turn`: of the loop; each turn has a budget.
  Status handshake(uint64_t turn);
  Outcome read(std::span<char> to, uint64_t turn, TimePoint now);
  // The status of a read(), without taking bytes.
  Status look_ahead(uint64_t turn, TimePoint now);
  Outcome write(std::span<const char> from, TimePoint now);  // also in part; at most one send
  // wants_write: the alert is queued; the next call sends it.
  Status send_close_notify();
  // There are records of bytes that no write() has taken.
  bool has_unsent() const { return unsent_ != nullptr && unsent_->carries(); }

  // An event of the socket: there are bytes to read again. `closed`: and its FIN.
  void on_readable(bool closed) {
    drained_ = found_empty_ = false;
    peer_closed_ |= closed;
  }
  // The next read asks the kernel without an event.
  void ask_again() { drained_ = false; }
  // read() returns no bytes before the next event.
  bool drained() const;
  // The last read of the socket ended with EAGAIN, not only short: no reset follows those bytes.
  bool found_empty() const { return found_empty_; }
  bool handshake_done() const { return done_; }
  // errno of the socket; 0: TLS has failed, see failure().
  int error() const { return error_; }
  // The error of the protocol, for the log, in the words of OpenSSL; "": none.
  const char* failure() const;
  TlsError reason() const;  // why the handshake has failed
  // As client: the server's certificate was refused.
  bool refused_certificate() const;
  bool refused_name() const;  // it is for another host
  // Null: no certificate was refused; where one is required, the peer may have sent none.
  const TlsRefusal* refusal() const { return refusal_.get(); }

  // After the handshake.
  std::string_view alpn() const;  // "" when none was agreed
  const char* version() const;    // "TLSv1.3"
  const char* cipher() const;
  bool cipher_allowed_for_http2() const;  // RFC 9113 9.2.2
  bool resumed() const;
  const char* server_name() const;  // SNI; null: none
  // As server: the ClientRules::id by which the client was accepted.
  uintptr_t client_rules() const;
  // The identity in the client's certificate, which was verified; null: none. Made in the first
  // call.
  const ClientIdentity* client_identity() const;
  // As server: the client has sent a certificate, in this handshake or in that of the session which
  // it resumes; and the certificate was verified.
  bool has_client_certificate() const;
  bool client_is_verified() const;
  // The certificate's common name in UTF-8; "": there is none, or it is longer than `memory`.
  std::string_view client_name(std::span<char> memory) const;

 private:
  // The BIO by which OpenSSL reads and writes the socket.
  static int on_verify(int good, x509_store_ctx_st*) noexcept;
  static int bio_read(bio_st*, char* to, int size);
  static int bio_write(bio_st*, const char* from, int size);
  static long bio_control(bio_st*, int command, long, void*);
  static void on_message(int writing, int, int type, const void*, size_t, ssl_st*, void* stream);
  Outcome take(std::span<char> to, bool leave, uint64_t turn, TimePoint now);
  int portion(int size);
  bool sends_no_data(uint32_t without_data, TimePoint now);
  int send_own(std::span<const char> message);
  Status classify(int result);
  Status make(TlsRecords& records, std::span<const char> of, TimePoint now);
  Outcome send(TlsRecords& records);

  ssl_st* ssl_;
  int fd_ = -1;
  int error_ = 0;
  unsigned long failure_ = 0;  // an error code of OpenSSL
  bool drained_ = false;
  bool found_empty_ = false;
  bool peer_closed_ = false;
  bool eof_ = false;
  bool done_ = false;
  bool exhausted_ = false;          // the budget stopped the last call
  bool broken_ = false;             // no further bytes may be sent
  bool within_record_ = false;      // the last record has come in part
  bool close_notify_made_ = false;  // no record may follow it
  uint32_t small_left_ = 0;         // bytes to send in small records
  TimePoint last_write_{};
  uint32_t records_ = 0;          // read in this call
  uint32_t turn_records_ = 0;     // in this turn, without data
  uint32_t no_data_records_ = 0;  // in a row, without data, since no_data_since_
  uint32_t handed_ = 0;           // bytes of the handshake that OpenSSL got in this turn
  uint32_t trusted_ = 0;          // bytes of data since the last record without
  uint64_t turn_ = 0;
  TimePoint no_data_since_{};
  TlsRecords* making_ = nullptr;  // receives what OpenSSL writes
  std::unique_ptr<TlsRecords> unsent_;
  mutable std::unique_ptr<const ClientIdentity> identity_;
  std::unique_ptr<const TlsRefusal> refusal_;
};

}  // namespace weir
