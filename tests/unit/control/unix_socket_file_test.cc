#include "control/unix_socket_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "os/sys.h"
#include "support/temp_folder.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

class UnixSocketFileTest : public testing::Test {
 protected:
  // An open socket that is bound to the path, or the error.
  Result<UniqueFd> bind(const SocketPermissions& permissions = {}) {
    UniqueFd fd(sys::socket(AF_UNIX));
    if (Result<void> bound = bind_unix_socket(fd.get(), address_, permissions); !bound)
      return bound.error();
    return fd;
  }
  std::string refusal(const SocketPermissions& permissions = {}) {
    const Result<UniqueFd> made = bind(permissions);
    return made ? std::string("bound") : made.error().text();
  }
  mode_t mode() const {
    struct stat status {};
    return ::lstat(path_.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }
  bool exists() const { return socket_file(address_).inode != 0; }

  const TempFolder folder_;
  const std::string path_ = folder_ / "s";
  const Address address_ = *Address::parse("unix:" + path_);
};

TEST_F(UnixSocketFileTest, HasItsPermissionsWhateverTheUmask) {
  for (const mode_t mask : {mode_t(0), mode_t(0777)}) {
    const mode_t before = ::umask(mask);
    const std::string refused = refusal({0620, "", ""});
    ::umask(before);
    EXPECT_EQ(refused, "bound");
    EXPECT_EQ(mode(), 0620u);
  }
}

TEST_F(UnixSocketFileTest, ReplacesAFileWithoutAListener) {
  ASSERT_TRUE(bind());
  const SocketFile stale = socket_file(address_);
  ASSERT_NE(stale.inode, 0u);
  EXPECT_TRUE(bind());
  EXPECT_TRUE(exists());
}

TEST_F(UnixSocketFileTest, KeepsAFileWithAListenerAlsoWhenItsQueueIsFull) {
  const Result<UniqueFd> first = bind();
  ASSERT_TRUE(first);
  ASSERT_EQ(sys::listen(first->get(), 0), 0);
  const SocketFile theirs = socket_file(address_);
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(refusal(), HasSubstr("another process listens there")) << i;
    EXPECT_EQ(socket_file(address_), theirs);
    sockaddr_storage storage;
    const socklen_t length = address_.to_sockaddr(storage);
    waiting.emplace_back(sys::socket(AF_UNIX));
    sys::connect(waiting.back().get(), reinterpret_cast<const sockaddr*>(&storage), length);
  }
}

TEST_F(UnixSocketFileTest, KeepsAFileThatIsNotASocket) {
  std::ofstream(path_) << "data";
  EXPECT_THAT(refusal(), HasSubstr("exists and is not a socket"));
  EXPECT_EQ(std::filesystem::file_size(path_), 4u);
}

// Its target may belong to another service.
TEST_F(UnixSocketFileTest, DoesNotFollowASymbolicLink) {
  const Address target = *Address::parse("unix:" + (folder_ / "target"));
  const UniqueFd fd(sys::socket(AF_UNIX));
  ASSERT_TRUE(bind_unix_socket(fd.get(), target, {}));
  std::filesystem::create_symlink(folder_ / "target", path_);
  EXPECT_THAT(refusal(), HasSubstr("exists and is not a socket"));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_NE(socket_file(target).inode, 0u);
}

TEST_F(UnixSocketFileTest, LeavesNoFileWhenItsPermissionsCannotBeSet) {
  EXPECT_THAT(refusal({0600, "no such user", ""}), HasSubstr("there is no user"));
  EXPECT_FALSE(exists());
}

TEST_F(UnixSocketFileTest, RemovesOnlyTheFileThatItCreated) {
  const Result<UniqueFd> first = bind();
  ASSERT_TRUE(first);
  const SocketFile ours = socket_file(address_);
  const Address other = *Address::parse("unix:" + (folder_ / "other"));
  const UniqueFd fd(sys::socket(AF_UNIX));
  ASSERT_TRUE(bind_unix_socket(fd.get(), other, {}));
  std::filesystem::rename(folder_ / "other", path_);
  unlink_if_same(address_, ours);
  EXPECT_TRUE(exists());
  unlink_if_same(address_, socket_file(address_));
  EXPECT_FALSE(exists());
}

TEST_F(UnixSocketFileTest, AbstractSocketHasNoFile) {
  const Address address = *Address::parse("unix:@weir-test-" + std::to_string(::getpid()));
  const UniqueFd first(sys::socket(AF_UNIX)), second(sys::socket(AF_UNIX));
  EXPECT_TRUE(bind_unix_socket(first.get(), address, {}));
  EXPECT_EQ(socket_file(address).inode, 0u);
  const Result<void> again = bind_unix_socket(second.get(), address, {});
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().text(), HasSubstr("another process listens there"));
}

}  // namespace
}  // namespace weir::test
