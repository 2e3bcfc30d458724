#include "metrics/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace weir {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The value of the series with exactly this name and labels; fails the test if there is none.
double value_of(const std::string& text, const std::string& series) {
  std::istringstream lines("\n" + text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(series + " ")) return std::strtod(line.c_str() + series.size(), nullptr);
  }
  ADD_FAILURE() << series << " is not in the scrape";
  return -1;
}

// Two workers, a listener and a cluster of two backends.
class CollectorTest : public ::testing::Test {
 protected:
  CollectorTest() {
    registry.keep_only(ids, TimePoint{1h});
    state.build.set({"0.1.0", "abc", "2.1.12"});
    state.applied(1, "c0ffee", 1.7e9);
    state.backends[ids.backends[0]].set(BackendStatus::up, 2);
    state.backends[ids.backends[1]].set(BackendStatus::down, 1);
  }
  std::string scrape() { return Collector().render(state, reports(), registry); }
  WorkerReports reports() {
    return {std::make_shared<const WorkerReport>(a.report()),
            std::make_shared<const WorkerReport>(b.report())};
  }

  SeriesRegistry registry;
  SeriesIds ids{{registry.listener("web")},
                {registry.cluster("app")},
                {registry.backend("app", "one"), registry.backend("app", "two")},
                {registry.route("web", "api")}};
  WorkerMetrics a{0}, b{1};
  ProcessState state;
};

TEST_F(CollectorTest, SumsTheWorkers) {
  a.listener(0).accepted(ConfigAge::current);
  b.listener(0).accepted(ConfigAge::current);
  b.listener(0).ended(EndReason::backend_reset, ConfigAge::current, 20s);
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, R"(weir_connections_total{listener="web",protocol="tcp"})"), 2);
  EXPECT_EQ(
      value_of(text,
               R"(weir_connections_active{listener="web",protocol="tcp",generation="current"})"),
      1);
  EXPECT_EQ(
      value_of(
          text,
          R"(weir_connections_ended_total{listener="web",protocol="tcp",reason="backend_reset"})"),
      1);
  EXPECT_EQ(value_of(text, R"(weir_sessions_duration_seconds_bucket{listener="web",le="15"})"), 0);
  EXPECT_EQ(value_of(text, R"(weir_sessions_duration_seconds_bucket{listener="web",le="60"})"), 1);
  EXPECT_EQ(value_of(text, R"(weir_sessions_duration_seconds_sum{listener="web"})"), 20);
}

TEST_F(CollectorTest, ShowsRequestsByMethodAndStatus) {
  a.route(0).requests.add(RequestMethod::GET, 200);
  b.route(0).requests.add(RequestMethod::GET, 200);
  b.route(0).requests.add(RequestMethod::other, 0);
  b.route(0).duration.observe(3ms);
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, R"(weir_http_requests_total{listener="web",route="api",method="GET",)"
                           R"(code="200"})"),
            2);
  EXPECT_EQ(value_of(text, R"(weir_http_requests_total{listener="web",route="api",method="other",)"
                           R"(code="none"})"),
            1);
  EXPECT_EQ(value_of(text, R"(weir_http_request_duration_seconds_bucket{listener="web",)"
                           R"(route="api",le="0.005"})"),
            1);
}

TEST_F(CollectorTest, ShowsAStatusOfGrpcOnceItHasBeenCounted) {
  EXPECT_THAT(scrape(), Not(HasSubstr("weir_grpc_responses_total{")));
  a.route(0).grpc_responses[GrpcStatus::OK].add(2);
  b.route(0).grpc_responses[GrpcStatus::OK].add();
  b.route(0).grpc_responses[GrpcStatus::none].add();
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, R"(weir_grpc_responses_total{listener="web",route="api",status="OK"})"),
            3);
  EXPECT_EQ(
      value_of(text, R"(weir_grpc_responses_total{listener="web",route="api",status="none"})"), 1);
  EXPECT_THAT(text, Not(HasSubstr(R"(status="UNKNOWN")")));
}

TEST_F(CollectorTest, SumsTheStreamsOfTheWorkers) {
  ids.listeners.push_back(registry.listener("web2", "http1"));
  registry.keep_only(ids, TimePoint{1h});
  a.listener(1).stream_begun();
  b.listener(1).stream_begun();
  b.listener(1).stream_ended(StreamEnd::reset_by_weir);
  b.listener(1).http_connections[HttpMajor::h2].add();
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, R"(weir_http2_streams_total{listener="web2"})"), 2);
  EXPECT_EQ(value_of(text, R"(weir_http2_streams_active{listener="web2"})"), 1);
  EXPECT_EQ(
      value_of(text, R"(weir_http2_streams_ended_total{listener="web2",how="reset_by_weir"})"), 1);
  EXPECT_EQ(value_of(text, R"(weir_http_connections_total{listener="web2",version="h2"})"), 1);
  EXPECT_THAT(text, Not(HasSubstr(R"(weir_http2_streams_total{listener="web"})")));
}

TEST_F(CollectorTest, ShowsAHistogramOfNumbers) {
  registry.cluster_carries_http(0);
  a.cluster(0).streams_per_write.observe(3);
  b.cluster(0).streams_per_write.observe(1);
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, R"(weir_backend_streams_per_write_bucket{cluster="app",le="2"})"), 1);
  EXPECT_EQ(value_of(text, R"(weir_backend_streams_per_write_bucket{cluster="app",le="4"})"), 2);
  EXPECT_EQ(value_of(text, R"(weir_backend_streams_per_write_sum{cluster="app"})"), 4);
}

TEST_F(CollectorTest, ShowsRowsOfHttpOnlyForHttp) {
  EXPECT_THAT(scrape(), Not(HasSubstr("weir_cluster_queue_duration_seconds_count{")));
  EXPECT_THAT(scrape(), Not(HasSubstr("weir_backend_requests_total{")));
  registry.cluster_carries_http(0);
  registry.backend_carries_http(1);
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, R"(weir_cluster_queue_length{cluster="app"})"), 0);
  EXPECT_THAT(text, Not(HasSubstr(R"(weir_backend_requests_total{cluster="app",backend="one")")));
  EXPECT_EQ(value_of(text, R"(weir_backend_requests_total{cluster="app",backend="two",)"
                           R"(code_class="5xx"})"),
            0);
}

TEST_F(CollectorTest, ShowsEveryRowOfTheTable) {
  registry.listener("web2", "http1");
  registry.cluster_carries_http(0);
  registry.backend_carries_http(0);
  ids.listeners.push_back(registry.listener("web2", "http1"));
  registry.keep_only(ids, TimePoint{1h});
  a.route(0).requests.add(RequestMethod::GET, 200);
  a.route(0).grpc_responses[GrpcStatus::OK].add();
  const std::string text = scrape();
#define PROCESS(type, member, name, labels, help) \
  EXPECT_THAT(text, HasSubstr("\n# TYPE " name " "));
#define WORKER PROCESS
#define LISTENER PROCESS
#define LISTENER_STATE PROCESS
#define HTTP_LISTENER PROCESS
#define ROUTE PROCESS
#define CLUSTER PROCESS
#define HTTP_CLUSTER PROCESS
#define HTTP_BACKEND PROCESS
#define CLUSTER_STATE PROCESS
#define BACKEND PROCESS
#define BACKEND_STATE PROCESS
#include "metrics/metrics.def"
}

TEST_F(CollectorTest, ShowsWorkersApartOrSummedAsTheRowSays) {
  a.self().buffer_bytes.add(100);
  b.self().buffer_bytes.add(50);
  a.self().busy.add(1500ms);
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, "weir_buffer_bytes"), 150);
  EXPECT_EQ(value_of(text, R"(weir_worker_busy_seconds_total{worker="0"})"), 1.5);
  EXPECT_EQ(value_of(text, R"(weir_worker_busy_seconds_total{worker="1"})"), 0);
}

TEST_F(CollectorTest, ShowsAStateAsOneSeriesPerValue) {
  state.phase.set(ProcessPhase::draining);
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, R"(weir_process_state{state="draining"})"), 1);
  EXPECT_EQ(value_of(text, R"(weir_process_state{state="serving"})"), 0);
  EXPECT_EQ(value_of(text, R"(weir_backend_state{cluster="app",backend="two",state="down"})"), 1);
  EXPECT_EQ(value_of(text, R"(weir_backend_state{cluster="app",backend="two",state="up"})"), 0);
  EXPECT_EQ(value_of(text, R"(weir_config_info{hash="c0ffee"})"), 1);
}

TEST_F(CollectorTest, CountsTheBackendsOfAClusterFromTheirStates) {
  EXPECT_EQ(value_of(scrape(), R"(weir_cluster_backends{cluster="app"})"), 2);
  EXPECT_EQ(value_of(scrape(), R"(weir_cluster_healthy_backends{cluster="app"})"), 1);
  state.backends[ids.backends[0]].set(BackendStatus::held_off, 2);
  EXPECT_EQ(value_of(scrape(), R"(weir_cluster_healthy_backends{cluster="app"})"), 0);
}

TEST_F(CollectorTest, NoLongerCountsARemovedBackendButStillShowsIt) {
  registry.keep_only({ids.listeners, ids.clusters, {ids.backends[0]}}, TimePoint{2h});
  const std::string text = scrape();
  EXPECT_EQ(value_of(text, R"(weir_cluster_backends{cluster="app"})"), 1);
  EXPECT_EQ(value_of(text, R"(weir_backend_connects_total{cluster="app",backend="two"})"), 0);
}

TEST_F(CollectorTest, DropsAnExpiredSeries) {
  registry.keep_only({}, TimePoint{2h});
  state.forget(registry.take_expired(TimePoint{3h}, {}));
  EXPECT_THAT(scrape(), Not(HasSubstr("listener=\"web\"")));
  EXPECT_THAT(scrape(), Not(HasSubstr("backend=\"one\"")));
}

TEST_F(CollectorTest, WritesLargeCountersToTheLastDigit) {
  constexpr uint64_t kLargest = (1ull << 53) - 1;
  a.listener(0).received_bytes.add(kLargest);
  EXPECT_THAT(scrape(), HasSubstr("weir_listener_received_bytes_total{listener=\"web\"} " +
                                  std::to_string(kLargest) + "\n"));
}

TEST_F(CollectorTest, EscapesNamesFromTheConfig) {
  ids.listeners.push_back(registry.listener("a\"b\\c"));
  registry.keep_only(ids, TimePoint{2h});
  EXPECT_EQ(value_of(scrape(), R"(weir_listener_sent_bytes_total{listener="a\"b\\c"})"), 0);
}

TEST_F(CollectorTest, LeavesOutSeriesBeyondTheLimitAndReportsTheirNumber) {
  constexpr const char* kDetail = "weir_backend_connects_total{";
  Collector collector(160);
  EXPECT_THAT(collector.render(state, reports(), registry), Not(HasSubstr(kDetail)));
  const std::string text = collector.render(state, reports(), registry);
  EXPECT_LE(value_of(text, "weir_metrics_series"), 160);
  EXPECT_GT(value_of(text, "weir_metrics_series_dropped_total"), 10);
}

TEST_F(CollectorTest, BackendsThatDoNotCarryHttpTakeOnlyTheRoomOfTheirOwnRows) {
  scrape();
  const std::string all = scrape();
  const auto series = static_cast<size_t>(value_of(all, "weir_metrics_series"));
  Collector collector(series);
  collector.render(state, reports(), registry);
  const std::string text = collector.render(state, reports(), registry);
  EXPECT_EQ(value_of(text, R"(weir_backend_connects_total{cluster="app",backend="two"})"), 0);
  EXPECT_EQ(value_of(text, "weir_metrics_series_dropped_total"), 0);
}

TEST_F(CollectorTest, RoutesAreLeftOutFirstAndTheHealthOfBackendsLast) {
  for (uint32_t i = 0; i < 500; ++i) {
    ids.routes.push_back(registry.route("web", std::to_string(i)));
    a.route(ids.routes.back()).requests.add(RequestMethod::GET, 200);
  }
  for (uint32_t i = 0; i < 100; ++i) {
    ids.backends.push_back(registry.backend("app", std::to_string(i)));
    state.backends[ids.backends.back()].set(BackendStatus::down, 1);
  }
  registry.keep_only(ids, TimePoint{1h});
  const std::string routes_cut = Collector(8000).render(state, reports(), registry);
  EXPECT_EQ(value_of(routes_cut, R"(weir_backend_connects_total{cluster="app",backend="99"})"), 0);
  EXPECT_EQ(value_of(routes_cut, R"(weir_backend_up{cluster="app",backend="99"})"), 0);
  EXPECT_THAT(routes_cut, HasSubstr("weir_http_requests_total{"));
  EXPECT_THAT(routes_cut,
              Not(HasSubstr(R"(weir_http_response_bytes_total{listener="web",route="499")")));
  const std::string details_cut = Collector(400).render(state, reports(), registry);
  EXPECT_EQ(value_of(details_cut, R"(weir_backend_up{cluster="app",backend="99"})"), 0);
  EXPECT_EQ(value_of(details_cut, R"(weir_cluster_healthy_backends{cluster="app"})"), 1);
  EXPECT_THAT(details_cut,
              Not(HasSubstr(R"(weir_backend_connects_total{cluster="app",backend="99")")));
  const std::string least = Collector(1).render(state, reports(), registry);
  EXPECT_GT(value_of(least, "process_start_time_seconds"), 0);
  EXPECT_EQ(value_of(least, R"(weir_config_reloads_total{result="ok"})"), 0);
}

TEST_F(CollectorTest, ReadsTheProcessFromTheKernel) {
  const std::string text = scrape();
  EXPECT_GT(value_of(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value_of(text, "process_virtual_memory_bytes"),
            value_of(text, "process_resident_memory_bytes"));
#if !defined(WEIR_ASAN) && !defined(WEIR_TSAN)  // their allocators do not report it
  EXPECT_GT(value_of(text, "process_heap_bytes"), 0);
#endif
  EXPECT_GE(value_of(text, "process_threads"), 1);
  const double age =
      static_cast<double>(::time(nullptr)) - value_of(text, "process_start_time_seconds");
  EXPECT_GE(age, -2);
  EXPECT_LT(age, 3600);
  const double before = value_of(text, "process_open_fds");
  const int fd = ::dup(0);
  EXPECT_EQ(value_of(scrape(), "process_open_fds"), before + 1);
  ::close(fd);
}

TEST_F(CollectorTest, IsAcceptedByPromtoolWithoutWarnings) {
  const std::string path = ::testing::TempDir() + "/weir_scrape_" + std::to_string(::getpid());
  FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  const std::string text = scrape();
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
  ASSERT_EQ(std::fclose(file), 0);
  const std::string command = "promtool check metrics < " + path + " 2>&1";
  FILE* promtool = ::popen(command.c_str(), "r");
  ASSERT_NE(promtool, nullptr);
  std::string remarks;
  for (char part[512]; std::fgets(part, sizeof part, promtool);) remarks += part;
  EXPECT_EQ(::pclose(promtool), 0) << remarks;
  EXPECT_EQ(remarks, "");
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace weir
