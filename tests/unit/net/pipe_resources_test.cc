#include <fcntl.h>

#include <algorithm>
#include <iterator>

#include "net/pipe.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

constexpr Duration kMoment = 600ms;  // longer than half a second without use

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

struct PipeResourcesTest : testing::Test {
  TestLoop loop;
  PipeResources resources{loop.loop};
};

TEST_F(PipeResourcesTest, KernelPipeIsReusedAndClosedAfterHalfASecondWithoutUse) {
  KernelPipe* pipe = resources.kernel_pipes.lend();
  ASSERT_NE(pipe, nullptr);
  const int ends[] = {pipe->read_end, pipe->write_end};
  resources.kernel_pipes.take_back(pipe);
  EXPECT_EQ(resources.kernel_pipes.lend(), pipe);
  resources.kernel_pipes.take_back(pipe);
  loop.advance(300ms);
  EXPECT_TRUE(is_open(ends[0]) && is_open(ends[1]));
  loop.advance(kMoment);
  loop.advance(kMoment);
  EXPECT_FALSE(is_open(ends[0]) || is_open(ends[1]));
}

TEST_F(PipeResourcesTest, KeepsAsManyKernelPipesAsWereInUseAtOnceSinceTheLastCheck) {
  KernelPipe* pipes[3];
  for (KernelPipe*& pipe : pipes) pipe = resources.kernel_pipes.lend();
  const int ends[] = {pipes[0]->read_end, pipes[1]->read_end, pipes[2]->read_end};
  const auto open = [&] { return std::count_if(std::begin(ends), std::end(ends), is_open); };
  for (KernelPipe* pipe : pipes) resources.kernel_pipes.take_back(pipe);
  loop.advance(kMoment);
  EXPECT_EQ(open(), 3);
  resources.kernel_pipes.take_back(resources.kernel_pipes.lend());
  loop.advance(kMoment);
  EXPECT_EQ(open(), 1);
  loop.advance(kMoment);
  EXPECT_EQ(open(), 0);
}

TEST_F(PipeResourcesTest, BlockIsReusedAndFreedAfterHalfASecondWithoutUse) {
  resources.buffers.take_back(resources.buffers.lend());
  EXPECT_EQ(resources.buffers.bytes(), kBlockSize);
  loop.advance(300ms);
  EXPECT_EQ(resources.buffers.bytes(), kBlockSize);
  loop.advance(kMoment);
  loop.advance(kMoment);
  EXPECT_EQ(resources.buffers.bytes(), 0u);
}

}  // namespace
}  // namespace weir::test
