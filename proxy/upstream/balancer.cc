#include "upstream/balancer.h"

#include <utility>

#include "base/check.h"

namespace weir {

std::unique_ptr<Balancer> make_balancer(config::Balance policy, uint64_t seed,
                                        std::shared_ptr<const HashTable> table) {
  switch (policy) {
#define BALANCER(name, help)  \
  case config::Balance::name: \
    return make_##name(seed, std::move(table));
#include "config/balancers.def"
#undef BALANCER
  }
  CHECK_UNREACHABLE();
}

}  // namespace weir
