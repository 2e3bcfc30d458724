// The numbers that one worker counts for a listener, a route, a cluster, a backend and itself. The
// members are the rows of metrics.def. Owner: WorkerMetrics; thread: the worker's. A session keeps
// references, no lookups.
//
// For each listener, at the end of every turn: connections_total = active + ended_total, and
// http2_streams = http2_streams_active + http2_streams_ended. The functions of ListenerCells keep
// it so; nothing else touches these cells.
#pragma once

#include "metrics/cell_types.h"
#include "metrics/request_counts.h"

namespace weir {

struct ListenerCells {
#define LISTENER(type, member, name, labels, help) type member;
#include "metrics/metrics.def"

  // Accepted and served. `age`: a connection that another worker accepted may have an old config.
  void accepted(ConfigAge age) {
    connections_total.add();
    active[age].add();
  }
  // Accepted and closed at once; no session begins.
  void refused(RejectReason reason) {
    connections_total.add();
    rejected[reason].add();
    ended_total[end_reason(reason)].add();
  }
  // The end of what accepted() began. `age`: whether the config it was accepted under is in force.
  void ended(EndReason reason, ConfigAge age, Duration lasted) {
    active[age].sub();
    ended_total[reason].add();
    session_duration.observe(lasted);
  }
  // A client has opened a stream of HTTP/2, which stream_ended() ends; also one that is refused.
  void stream_begun() {
    http2_streams.add();
    http2_streams_active.add();
  }
  void stream_ended(StreamEnd how) {
    http2_streams_active.sub();
    http2_streams_ended[how].add();
  }
  // An open session continues under the config in force.
  void renewed() {
    active[ConfigAge::old].sub();
    active[ConfigAge::current].add();
  }
  // A new config is in force: all open sessions are of an old config now.
  void begin_generation() {
    active[ConfigAge::old] += active[ConfigAge::current];
    active[ConfigAge::current].set(0);
  }
};

struct RouteCells {
#define ROUTE(type, member, name, labels, help) type member;
#include "metrics/metrics.def"
};

struct ClusterCells {
#define CLUSTER(type, member, name, labels, help) type member;
#include "metrics/metrics.def"
};

struct BackendCells {
#define BACKEND(type, member, name, labels, help) type member;
#include "metrics/metrics.def"

  // In a report: WorkerMetrics::load() at that moment.
  int64_t load = 0;
};

struct WorkerCells {
#define WORKER(type, member, name, labels, help) type member;
#include "metrics/metrics.def"
};

}  // namespace weir
