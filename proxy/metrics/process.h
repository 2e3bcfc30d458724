// What the kernel and the allocator say about this process: the process_* metrics.
#pragma once

namespace weir {

struct ProcessState;

// Reads /proc/self; costs some tens of microseconds, more with many open descriptors.
void read_process(ProcessState& state);

}  // namespace weir
