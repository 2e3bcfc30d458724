#include "upstream/balancer.h"

#include "base/check.h"

namespace weir {

std::unique_ptr<Balancer> make_balancer(config::Balance policy, uint64_t seed) {
  switch (policy) {
#define BALANCER(name, help)  \
  case config::Balance::name: \
    return make_##name(seed);
#include "config/balancers.def"
#undef BALANCER
  }
  CHECK_UNREACHABLE();
}

}  // namespace weir
