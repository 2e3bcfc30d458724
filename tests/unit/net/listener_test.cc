// The accept loop that workers and the admin server share.
#include "net/listener.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <deque>
#include <vector>

#include "support/socket.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

struct Observer final : AcceptObserver {
  void on_accept(int fd, const sockaddr*, socklen_t) override { taken.emplace_back(fd); }
  bool on_out_of_descriptors(int fd, const sockaddr*, socklen_t) override {
    ++out_of_descriptors;
    if (closes_one_to_serve) spare.reset();
    if (serves)
      taken.emplace_back(fd);
    else
      ::close(fd);
    return serves;
  }
  bool free_descriptor() override {
    ++asked;
    if (!spare) return false;
    spare.reset();
    return true;
  }

  bool serves = false, closes_one_to_serve = false;
  UniqueFd spare;
  std::vector<UniqueFd> taken;
  int out_of_descriptors = 0, asked = 0;
};

// During its lifetime the process cannot open a descriptor.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int lowest = ::dup(0);  // all lower numbers are in use
    EXPECT_GE(lowest, 0);
    ::close(lowest);
    const rlimit tight{static_cast<rlim_t>(lowest), before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

class ListenerTest : public testing::Test, protected TestLoop {
 protected:
  void listen(int accepts_per_turn = Listener::kAcceptsPerTurn) {
    listener_ = make_owned<Listener>(loop, ::dup(acceptor_.fd()), observer_, accepts_per_turn);
  }
  void connect(int count) {
    for (int i = 0; i < count; ++i) clients_.push_back(Socket::connect(acceptor_.address()));
  }
  // A deadline may be a tick of 17 ms late.
  void end_pause() { advance(Listener::kPause + 20ms); }

  Acceptor acceptor_;
  std::deque<Socket> clients_;
  Observer observer_;
  Owned<Listener> listener_;
};

TEST_F(ListenerTest, AcceptsTwiceAsManyEachTurnUpToItsLimit) {
  listen(4);
  connect(20);
  std::vector<size_t> after;
  for (int i = 0; i < 7; ++i) {
    turns(1);
    after.push_back(observer_.taken.size());
  }
  EXPECT_EQ(after, (std::vector<size_t>{1, 3, 7, 11, 15, 19, 20}));
}

TEST_F(ListenerTest, RefusesAConnectionWithItsReserveAndPauses) {
  listen();
  connect(2);
  {
    const NoDescriptors none;
    turns(5);
    EXPECT_EQ(observer_.out_of_descriptors, 1);
    end_pause();
    EXPECT_EQ(observer_.out_of_descriptors, 2);
    end_pause();
    EXPECT_EQ(observer_.out_of_descriptors, 2) << "no connection waits";
  }
  EXPECT_EQ(observer_.asked, 0) << "the listener has its reserve";
  connect(1);
  end_pause();
  EXPECT_EQ(observer_.taken.size(), 1u);
}

TEST_F(ListenerTest, AsksForADescriptorWhenItsReserveServesAConnection) {
  observer_.serves = true;
  observer_.spare.reset(::dup(0));
  listen();
  connect(3);
  {
    const NoDescriptors none;
    turns(5);
    EXPECT_EQ(observer_.taken.size(), 2u) << "with the reserve, and with the spare descriptor";
    EXPECT_EQ(observer_.asked, 2);
    turns(5);
    EXPECT_EQ(observer_.asked, 2) << "it pauses";
    EXPECT_FALSE(listener_->accepting());
  }
  end_pause();
  EXPECT_EQ(observer_.taken.size(), 3u);
}

TEST_F(ListenerTest, DoesNotPauseAfterAConnectionThatIsServed) {
  observer_.serves = observer_.closes_one_to_serve = true;
  observer_.spare.reset(::dup(0));
  listen();
  connect(2);
  {
    const NoDescriptors none;
    turns(1);
    EXPECT_EQ(observer_.taken.size(), 1u);
    EXPECT_TRUE(listener_->accepting()) << "it has its reserve again, and has refused nothing";
    turns(2);
    EXPECT_EQ(observer_.taken.size(), 2u) << "without waiting for the end of a pause";
  }
}

TEST_F(ListenerTest, HasItsReserveAgainAfterAPause) {
  observer_.serves = true;
  listen();
  connect(2);
  {
    const NoDescriptors none;
    turns(5);
    EXPECT_EQ(observer_.taken.size(), 1u);
  }
  end_pause();
  EXPECT_EQ(observer_.taken.size(), 2u);
  connect(1);
  {
    const NoDescriptors none;
    turns(2);
    EXPECT_EQ(observer_.out_of_descriptors, 2);
  }
}

TEST_F(ListenerTest, AcceptsTheWholeQueueBeforeItCloses) {
  listen(2);
  connect(10);
  listener_->accept_all_and_close();
  EXPECT_EQ(observer_.taken.size(), 10u);
  EXPECT_FALSE(listener_->is_open());
}

}  // namespace
}  // namespace weir::test
