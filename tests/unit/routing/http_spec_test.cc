// The compiled configuration of an HTTP listener, and the protocols that it offers.
#include "routing/http_spec.h"

#include <gmock/gmock.h>

#include "unit/routing/routing_model.h"

namespace weir {
namespace {

using testing::ElementsAre;

HttpSpec spec(std::string_view listener) {
  const config::Model model = routing_model(listener);
  return HttpSpec(model.listeners.at(0), model.clusters);
}
std::vector<std::string> offered(std::string_view keys) {
  const config::Model model = routing_model("    cluster: a\n" + std::string(keys));
  return offered_protocols(model.listeners.at(0));
}

TEST(HttpSpec, HasTheLimitOfStreams) {
  EXPECT_EQ(spec("    cluster: a\n").max_streams, 100u);
  EXPECT_EQ(spec("    cluster: a\n    http2: { max_streams: 5 }\n").max_streams, 5u);
}

TEST(HttpSpec, EnablesHttp2UnlessTheListenerDisablesIt) {
  EXPECT_TRUE(spec("    cluster: a\n").http2_enabled);
  EXPECT_FALSE(spec("    cluster: a\n    http2: { enabled: false }\n").http2_enabled);
}

TEST(HttpSpec, AllowsUpgradesIfAnyRouteThatForwardsDoes) {
  EXPECT_TRUE(spec("    cluster: a\n").allows_upgrade) << "websocket, the default";
  EXPECT_FALSE(spec("    routes: [{ cluster: a, upgrade: none }]\n").allows_upgrade);
  EXPECT_FALSE(spec("    routes: [{ respond: { status: 204 } }]\n").allows_upgrade);
  EXPECT_TRUE(spec("    routes: [{ match: { path: /a }, cluster: a, upgrade: none }, "
                   "{ match: { path: /b }, cluster: b, upgrade: chat }]\n")
                  .allows_upgrade);
}

TEST(OfferedProtocols, BeginWithH2UnlessHttp2IsDisabled) {
  const std::string tls = "    tls: { certificates: [a.pem] }\n";
  EXPECT_THAT(offered(tls), ElementsAre("h2", "http/1.1", "http/1.0"));
  EXPECT_THAT(offered(tls + "    http2: { enabled: false }\n"),
              ElementsAre("http/1.1", "http/1.0"));
}

TEST(OfferedProtocols, AreThoseOfAlpnInItsOrder) {
  EXPECT_THAT(offered("    tls: { certificates: [a.pem], alpn: [http/1.0, http/1.1] }\n"),
              ElementsAre("http/1.0", "http/1.1"));
  EXPECT_THAT(offered("    tls: { certificates: [a.pem], alpn: [http/1.1, h2] }\n"),
              ElementsAre("http/1.1", "h2"));
}

}  // namespace
}  // namespace weir
