// What an errno means, whatever call has set it.
#pragma once

#include <cerrno>

namespace weir {

// The process or the host has run out of descriptors or memory.
inline bool is_out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace weir
