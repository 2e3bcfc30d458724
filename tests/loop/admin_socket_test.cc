// The UNIX socket of the admin server: its permissions, and the owner of its file.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "admin_fixture.h"

namespace weir::test {
namespace {

class AdminSocketTest : public AdminServerTest {
 protected:
  AdminSocketTest() {
    char name[] = "/tmp/weir-admin-XXXXXX";
    directory_ = ::mkdtemp(name);
    path_ = directory_ + "/admin.sock";
    auto parsed = Address::parse("unix:" + path_);
    EXPECT_TRUE(parsed);
    unix_ = *parsed;
  }
  ~AdminSocketTest() override {
    server_.close();
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }
  bool exists() const { return ::access(path_.c_str(), F_OK) == 0; }
  // Leaves the socket file of an exited process.
  void leave_stale_socket() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    socklen_t length = unix_.to_sockaddr(storage);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  }

  std::string directory_, path_;
  Address unix_;
};

TEST_F(AdminSocketTest, AnswersAlsoOnTheUnixSocket) {
  ASSERT_TRUE(server_.listen(unix_));
  AdminClient client(unix_);
  client.send(post("/echo", "x",
                   "Origin: http://evil.example\r\n"));  // browsers do not connect to UNIX sockets
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 200);
  EXPECT_EQ(status_of(get("/hello")), 200) << "and on the port as before";
}

TEST_F(AdminSocketTest, IsAccessibleToItsOwnerOnlyWhateverTheUmask) {
  for (mode_t mask : {mode_t(0), mode_t(0777)}) {
    mode_t before = ::umask(mask);
    auto listening = server_.listen(unix_);
    ::umask(before);
    ASSERT_TRUE(listening) << listening.error().text();
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    server_.close();
    EXPECT_FALSE(exists());
  }
}

TEST_F(AdminSocketTest, HasTheConfiguredPermissions) {
  ASSERT_TRUE(server_.listen(unix_, {0660, "", std::to_string(::getegid())}));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660u);
}

TEST_F(AdminSocketTest, ReplacesTheSocketFileOfAnExitedProcess) {
  leave_stale_socket();
  ASSERT_TRUE(exists());
  auto listening = server_.listen(unix_);
  ASSERT_TRUE(listening) << listening.error().text();
  AdminClient client(unix_);
  client.send(get("/hello"));
  EXPECT_TRUE(replied(client));
}

TEST_F(AdminSocketTest, DoesNotReplaceASocketThatIsInUse) {
  ASSERT_TRUE(server_.listen(unix_));
  AdminServer second(test_.loop, std::cref(routes_));
  auto refused = second.listen(unix_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("another process"), std::string::npos)
      << refused.error().text();
  EXPECT_TRUE(exists());
  AdminClient client(unix_);
  client.send(get("/hello"));
  EXPECT_TRUE(replied(client));
}

TEST_F(AdminSocketTest, DoesNotRemoveAFileThatIsNotASocket) {
  std::ofstream(path_) << "precious";
  auto refused = server_.listen(unix_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("not a socket"), std::string::npos)
      << refused.error().text();
  EXPECT_TRUE(exists());
}

TEST_F(AdminSocketTest, ReportsAMissingDirectory) {
  auto address = Address::parse("unix:" + directory_ + "/missing/admin.sock");
  ASSERT_TRUE(address);
  auto refused = server_.listen(*address);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("create its directory"), std::string::npos)
      << refused.error().text();
}

TEST_F(AdminSocketTest, DoesNotRemoveTheSocketFileOfASuccessor) {
  ASSERT_TRUE(server_.listen(unix_));
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  leave_stale_socket();
  server_.close();
  EXPECT_TRUE(exists());
}

}  // namespace
}  // namespace weir::test
