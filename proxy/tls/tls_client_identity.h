// ClientIdentity: the contents of a client's certificate, in the form of the fields that backends
// receive. The signer of the certificate has chosen the names in it: no character of them may end a
// value or begin another.
#pragma once

#include <string>

struct x509_st;

namespace weir {

// Printable ASCII; quotes, backslashes and control characters are escaped by RFC 2253. Empty: the
// subject cannot be written without ambiguity.
std::string subject_of(const x509_st* certificate);

// A certificate of the peer that was refused, for the log.
struct TlsRefusal {
  std::string subject;  // as in RFC 2253
  std::string reason;   // in the words of OpenSSL
};

struct ClientIdentity {
  // `Hash=…;Subject="…";URI=…;DNS=…`: the value of X-Forwarded-Client-Cert, in Envoy's form. The
  // digest is SHA-256 of the certificate, the subject is written as in RFC 2253. A name with a
  // character that the form has no escape for is left out.
  std::string xfcc;
  std::string client_cert;  // value of Client-Cert: RFC 9440 2.2

  static ClientIdentity of(const x509_st* certificate);
};

}  // namespace weir
