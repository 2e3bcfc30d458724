// What a client's certificate says of the client, as backends are told. The names are those of the
// certificate, and whoever signed it has chosen them: nothing in them may end a value or begin
// another.
#pragma once

#include <string>

struct x509_st;

namespace weir {

// Printable ASCII; quotes, backslashes and control characters are escaped by RFC 2253. Empty: it
// cannot be written, and a part of it could be taken for another.
std::string subject_of(const x509_st* certificate);

// A certificate of the other side that was refused, for the log.
struct TlsRefusal {
  std::string subject;  // as in RFC 2253
  std::string reason;   // of OpenSSL's
};

struct ClientIdentity {
  // `Hash=…;Subject="…";URI=…;DNS=…`: the value of X-Forwarded-Client-Cert, in Envoy's form. The
  // digest is SHA-256 of the certificate, the subject is written as in RFC 2253. A name with a
  // character that the form could not hold is left out.
  std::string xfcc;
  std::string client_cert;  // value of Client-Cert: RFC 9440 2.2

  static ClientIdentity of(const x509_st* certificate);
};

}  // namespace weir
