// Counters and access lines of HTTP requests through one worker with real sockets.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>

#include "support/log_capture.h"
#include "support/worker_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

uint64_t times(const RequestCounts& counts, RequestMethod method, uint16_t code) {
  for (const auto& entry : counts.entries)
    if (entry.method == method && entry.code == code) return entry.value;
  return 0;
}

class HttpBooksTest : public testing::Test, public WorkerFixture {
 protected:
  void serve(const std::string& cluster = "", const std::string& routes = "cluster: c") {
    apply(
        fmt::format("listeners:\n  - {{ name: l, bind: \"127.0.0.1:0\", protocol: http, {} }}\n"
                    "clusters:\n  - {{ name: c, backends: [{}]{}{} }}\n",
                    routes, backend.address().text(), cluster.empty() ? "" : ", ", cluster));
  }
  std::string until(Socket& socket, const std::string& end) {
    std::string got;
    EXPECT_TRUE(run_until(
        [&] {
          got += socket.receive(65536, 1ms);
          return got.find(end) != std::string::npos || socket.end() != Socket::End::open;
        },
        20000))
        << got;
    return got;
  }
  Socket accepted() {
    Socket socket;
    EXPECT_TRUE(run_until([&] {
      if (wait_ready(backend.fd(), POLLIN, 1ms)) socket = backend.accept(1s);
      return static_cast<bool>(socket);
    }));
    return socket;
  }
  // One request and its answer, by the backend.
  void exchange(Socket& client, Socket& server, const std::string& request,
                const std::string& response) {
    ASSERT_TRUE(client.send(request));
    if (!server) server = accepted();
    until(server, "\r\n\r\n");
    ASSERT_TRUE(server.send(response));
    until(client, response.substr(response.size() - 3));
  }
  BackendCells at_backend() { return backend_cells("c", backend.address().text()); }
  uint64_t requests() {
    uint64_t sum = 0;
    for (const auto& entry : worker.report().routes) sum += entry.cells.requests.sum();
    return sum;
  }

  Acceptor backend;
  const std::string get = "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\n\r\n";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
};

TEST_F(HttpBooksTest, RequestIsCountedUnderItsRouteWhenItEnds) {
  serve("", "cluster: c, routes: [{ name: api, match: { path_prefix: /a }, cluster: c }]");
  Socket one = client(), server;
  ASSERT_TRUE(one.send(get));
  server = accepted();
  until(server, "\r\n\r\n");
  EXPECT_EQ(route_cells("l", "api").in_flight.value, 1);
  EXPECT_EQ(requests(), 0u);
  ASSERT_TRUE(server.send(ok));
  const std::string response = until(one, "hello");
  const RouteCells cells = route_cells("l", "api");
  EXPECT_EQ(times(cells.requests, RequestMethod::GET, 200), 1u);
  EXPECT_EQ(cells.in_flight.value, 0);
  EXPECT_EQ(cells.duration.count(), 1u);
  EXPECT_EQ(cells.request_bytes.value, get.size());
  EXPECT_EQ(cells.response_bytes.value, response.size());
  EXPECT_EQ(requests(), 1u);
  EXPECT_EQ(this->cells("l").overhead.count(), 1u);
  EXPECT_EQ(at_backend().requests[CodeClass::success].value, 1u);
  EXPECT_EQ(cluster_cells("c").response_time.count(), 1u);
  EXPECT_EQ(cluster_cells("c").connect_duration.count(), 1u);
}

TEST_F(HttpBooksTest, EveryRequestIsCountedOnceWithAnyOutcome) {
  serve("",
        "routes: [{ name: api, match: { path_prefix: /a }, cluster: c },"
        " { name: here, match: { path: /here }, respond: { status: 418 } }]");
  Socket served = client(), server;
  exchange(served, server, get, ok);
  exchange(served, server, "BREW /a HTTP/1.1\r\nHost: a\r\n\r\n",
           "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nabc");
  ASSERT_TRUE(served.send("GET /here HTTP/1.1\r\nHost: a\r\n\r\n"));
  until(served, "\r\n\r\n");
  ASSERT_TRUE(served.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"));
  until(served, "\r\n\r\n");
  Socket malformed = client();
  ASSERT_TRUE(malformed.send("GET / HTTP/9.9\r\n\r\n"));
  until(malformed, "\r\n\r\n");
  Socket leaves = client();
  ASSERT_TRUE(leaves.send(get));
  until(server, "\r\n\r\n");
  leaves.reset();
  EXPECT_TRUE(run_until([&] { return requests() == 6; }));
  Socket silent = client();
  silent = {};
  turns(3);

  const RouteCells api = route_cells("l", "api");
  EXPECT_EQ(times(api.requests, RequestMethod::GET, 200), 1u);
  EXPECT_EQ(times(api.requests, RequestMethod::other, 503), 1u);
  EXPECT_EQ(times(api.requests, RequestMethod::GET, RequestCounts::kNoCode), 1u);
  EXPECT_EQ(api.in_flight.value, 0);
  EXPECT_EQ(times(route_cells("l", "here").requests, RequestMethod::GET, 418), 1u);
  const RouteCells none = route_cells("l", std::string(kNoRoute));
  EXPECT_EQ(times(none.requests, RequestMethod::GET, 404), 1u);
  EXPECT_EQ(none.requests.sum(), 2u);
  EXPECT_EQ(requests(), 6u);
  EXPECT_EQ(cells("l").http_connections[HttpMajor::h1].value, 3u)
      << "the silent one is not counted";
  EXPECT_EQ(cells("l").request_errors[RequestError::malformed].value, 1u);
  EXPECT_EQ(cells("l").request_errors[RequestError::client_abort].value, 1u);
  EXPECT_EQ(at_backend().requests.sum(), 3u) << "tries = requests forwarded";
  EXPECT_EQ(at_backend().requests[CodeClass::none].value, 1u);
  EXPECT_EQ(at_backend().request_errors.sum(), 0u) << "the client closed, not the backend";
}

TEST_F(HttpBooksTest, AttemptsAreForwardedRequestsAndRetries) {
  serve("", "cluster: c, retry: { attempts: 2 }");
  Socket one = client(), server;
  exchange(one, server, get, ok);
  ASSERT_TRUE(one.send(get));
  until(server, "\r\n\r\n");
  server = {};  // a kept connection that ends without a response
  server = accepted();
  until(server, "\r\n\r\n");
  ASSERT_TRUE(server.send(ok));
  until(one, "hello");
  const RouteCells route = route_cells("l", "*");
  const ClusterCells cluster = cluster_cells("c");
  EXPECT_EQ(route.requests.sum(), 2u);
  EXPECT_EQ(cluster.retries[RetryResult::ok].value, 1u);
  EXPECT_EQ(at_backend().requests.sum(), route.requests.sum() +
                                             cluster.retries[RetryResult::ok].value +
                                             cluster.retries[RetryResult::failed].value);
  EXPECT_EQ(at_backend().request_errors[BackendError::reset].value, 1u);
}

TEST_F(HttpBooksTest, RefusedConnectionIsAFailedAttempt) {
  serve("", "cluster: c, retry: { attempts: 0 }");
  backend.stop();
  Socket one = client();
  ASSERT_TRUE(one.send(get));
  EXPECT_THAT(until(one, "\r\n\r\n"), StartsWith("HTTP/1.1 502"));
  const uint64_t tries = at_backend().requests.sum();
  EXPECT_GE(tries, 1u);
  EXPECT_EQ(at_backend().requests[CodeClass::none].value, tries);
  EXPECT_EQ(at_backend().request_errors[BackendError::connect].value, tries);
  EXPECT_EQ(times(route_cells("l", "*").requests, RequestMethod::GET, 502), 1u);
}

TEST_F(HttpBooksTest, RequestsThatWaitForAConnectionAreCounted) {
  serve("pool: { max_connections: 1 }, queue: { max: 1 }");
  Socket first = client(), second = client(), third = client();
  ASSERT_TRUE(first.send(get));
  Socket server = accepted();
  until(server, "\r\n\r\n");
  ASSERT_TRUE(second.send(get));
  EXPECT_TRUE(run_until([&] { return cluster_cells("c").queue_length.value == 1; }));
  ASSERT_TRUE(third.send(get));
  EXPECT_THAT(until(third, "\r\n\r\n"), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(cluster_cells("c").queue_rejected[QueueRejection::full].value, 1u);
  ASSERT_TRUE(server.send(ok));
  until(first, "hello");
  until(server, "\r\n\r\n");
  ASSERT_TRUE(server.send(ok));
  until(second, "hello");
  EXPECT_EQ(cluster_cells("c").queue_length.value, 0);
  EXPECT_EQ(cluster_cells("c").queue_duration.count(), 1u);
}

TEST_F(HttpBooksTest, CellsOfARemovedRouteStayWhileARequestUsesThem) {
  serve("", "cluster: c, routes: [{ name: old, match: { path_prefix: /a }, cluster: c }]");
  Socket one = client();
  ASSERT_TRUE(one.send(get));
  Socket server = accepted();
  until(server, "\r\n\r\n");
  serve();
  EXPECT_TRUE(store.series().take_expired(loop.now() + 1h, series_in_use()).routes.empty());
  ASSERT_TRUE(server.send(ok));
  until(one, "hello");
  EXPECT_EQ(times(route_cells("l", "old").requests, RequestMethod::GET, 200), 1u);
  one = {};
  server = {};
  EXPECT_TRUE(run_until([&] { return cells("l").active.sum() == 0; }));
  turns(3);
  const SeriesIds expired = store.series().take_expired(loop.now() + 2h, series_in_use());
  EXPECT_EQ(expired.routes.size(), 1u);
  worker.forget(expired);
}

TEST_F(HttpBooksTest, BytesOfABodyAreCountedAlsoWithoutAResponse) {
  serve();
  Socket one = client();
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
  const std::string part(5000, 'x');
  ASSERT_TRUE(one.send(head));
  Socket server = accepted();
  until(server, "\r\n\r\n");
  ASSERT_TRUE(one.send(part + "!"));
  until(server, "!");
  const uint64_t sent = head.size() + part.size() + 1;
  EXPECT_EQ(cells("l").received_bytes.value, sent);
  server.reset();
  EXPECT_THAT(until(one, "\r\n\r\n"), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(cells("l").received_bytes.value, sent);
}

class HttpAccessLogTest : public HttpBooksTest {
 protected:
  // The lines of what `talk` does.
  std::string lines(LogFormat format, const std::function<void()>& talk) {
    LogOptions options;
    options.access_format = format;
    LogCapture log(options);
    talk();
    return log.access();
  }
  void hostile_request() {
    Socket one = client(), server;
    exchange(one, server,
             "GET /a\"?x=\\ HTTP/1.1\r\nHost: example.com\r\nReferer: a\" b=\"c\r\n"
             "User-Agent: evil\" status=200 \xff\t!\r\n\r\n",
             ok);
  }
};

TEST_F(HttpAccessLogTest, LineHasTheRequestAndItsOutcome) {
  serve();
  const std::string text = lines(LogFormat::logfmt, [&] {
    Socket one = client(), server;
    exchange(one, server, "GET /a?b=c HTTP/1.1\r\nHost: Example.com\r\nUser-Agent: curl/8\r\n\r\n",
             ok);
  });
  for (const std::string part :
       {" event=request session=", " listener=l client=127.0.0.1:", " status=200 route=* cluster=c",
        " tries=1 ", " received_bytes=", " sent_bytes=", " duration=", " connect=", " first_byte=",
        " request_id=",
        " version=HTTP/1.1 method=GET host=Example.com path=\"/a?b=c\" user_agent=curl/8\n"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, HasSubstr(" backend=" + backend.address().text() + " "));
  EXPECT_EQ(text.find(" reason="), std::string::npos);
  EXPECT_EQ(text.find(" stream="), std::string::npos) << "HTTP/2 only";
}

TEST_F(HttpAccessLogTest, RefusedRequestIsLoggedWithItsReason) {
  serve("", "routes: [{ name: a, match: { path: /a }, cluster: c }]");
  const std::string text = lines(LogFormat::json, [&] {
    Socket one = client();
    ASSERT_TRUE(one.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n"));
    until(one, "\r\n\r\n");
    Socket two = client();
    ASSERT_TRUE(two.send("GET / HTTP/9.9\r\n\r\n"));
    until(two, "\r\n\r\n");
  });
  EXPECT_THAT(text, HasSubstr("\"status\":404"));
  EXPECT_THAT(text, HasSubstr("\"error\":\"no route matches the request\""));
  EXPECT_THAT(text, HasSubstr("\"reason\":\"bad_request\""));
}

TEST_F(HttpAccessLogTest, InputOfClientsBreaksNoLine) {
  serve();
  const std::string logfmt = lines(LogFormat::logfmt, [&] { hostile_request(); });
  EXPECT_THAT(logfmt, HasSubstr(R"(path="/a\"?x=\\")"));
  EXPECT_THAT(logfmt, EndsWith(" referer=\"a\\\" b=\\\"c\" user_agent=\"evil\\\" status=200 "
                               "\\ufffd\\t!\"\n"));
  const std::string combined = lines(LogFormat::combined, [&] { hostile_request(); });
  EXPECT_THAT(combined, StartsWith("127.0.0.1 - - ["));
  EXPECT_THAT(combined, EndsWith(R"("GET /a\"?x=\\ HTTP/1.1" 200 5 "a\" b=\"c" )"
                                 "\"evil\\\" status=200 \\xFF\\x09!\"\n"));
}

}  // namespace
}  // namespace weir::test
