// TlsStream: TLS over the socket of one Transport, as client or as server.
//
// Owner: a Transport, which calls it; thread: its loop's. OpenSSL reads and writes through a BIO
// over sys.h, so that the simulated network carries TLS, too. One read of the socket for a wake-up:
// as much as a record may hold, and after a short read the socket is not asked again before the
// next event. One send for the records of a write: small ones at first and after a pause, so that
// the other side can decrypt each packet as it comes, then as large as they may be. Bytes that
// write() took are in the socket, none are buffered here. A write that took less has made records
// of the rest already: it must be repeated with the same bytes from there on, or more.
//
// OpenSSL processes records without data (KeyUpdate, tickets, alerts, parts of a handshake) in one
// call for as long as it can read more of them. So it reads in small portions, and a bounded number
// of such records in each turn of the loop. A peer that sends too many of them in a row, without
// data in between, fails the stream.
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
    wants_read,   // nothing goes on before bytes come
    wants_write,  // the socket takes no more; never of a read
    ended,        // the other side's close_notify
    cut_off,      // its FIN without one: what came may not be all
    exhausted,    // enough for this turn, and nothing to give: more in the next one
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
  // Goes on with the handshake; `ok` when it is done. `turn`: of the loop; each has its budget.
  Status handshake(uint64_t turn);
  Outcome read(std::span<char> to, uint64_t turn, TimePoint now);
  // What a read() would find, without taking any of it.
  Status look_ahead(uint64_t turn, TimePoint now);
  Outcome write(std::span<const char> from, TimePoint now);  // also in part, at most one send
  // wants_write: it waits, and goes out when this is called again.
  Status send_close_notify();
  // Records were made of bytes that no write() has taken.
  bool has_unsent() const { return unsent_ != nullptr && unsent_->carries(); }

  // An event of the socket: it has something to read again. `closed`: also its FIN.
  void on_readable(bool closed) {
    drained_ = found_empty_ = false;
    peer_closed_ |= closed;
  }
  // The next read asks the kernel, although no event has come.
  void ask_again() { drained_ = false; }
  // read() has nothing to give before the next event.
  bool drained() const;
  // By EAGAIN, not only by a short read: no reset can follow what was read.
  bool found_empty() const { return found_empty_; }
  bool handshake_done() const { return done_; }
  // errno of the socket; 0: it was TLS that failed, and failure() says why.
  int error() const { return error_; }
  // Of the protocol, for the log: a sentence of OpenSSL's; "" when there was none.
  const char* failure() const;
  TlsError reason() const;  // of a handshake that failed
  // As client, of the server's certificate.
  bool refused_certificate() const;
  bool refused_name() const;  // it is for another host
  // Null: none was refused; where one is demanded, none may have been sent.
  const TlsRefusal* refusal() const { return refusal_.get(); }

  // After the handshake.
  std::string_view alpn() const;  // "" when none was agreed
  const char* version() const;    // "TLSv1.3"
  const char* cipher() const;
  bool resumed() const;
  const char* server_name() const;  // SNI; null: none
  // As server: ClientRules::id of those that the client was let in by.
  uintptr_t client_rules() const;
  // Of the certificate it has shown, which was found good; null: none. Made when it is asked for.
  const ClientIdentity* client_identity() const;
  // As server: the client has shown a certificate, now or in the session that it came back with;
  // and that was verified.
  bool has_client_certificate() const;
  bool client_is_verified() const;
  // The common name in it, in UTF-8; "" without, and when it is longer than `memory`.
  std::string_view client_name(std::span<char> memory) const;

 private:
  // What OpenSSL calls for the socket.
  static bio_st* make_bio(TlsStream& stream);
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
  unsigned long failure_ = 0;  // code of OpenSSL's
  bool drained_ = false;
  bool found_empty_ = false;
  bool peer_closed_ = false;
  bool eof_ = false;
  bool done_ = false;
  bool exhausted_ = false;          // the last call has not got all it could have
  bool broken_ = false;             // nothing may be sent any more
  bool within_record_ = false;      // the last one has come in part
  bool close_notify_made_ = false;  // the close_notify is made: nothing may follow it
  uint32_t small_left_ = 0;         // bytes to go out in small records
  TimePoint last_write_{};
  uint32_t records_ = 0;          // read in this call
  uint32_t turn_records_ = 0;     // in this turn, without data
  uint32_t no_data_records_ = 0;  // in a row, without data, since no_data_since_
  uint32_t handed_ = 0;           // bytes of the handshake that OpenSSL got in this turn
  uint32_t trusted_ = 0;          // bytes of data since the last record without
  uint64_t turn_ = 0;
  TimePoint no_data_since_{};
  TlsRecords* making_ = nullptr;  // what OpenSSL writes goes there
  std::unique_ptr<TlsRecords> unsent_;
  mutable std::unique_ptr<const ClientIdentity> identity_;
  std::unique_ptr<const TlsRefusal> refusal_;
};

}  // namespace weir
