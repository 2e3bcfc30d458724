// Every example configuration starts: as it is but for its addresses, paths and names, which are
// this machine's.
#include <algorithm>
#include <filesystem>

#include "config/load.h"
#include "config/print.h"
#include "support/network.h"
#include "support/proxy_process.h"
#include "support/tls_peer.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> examples() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(WEIR_SOURCE_DIR) / "config/examples"))
    if (entry.is_regular_file()) names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

// The same host on a free port; two binds of the same address get the same port.
class Ports {
 public:
  std::string moved(const std::string& bind) {
    const uint16_t port = Address::parse(bind)->port();
    if (!ports_.contains(port)) ports_[port] = free_address().port();
    return bind.substr(0, bind.rfind(':') + 1) + std::to_string(ports_[port]);
  }

 private:
  std::map<uint16_t, uint16_t> ports_;
};

void move_here(config::Model& model, const std::string& folder) {
  Ports ports;
  int files = 0;
  const auto path = [&] { return folder + "/" + std::to_string(files++); };
  for (config::Listener& listener : model.listeners)
    for (std::string& bind : listener.bind)
      bind = bind.starts_with("unix:") ? "unix:" + path() : ports.moved(bind);
  for (config::Cluster& cluster : model.clusters)
    for (config::Backend& backend : cluster.backends) {
      backend.address = free_address().text();
      backend.name = backend.address;
    }
  if (!model.admin.bind.empty()) model.admin.bind = ports.moved(model.admin.bind);
  model.admin.socket = folder + "/admin.sock";
  for (std::string* output : {&model.logging.output, &model.logging.access.output})
    if (output->starts_with("/")) *output = path();
}

// Its certificates, issued for the names of their files.
void issue(config::Model& model, test::TestAuthority& authority) {
  const auto replace = [&](std::string& cert, std::string& key) {
    const test::IssuedFiles files = authority.issue({.hosts = {fs::path(cert).stem()}});
    cert = files.cert;
    key = files.key;
  };
  for (config::Listener& listener : model.listeners) {
    if (!listener.tls) continue;
    for (config::Certificate& one : listener.tls->certificates) {
      replace(one.cert, one.key);
      if (one.client_auth) one.client_auth->ca = authority.file();
    }
  }
  for (config::Cluster& cluster : model.clusters)
    if (cluster.tls && !cluster.tls->ca.empty()) cluster.tls->ca = authority.file();
}

class Example : public testing::TestWithParam<std::string> {};

TEST_P(Example, Starts) {
  enter_own_network();
  config::Loaded loaded =
      config::load(fs::path(WEIR_SOURCE_DIR) / "config/examples" / (GetParam() + ".yaml"),
                   [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
  char name[] = "/tmp/weir-example-XXXXXX";
  const std::string folder = ::mkdtemp(name);
  move_here(loaded.model, folder);
  test::TestAuthority authority;
  issue(loaded.model, authority);
  {
    ProxyProcess weir(config::to_yaml(loaded.model));
    EXPECT_TRUE(weir.ready());
    for (const config::Listener& listener : loaded.model.listeners)
      for (const std::string& bind : listener.bind) {
        const Address address = *Address::parse(bind);
        const bool wildcard = bind.find("0.0.0.0") == 0 || bind[0] == ':' || bind[0] == '[';
        EXPECT_TRUE(
            Socket::connect(wildcard ? *Address::parse((bind[0] == '[' ? "[::1]:" : "127.0.0.1:") +
                                                       std::to_string(address.port()))
                                     : address))
            << bind;
      }
  }
  fs::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(All, Example, testing::ValuesIn(examples()),
                         [](const auto& example) { return example.param; });

}  // namespace
}  // namespace weir
