// The statistics of a driver, by the ioctl of `ethtool -S`.
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/files.h"
#include "base/text.h"
#include "collect/nic_source.h"
#include "measure/wide.h"

namespace drst {

namespace {

constexpr std::size_t most_statistics = 65'536;
/// The kernel copies as many as the driver has by then, not as many as there is room for.
constexpr std::size_t room_to_grow = 4096;

/// A command with a header of type T and items behind it; null-filled, aligned for both.
template <class T>
class Request {
 public:
  Request(std::uint32_t command, std::size_t bytes_behind)
      : words_((sizeof(T) + bytes_behind) / sizeof(std::uint64_t) + 1) {
    header()->cmd = command;
  }
  T* header() { return reinterpret_cast<T*>(words_.data()); }
  [[nodiscard]] const char* behind() const {
    return reinterpret_cast<const char*>(words_.data()) + sizeof(T);
  }

 private:
  std::vector<std::uint64_t> words_;
};

bool call(const Descriptor& socket, const std::string& interface, void* command) {
  struct ifreq request {};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_data = static_cast<char*>(command);
  return ::ioctl(socket.get(), SIOCETHTOOL, &request) == 0;
}

}  // namespace

DriverStatistics read_driver_statistics(const std::string& interface) {
  DriverStatistics answer;
  const auto fail = [&](int code) {
    answer.values.clear();
    answer.words = code == EOPNOTSUPP
                       ? "the driver has no statistics"
                       : "no statistics of the driver: " + std::generic_category().message(code);
    return answer;
  };
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return fail(errno);
  Request<ethtool_sset_info> info(ETHTOOL_GSSET_INFO, sizeof(std::uint32_t));
  info.header()->sset_mask = std::uint64_t{1} << ETH_SS_STATS;
  if (!call(socket, interface, info.header())) return fail(errno);
  std::uint32_t count = 0;
  if (info.header()->sset_mask != 0) std::memcpy(&count, info.behind(), sizeof count);
  if (count == 0) return fail(EOPNOTSUPP);
  if (count > most_statistics) return fail(E2BIG);
  Request<ethtool_gstrings> names(ETHTOOL_GSTRINGS, (count + room_to_grow) * ETH_GSTRING_LEN);
  names.header()->string_set = ETH_SS_STATS;
  names.header()->len = count;
  if (!call(socket, interface, names.header())) return fail(errno);
  Request<ethtool_stats> values(ETHTOOL_GSTATS, (count + room_to_grow) * sizeof(std::uint64_t));
  values.header()->n_stats = count;
  if (!call(socket, interface, values.header())) return fail(errno);
  if (names.header()->len != count || values.header()->n_stats != count)
    return fail(EAGAIN);  // queues were added or removed in between; at the next tick
  for (std::size_t i = 0; i < count; ++i) {
    const char* name = names.behind() + i * ETH_GSTRING_LEN;
    std::uint64_t value = 0;
    std::memcpy(&value, values.behind() + i * sizeof value, sizeof value);
    answer.values.emplace_back(trim(std::string_view(name, ::strnlen(name, ETH_GSTRING_LEN))), value);
  }
  return answer;
}

}  // namespace drst
