#include "health/http_probe.h"

#include <gmock/gmock.h>

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpProbeTest : public testing::Test {
 protected:
  HttpProbeTest() { spec.type = config::HealthCheck::Type::http; }

  std::string request_bytes(const std::string& address = "10.0.0.1:80") {
    const Backend backend("app", "b", address, *Address::parse(address));
    return std::string(HttpProbe(spec, backend).request_bytes());
  }
  // The finding for `answer` in pieces of `size`, and then its end; "open": none.
  std::string receive(std::string_view answer, size_t size, bool ends) {
    const Backend backend("app", "b", "a", *Address::parse("10.0.0.1:80"));
    HttpProbe probe(spec, backend);
    Probe::Finding finding;
    for (; !answer.empty() && finding.is == Probe::Finding::Is::open;
         answer.remove_prefix(std::min(size, answer.size())))
      finding = probe.receive(answer.substr(0, size));
    if (ends && finding.is == Probe::Finding::Is::open) finding = probe.receive_end();
    switch (finding.is) {
      case Probe::Finding::Is::open: return "open: " + probe.missing();
      case Probe::Finding::Is::good: return "good";
      case Probe::Finding::Is::drain: return "drain: " + finding.why;
      case Probe::Finding::Is::bad: break;
    }
    return finding.why;
  }
  // The same in every split that matters: whole, byte by byte, and in between.
  std::string finds(const std::string& answer, bool ends = false) {
    const std::string whole = receive(answer, answer.size(), ends);
    for (size_t size : {1u, 2u, 3u, 7u, 4096u})
      EXPECT_EQ(receive(answer, size, ends), whole) << size;
    return whole;
  }
  static std::string with_length(const std::string& body, const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }

  config::HealthCheck spec;
};

TEST_F(HttpProbeTest, NamesThePortOfTheCheckInHost) {
  spec.port = 9000;
  EXPECT_THAT(request_bytes(), HasSubstr("\r\nHost: 10.0.0.1:9000\r\n"));
  EXPECT_THAT(request_bytes("[::1]:80"), HasSubstr("\r\nHost: [::1]:9000\r\n"));
  spec.host = "app.test";
  EXPECT_THAT(request_bytes(), HasSubstr("\r\nHost: app.test\r\n"));
}

TEST_F(HttpProbeTest, RequestsThePathWithConnectionClose) {
  EXPECT_THAT(request_bytes(),
              testing::MatchesRegex("GET / HTTP/1.1\r\nHost: 10.0.0.1:80\r\n"
                                    "User-Agent: weir/[0-9.]+\r\nConnection: close\r\n\r\n"));
  spec.method = "HEAD";
  spec.path = "/health?full=yes";
  EXPECT_THAT(request_bytes(), StartsWith("HEAD /health?full=yes HTTP/1.1\r\n"));
}

TEST_F(HttpProbeTest, HostIsTheConfiguredOrTheBackendsOrLocalhostForAUnixSocket) {
  EXPECT_THAT(request_bytes("[::1]:8080"), HasSubstr("\r\nHost: [::1]:8080\r\n"));
  EXPECT_THAT(request_bytes("unix:/run/app.sock"), HasSubstr("\r\nHost: localhost\r\n"));
  spec.host = "example.com";
  EXPECT_THAT(request_bytes(), HasSubstr("\r\nHost: example.com\r\n"));
}

TEST_F(HttpProbeTest, SendsConfiguredFieldsIncludingUserAgent) {
  spec.headers = {{"X-Check", "weir"}, {"user-agent", "probe"}, {"X-Long", std::string(4096, 'a')}};
  EXPECT_THAT(request_bytes(), HasSubstr("\r\nX-Check: weir\r\n"));
  EXPECT_THAT(request_bytes(), HasSubstr("\r\nuser-agent: probe\r\n"));
  EXPECT_THAT(request_bytes(), Not(HasSubstr("User-Agent")));
  EXPECT_THAT(request_bytes(), EndsWith("\r\nConnection: close\r\n\r\n"));
}

TEST_F(HttpProbeTest, MethodWithABodySendsContentLengthZero) {
  EXPECT_THAT(request_bytes(), Not(HasSubstr("Content-Length")));
  spec.method = "POST";
  EXPECT_THAT(request_bytes(), HasSubstr("\r\nContent-Length: 0\r\n"));
}

TEST_F(HttpProbeTest, UnexpectedStatusFails) {
  EXPECT_EQ(finds(with_length("ok")), "good");
  EXPECT_EQ(finds(with_length("ok", "503 Service Unavailable")), "status 503");
  EXPECT_EQ(finds(with_length("ok", "302 Found")), "status 302");
  spec.expect_status = {{{200, 299}, {401, 401}}};
  EXPECT_EQ(finds(with_length("", "401 Unauthorized")), "good");
}

TEST_F(HttpProbeTest, UnexpectedStatusFailsBeforeTheBody) {
  EXPECT_EQ(finds("HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\n"), "status 500");
}

TEST_F(HttpProbeTest, ReadsTheWholeResponseInEveryFraming) {
  EXPECT_EQ(finds("HTTP/1.1 204 No Content\r\n\r\n"), "good");
  EXPECT_EQ(finds("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "good");
  EXPECT_EQ(finds("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"),
            "open: no end of the response");
  EXPECT_EQ(finds("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", true),
            "closed before the end of the response");
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
  EXPECT_EQ(finds(chunked), "open: no end of the response");
  EXPECT_EQ(finds(chunked, true), "closed before the end of the response");
  EXPECT_EQ(finds(chunked + "0\r\nX-Sum: 1\r\n\r\n"), "good");
  const std::string until_close = "HTTP/1.0 200 OK\r\n\r\nabc";
  EXPECT_EQ(finds(until_close), "open: no end of the response");
  EXPECT_EQ(finds(until_close, true), "good");
}

TEST_F(HttpProbeTest, FindsExpectedTextAcrossChunks) {
  spec.expect_body = "healthy";
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(finds(head + "5\r\n: hea\r\n2;x=y\r\nlt\r\n3\r\nhy!\r\n0\r\n\r\n"), "good");
  EXPECT_EQ(finds(head + "5\r\n: hea\r\n2\r\nlt\r\n0\r\n\r\n"), "no 'healthy' in the body");
}

TEST_F(HttpProbeTest, SearchesExpectedTextInTheBodyOnly) {
  spec.expect_body = "ok";
  EXPECT_EQ(finds("HTTP/1.1 200 ok\r\nX: ok\r\nContent-Length: 2\r\n\r\nno"),
            "no 'ok' in the body");
  EXPECT_EQ(finds("HTTP/1.1 200 OK\r\n\r\nall ok", true), "good");
}

TEST_F(HttpProbeTest, ExpectedTextMustBeInTheFirst64KiB) {
  spec.expect_body = "ok";
  const std::string just_in = std::string(HttpAnswer::kBodyLimit - 2, '.') + "ok";
  EXPECT_EQ(finds(with_length(just_in + "...")), "good");
  EXPECT_EQ(finds(with_length("." + just_in + "...")), "no 'ok' in the first 64 KiB of the body");
}

TEST_F(HttpProbeTest, EndlessBodyIsReadUpTo64KiB) {
  EXPECT_EQ(finds("HTTP/1.1 200 OK\r\n\r\n" + std::string(HttpAnswer::kBodyLimit, '.')), "good");
}

TEST_F(HttpProbeTest, ResponseToHeadHasNoBody) {
  spec.method = "HEAD";
  EXPECT_EQ(finds("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), "good");
  EXPECT_EQ(finds("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "good");
}

TEST_F(HttpProbeTest, SkipsALimitedNumberOfInterimResponses) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  EXPECT_EQ(finds(interim + "HTTP/1.1 100 Continue\r\n\r\n" + with_length("ok")), "good");
  EXPECT_EQ(finds(interim), "open: no whole head of a response");
  EXPECT_EQ(finds(interim, true), "closed before a response");
  std::string many;
  while (many.size() + interim.size() <= HttpProbe::kMaxInterim) many += interim;
  EXPECT_EQ(finds(many + with_length("ok")), "good");
  EXPECT_EQ(finds(many + interim), "more than 1 MiB of interim responses");
}

TEST_F(HttpProbeTest, ResponseThatIsNotHttpFails) {
  EXPECT_THAT(finds("220 mail.example ESMTP\r\n"), StartsWith("not valid HTTP: "));
  EXPECT_THAT(finds("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
              StartsWith("not valid HTTP: "));
  EXPECT_THAT(finds("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
              StartsWith("not valid HTTP: "));
}

TEST_F(HttpProbeTest, ResponseHeadHasASizeLimit) {
  std::string head = "HTTP/1.1 200 OK\r\n";
  while (head.size() < kMaxHeadSize - 20'000)
    head += "X-Field: " + std::string(10'000, 'a') + "\r\n";
  EXPECT_EQ(finds(head + "Content-Length: 0\r\n\r\n"), "good");
  head += "X-Field: " + std::string(20'000, 'a') + "\r\n";
  EXPECT_THAT(finds(head), StartsWith("not valid HTTP: "));
}

TEST_F(HttpProbeTest, ReportsWhatIsMissing) {
  EXPECT_EQ(finds(""), "open: no response");
  EXPECT_EQ(finds("", true), "closed before a response");
  EXPECT_EQ(finds("HTTP/1.1 200"), "open: no whole head of a response");
  EXPECT_EQ(finds("HTTP/1.1 200", true), "closed before the end of the head");
}

TEST_F(HttpProbeTest, DrainsByStatusAndField) {
  spec.drain_on = {.status = {{{503, 503}}}, .header = "X-Drain: *", .body = ""};
  const auto answer = [](const std::string& status, const std::string& field) {
    return "HTTP/1.1 " + status + "\r\n" + field + "\r\nContent-Length: 2\r\n\r\nok";
  };
  EXPECT_EQ(finds(answer("503 No", "x-drain: soon")), "drain: status 503");
  EXPECT_EQ(finds(answer("503 No", "X-Drained: soon")), "status 503");
  EXPECT_EQ(finds(answer("200 OK", "X-Drain: soon")), "good") << "all conditions are needed";
  EXPECT_EQ(finds(answer("500 No", "X-Drain: soon")), "status 500");
  spec.drain_on->header = "X-Drain: yes";
  EXPECT_EQ(finds(answer("503 No", "X-Drain: no")), "status 503");
  EXPECT_EQ(finds(answer("503 No", "X-Drain: no\r\nX-Drain: yes")), "drain: status 503");
}

TEST_F(HttpProbeTest, DrainsByABodyWhateverTheExpectedOneIs) {
  spec.drain_on = {.status = {}, .header = "", .body = "draining"};
  spec.expect_body = "healthy";
  EXPECT_EQ(finds(with_length("healthy")), "good");
  EXPECT_EQ(finds(with_length("now draining")), "drain: status 200");
  EXPECT_EQ(finds(with_length("now draining", "503 No")), "drain: status 503");
  EXPECT_EQ(finds(with_length("broken", "503 No")), "status 503");
  EXPECT_EQ(finds(with_length("broken")), "no 'healthy' in the body");
}

TEST_F(HttpProbeTest, TruncatedResponseDoesNotDrain) {
  spec.drain_on = {.status = {{{503, 503}}}, .header = "", .body = ""};
  EXPECT_EQ(finds("HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nok", true),
            "closed before the end of the response");
}

}  // namespace
}  // namespace weir::test
