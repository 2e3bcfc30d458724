// The backends of the benchmark: an echo, a source that writes as fast as it can after it has
// received a byte, and an HTTP/1.1 server that keeps its connections and answers every GET with 100
// bytes, or /large with 64 MB.
#pragma once

struct BackendPorts {
  int echo;
  int source;
  int http;
};

[[noreturn]] void run_backends(const BackendPorts& ports);
