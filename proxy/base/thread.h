// Starts threads: when the limit of threads is reached, start_thread() returns an error, where
// std::thread would throw. All signals are blocked in the new thread: signals for the process are
// delivered to the control thread, and SIGPIPE of its own writes to no thread.
#pragma once

#include <pthread.h>

#include <csignal>
#include <functional>
#include <memory>
#include <utility>

namespace weir {

// Zero, or errno. Unless `attributes` say that the thread is detached, the caller joins or detaches
// it.
inline int start_thread(pthread_t& thread, std::function<void()> work,
                        const pthread_attr_t* attributes = nullptr) {
  auto owned = std::make_unique<std::function<void()>>(std::move(work));
  const auto run = [](void* argument) -> void* {
    const std::unique_ptr<std::function<void()>> taken(
        static_cast<std::function<void()>*>(argument));
    (*taken)();
    return nullptr;
  };
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = ::pthread_create(&thread, attributes, run, owned.get());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) static_cast<void>(owned.release());  // the thread owns it now
  return error;
}

}  // namespace weir
