#include "support/foreign_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace weir {

ForeignServer ForeignServer::haproxy(const std::string& sections, const std::vector<Address>& at) {
  return {{"haproxy", "-db", "-f", "config"},
          "global\n"
          "  log stdout format raw local0\n"
          "  nbthread 1\n"
          "  maxconn 500\n"
          "defaults\n"
          "  log global\n"
          "  option dontlognull\n"
          "  timeout connect 20s\n"
          "  timeout client 20s\n"
          "  timeout server 20s\n"
          "  timeout check 10s\n"
          "  retries 0\n" +
              sections,
          at};
}

ForeignServer ForeignServer::nginx(const std::string& blocks, const std::vector<Address>& at) {
  return {{"nginx", "-e", "errors", "-p", ".", "-c", "config"},
          "daemon off; master_process off; worker_processes 1; pid pid; error_log errors;\n" +
              blocks + "\nevents { worker_connections 512; }\n",
          at};
}

ForeignServer::ForeignServer(std::vector<std::string> command, const std::string& config,
                             std::vector<Address> at)
    : command_(std::move(command)), at_(std::move(at)) {
  std::ofstream(folder_ / "config") << config;
  start();
}

void ForeignServer::start() {
  pid_ = ::fork();
  if (pid_ == 0) run_command();
  const TimePoint until = std::chrono::steady_clock::now() + kPatience;
  for (const Address& address : at_) {
    // The connect succeeds as soon as the server listens; before, it is refused at once.
    while (!Socket::connect(address)) {
      if (running() && std::chrono::steady_clock::now() < until) {
        ::sched_yield();
        continue;
      }
      stop();
      throw std::runtime_error(command_[0] + " does not listen at " + address.text() + ": " +
                               said());
    }
  }
}

void ForeignServer::run_command() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::chdir(folder().c_str()) != 0) ::_exit(126);
  const int output = ::open("output", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  std::vector<char*> argv;
  for (std::string& argument : command_) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

bool ForeignServer::running() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

void ForeignServer::stop() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string ForeignServer::said() const {
  std::ostringstream text;
  text << std::ifstream(folder_ / "output").rdbuf();
  return text.str();
}

}  // namespace weir
