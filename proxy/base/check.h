// CHECK: an invariant of weir's own code, in every build; a failure prints the place and aborts.
// DCHECK: the same where a check would cost time on the data path; debug, sanitizer, fuzz and
// simulation builds. Never for anything that arrives from the network, a file or the command line.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace weir {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, expression);
  std::abort();
}

}  // namespace weir

#define CHECK(expression) \
  ((expression) ? void(0) : ::weir::check_failed(#expression, __FILE__, __LINE__))
#define CHECK_UNREACHABLE() ::weir::check_failed("unreachable", __FILE__, __LINE__)

#ifdef WEIR_DCHECK
#define DCHECK(expression) CHECK(expression)
#else
#define DCHECK(expression) void(sizeof(expression))
#endif
