// getaddrinfo(3) for one process (LD_PRELOAD), with the names of the file WEIR_TEST_NAMES, which is
// read at every call. A line is a name and the result of its lookup:
//   app.test 127.0.0.1 ::1        these addresses
//   app.test gate /asked /go 127.0.0.1  one byte in the FIFO /asked reports the lookup; the
//                                 answer comes when the test writes to the FIFO /go
//   app.test fail                 no name server answers
//   app.test hang /path/to/fifo   no answer; one byte in the FIFO reports the lookup
// The system resolves a name that is not in the file.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace {

// One block for each address, as in glibc: freeaddrinfo(3) frees them.
addrinfo* entry(const std::string& text) {
  auto* made = static_cast<addrinfo*>(std::calloc(1, sizeof(addrinfo) + sizeof(sockaddr_in6)));
  void* address = made + 1;
  const bool v6 = text.find(':') != std::string::npos;
  made->ai_family = v6 ? AF_INET6 : AF_INET;
  made->ai_socktype = SOCK_STREAM;
  made->ai_addr = static_cast<sockaddr*>(address);
  made->ai_addr->sa_family = static_cast<sa_family_t>(made->ai_family);
  made->ai_addrlen = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (v6)
    ::inet_pton(AF_INET6, text.c_str(), &static_cast<sockaddr_in6*>(address)->sin6_addr);
  else
    ::inet_pton(AF_INET, text.c_str(), &static_cast<sockaddr_in*>(address)->sin_addr);
  return made;
}

void hang(const std::string& fifo) {
  const int fd = ::open(fifo.c_str(), O_WRONLY);
  if (::write(fd, "?", 1) != 1) std::abort();
  while (true) ::poll(nullptr, 0, -1);
}

void wait_at(const std::string& asked, const std::string& go) {
  const int fd = ::open(asked.c_str(), O_WRONLY);
  if (::write(fd, "?", 1) != 1) std::abort();
  ::close(::open(go.c_str(), O_RDONLY));  // waits until the test opens it for writing
  ::close(fd);
}

int answer(std::istringstream& words, addrinfo** result) {
  for (std::string word; words >> word;) {
    if (word == "fail") return EAI_AGAIN;
    if (word == "hang") {
      words >> word;
      hang(word);
    }
    if (word == "gate") {
      std::string asked, go;
      words >> asked >> go;
      wait_at(asked, go);
      continue;
    }
    *result = entry(word);
    result = &(*result)->ai_next;
  }
  return 0;
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  const char* path = std::getenv("WEIR_TEST_NAMES");
  std::ifstream file(path != nullptr ? path : "/dev/null");
  for (std::string line; node != nullptr && std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name == node) return answer(words, result);
  }
  using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(node, service, hints, result);
}
