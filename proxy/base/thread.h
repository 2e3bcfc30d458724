// Starts threads where std::thread would throw: a limit of threads is an error and no abort.
#pragma once

#include <pthread.h>

#include <functional>
#include <memory>
#include <utility>

namespace weir {

// Zero, or errno. The caller joins or detaches it.
inline int start_thread(pthread_t& thread, std::function<void()> work) {
  auto owned = std::make_unique<std::function<void()>>(std::move(work));
  const auto run = [](void* argument) -> void* {
    const std::unique_ptr<std::function<void()>> taken(
        static_cast<std::function<void()>*>(argument));
    (*taken)();
    return nullptr;
  };
  const int error = ::pthread_create(&thread, nullptr, run, owned.get());
  if (error == 0) owned.release();
  return error;
}

}  // namespace weir
