#include "stream/growth_signal.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "base/files.h"
#include "stream/log.h"

namespace drst {

namespace {
constexpr std::size_t page = 4096;

[[noreturn]] void fail(const std::filesystem::path& file, int code) {
  throw LogError(ExitCode::failed, "cannot use '" + file.string() + "' of the log: " + std::strerror(code));
}
}  // namespace

GrowthSignal::GrowthSignal(const std::filesystem::path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  struct stat status {};
  if (!descriptor.valid() || ::fstat(descriptor.get(), &status) != 0) fail(file, errno);
  // Really allocated, and only ever made longer: writing to a mapped hole on a full disk would be SIGBUS.
  if (status.st_size < static_cast<off_t>(page)) {
    if (const int code = ::posix_fallocate(descriptor.get(), 0, page); code != 0) fail(file, code);
  }
  void* mapped = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
  if (mapped == MAP_FAILED) fail(file, errno);
  word_ = static_cast<uint32_t*>(mapped);
}

GrowthSignal::~GrowthSignal() { ::munmap(word_, page); }

void GrowthSignal::raise() {
  counter().fetch_add(1, std::memory_order_acq_rel);
  ::syscall(SYS_futex, word_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

uint32_t GrowthSignal::wait(uint32_t seen, std::chrono::milliseconds at_most) const {
  using std::chrono::nanoseconds;
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + at_most;
  for (uint32_t now = count();; now = count()) {
    const auto left = std::chrono::duration_cast<nanoseconds>(deadline - steady_clock::now());
    if (now != seen || left <= nanoseconds::zero()) return now;
    const timespec time{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    ::syscall(SYS_futex, word_, FUTEX_WAIT, seen, &time, nullptr,
              0);  // whatever it returns, the loop looks again
  }
}

}  // namespace drst
