// The state of this process from the kernel and the allocator: the process_* metrics.
#pragma once

namespace weir {

struct ProcessState;

// Reads /proc/self; costs some tens of microseconds, more with many open descriptors.
void read_process(ProcessState& state);

}  // namespace weir
