#include "metrics/worker_metrics.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(WorkerMetrics, KeepsReferencesValidWhileOthersAreMade) {
  WorkerMetrics metrics(0);
  ListenerCells& first = metrics.listener(0);
  for (uint32_t id = 1; id < 1000; ++id) metrics.listener(id).connections_total.add(id);
  first.connections_total.add();
  EXPECT_EQ(&metrics.listener(0), &first);
  EXPECT_EQ(metrics.listener(0).connections_total.value, 1u);
  EXPECT_EQ(metrics.listener(999).connections_total.value, 999u);
}

TEST(WorkerMetrics, ReportIsACopyOfThatMoment) {
  WorkerMetrics metrics(3);
  metrics.listener(2).received_bytes.add(10);
  const WorkerReport report = metrics.report();
  metrics.listener(2).received_bytes.add(5);
  EXPECT_EQ(report.worker, 3u);
  ASSERT_EQ(report.listeners.size(), 1u);
  EXPECT_EQ(report.listeners[0].id, 2u);
  EXPECT_EQ(report.listeners[0].cells.received_bytes.value, 10u);
}

TEST(WorkerMetrics, ReportsInParts) {
  WorkerMetrics metrics(3);
  for (uint32_t id = 0; id < 10; ++id) metrics.backend(2 * id).connects.add(id);
  metrics.listener(0).connections_total.add(7);
  metrics.route(5).request_bytes.add(9);
  metrics.load(4) = 6;
  metrics.self().loop_lag.observe(20ms);
  WorkerMetrics::PartialReport partial;
  int pieces = 1;
  while (!metrics.report_some(partial, 4)) ++pieces;
  EXPECT_EQ(pieces, 3) << "twelve cells";
  const WorkerReport& report = partial.report;
  EXPECT_EQ(report.worker, 3u);
  EXPECT_EQ(report.self.loop_lag.peak, 20ms);
  EXPECT_EQ(report.listeners.at(0).cells.connections_total.value, 7u);
  EXPECT_EQ(report.routes.at(0).cells.request_bytes.value, 9u);
  ASSERT_EQ(report.backends.size(), 10u);
  EXPECT_EQ(report.backends[9].id, 18u);
  EXPECT_EQ(report.backends[9].cells.connects.value, 9u);
  EXPECT_EQ(report.backends[2].cells.load, 6);
}

TEST(WorkerMetrics, ReportsThePeakOfTheLagSinceThePreviousReport) {
  WorkerMetrics metrics(0);
  metrics.self().loop_lag.observe(20ms);
  metrics.self().loop_lag.observe(5ms);
  EXPECT_EQ(metrics.report().self.loop_lag.peak, 20ms);
  metrics.self().loop_lag.observe(1ms);
  EXPECT_EQ(metrics.report().self.loop_lag.peak, 1ms);
}

TEST(WorkerMetrics, ForgetsOnlyTheGivenSeries) {
  WorkerMetrics metrics(0);
  metrics.backend(0).sessions.add();
  metrics.backend(1).sessions.add();
  metrics.forget({{}, {}, {0}});
  const WorkerReport report = metrics.report();
  ASSERT_EQ(report.backends.size(), 1u);
  EXPECT_EQ(report.backends[0].id, 1u);
}

TEST(ListenerCells, AcceptedIsAlwaysOpenPlusEnded) {
  WorkerMetrics metrics(0);
  ListenerCells& cells = metrics.listener(0);
  for (int i = 0; i < 4; ++i) cells.accepted(ConfigAge::current);
  cells.refused(RejectReason::listener_limit);
  cells.ended(EndReason::client_closed, ConfigAge::current, 2s);
  metrics.begin_generation();
  cells.accepted(ConfigAge::current);
  cells.ended(EndReason::idle_timeout, ConfigAge::old, 3s);

  EXPECT_EQ(cells.connections_total.value, 6u);
  EXPECT_EQ(cells.active[ConfigAge::old].value, 2);
  EXPECT_EQ(cells.active[ConfigAge::current].value, 1);
  EXPECT_EQ(cells.ended_total.sum(), 3u);
  EXPECT_EQ(cells.ended_total[EndReason::listener_limit].value, 1u);
  EXPECT_EQ(cells.rejected[RejectReason::listener_limit].value, 1u);
  EXPECT_EQ(cells.session_duration.count(), 2u) << "refused connections are no sessions";
}

TEST(ListenerCells, StreamsAreAlwaysOpenPlusEnded) {
  ListenerCells cells;
  const auto imbalance = [&] {
    return static_cast<int64_t>(cells.http2_streams.value) - cells.http2_streams_active.value -
           static_cast<int64_t>(cells.http2_streams_ended.sum());
  };
  for (int i = 0; i < 3; ++i) cells.stream_begun();
  EXPECT_EQ(imbalance(), 0);
  EXPECT_EQ(cells.http2_streams_active.value, 3);
  cells.stream_ended(StreamEnd::complete);
  cells.stream_ended(StreamEnd::reset_by_client);
  cells.stream_begun();
  cells.stream_ended(StreamEnd::refused);
  EXPECT_EQ(imbalance(), 0);
  EXPECT_EQ(cells.http2_streams.value, 4u) << "the refused one included";
  EXPECT_EQ(cells.http2_streams_active.value, 1);
  EXPECT_EQ(cells.http2_streams_ended[StreamEnd::refused].value, 1u);
}

TEST(ListenerCells, CountsASecondReloadsSessionsAsOldToo) {
  ListenerCells cells;
  cells.accepted(ConfigAge::current);
  cells.begin_generation();
  cells.accepted(ConfigAge::current);
  cells.begin_generation();
  EXPECT_EQ(cells.active[ConfigAge::old].value, 2);
  EXPECT_EQ(cells.active[ConfigAge::current].value, 0);
}

TEST(Labels, EveryRejectReasonIsTheEndReasonOfTheSameName) {
  for (size_t i = 0; i < kListSize<RejectReason>; ++i) {
    const auto reason = static_cast<RejectReason>(i);
    EXPECT_STREQ(text(end_reason(reason)), text(reason));
  }
}

TEST(Histogram, PutsABoundIntoItsOwnBucket) {
  Histogram<kReloadBounds> histogram;
  histogram.observe(1ms);
  histogram.observe(1ms + 1ns);
  histogram.observe(1h);
  EXPECT_EQ(histogram.buckets[0], 1u);
  EXPECT_EQ(histogram.buckets[1], 1u);
  EXPECT_EQ(histogram.buckets.back(), 1u);
  EXPECT_EQ(histogram.sum, 1h + 2ms + 1ns);
}

TEST(NumberHistogram, PutsABoundIntoItsOwnBucket) {
  NumberHistogram<kStreamBounds> histogram;
  for (const uint64_t n : {1u, 2u, 3u, 128u, 129u}) histogram.observe(n);
  EXPECT_EQ(histogram.buckets[0], 1u);
  EXPECT_EQ(histogram.buckets[1], 1u);
  EXPECT_EQ(histogram.buckets[2], 1u);
  EXPECT_EQ(histogram.buckets[7], 1u);
  EXPECT_EQ(histogram.buckets.back(), 1u);
  EXPECT_EQ(histogram.sum, 263u);
}

}  // namespace
}  // namespace weir
