// A Pipe between two socket pairs: the test holds the outer ends, the pipe's transports the inner
// ones.
#pragma once

#include "net/pipe.h"
#include "support/socket_pair.h"
#include "support/test_loop.h"

namespace weir::test {

struct PipeFixture final : PipeObserver {
  PipeFixture(PipeResources& resources, SocketPair client_pair, SocketPair backend_pair)
      : pipe(resources, client, backend, *this),
        client_end(std::move(client_pair.a)),
        backend_end(std::move(backend_pair.a)) {
    EXPECT_TRUE(client.open(resources.loop, client_pair.b.release()));
    EXPECT_TRUE(backend.open(resources.loop, backend_pair.b.release()));
    pipe.start();
  }
  void on_pipe() override {
    ++reports;
    const bool failed = is_failed(pipe.request) || is_failed(pipe.response);
    if (failed) client.abort(), backend.abort(), pipe.stop();
    if (failed || pipe.ended()) over = true;
  }
  static bool is_failed(const HalfPipe& half) {
    return half.state() == HalfPipe::State::source_failed ||
           half.state() == HalfPipe::State::sink_failed;
  }
  void close() {
    pipe.stop();
    client.close();
    backend.close();
  }

  Transport client, backend;
  Pipe pipe;
  UniqueFd client_end, backend_end;
  int reports = 0;
  bool over = false;
};

}  // namespace weir::test
