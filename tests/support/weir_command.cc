#include "support/weir_command.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "support/weir_build.h"

namespace weir {
namespace {

std::string taken(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::remove(path.c_str());
  return text.str();
}

}  // namespace

CommandOutcome run_weir(const std::string& arguments, const std::string& directory,
                        const std::string& admin, const std::vector<std::string>& environment) {
  std::string files = directory + "/command_XXXXXX";
  int fd = ::mkstemp(files.data());
  if (fd < 0) return {};
  ::close(fd);
  std::string line = "cd " + directory + " && env -u WEIR_CONFIG -u NOTIFY_SOCKET " +
                     (admin.empty() ? "-u WEIR_ADMIN " : "WEIR_ADMIN=" + admin + " ");
  for (const std::string& one : environment) line += "'" + one + "' ";
  // The arguments may redirect the standard input.
  line += weir_binary() + " </dev/null " + arguments + " >" + files + " 2>" + files + ".err";
  int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, taken(files), taken(files + ".err")};
}

}  // namespace weir
