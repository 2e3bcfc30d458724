#include "metrics/series_budget.h"

namespace weir {
namespace {

TEST(SeriesBudget, RowsOfHttpTakeRoomOnlyForWhatCarriesHttp) {
  const SeriesDemand http{.workers = 1,
                          .listeners = 1,
                          .clusters = 50,
                          .backends = 50,
                          .routes = 100,
                          .http_listeners = 1,
                          .http_clusters = 50,
                          .http_backends = 50};
  SeriesDemand mixed = http;
  mixed.http_clusters = mixed.http_backends = 1;
  size_t enough = 1;
  while (routes_with_series(mixed, enough) < 100) ++enough;
  EXPECT_LT(routes_with_series(http, enough), 100u);
  const size_t rows = series_of_cluster(true) - series_of_cluster(false) + series_of_backend(true) -
                      series_of_backend(false);
  EXPECT_EQ(routes_with_series(http, enough + 49 * rows), 100u);
  EXPECT_LT(routes_with_series(http, enough + 49 * rows - 1), 100u);
}

}  // namespace
}  // namespace weir
