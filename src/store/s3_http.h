// HTTP exchanges on connections that are kept. Internal; keeps libcurl out of other files.
//
// TLS is always verified; redirects are not followed; libcurl's verbose mode is never on, as it would show
// what is signed with. A pool lends each exchange a handle of its own, so any number of threads may use it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace drst {

struct HttpLimits {
  double connect_timeout_s = 5;
  double stall_timeout_s = 20;
  std::string ca_file;                ///< "": the system's
  std::function<bool()> ending = {};  ///< true: do not go on for long; empty: stop_requested()
};

struct HttpAnswer {
  enum class Kind {
    answered,     ///< whole; any status
    unreachable,  ///< no connection
    untrusted,    ///< TLS: certificate, name, or our own file of authorities
    cut,          ///< ended in the middle, stalled, or out of time
    too_large,    ///< the body has more than is taken
    unwanted,     ///< HttpCall::write wanted no more of it
    stopped       ///< it is to end (HttpLimits::ending), and the answer did not come soon
  } kind = Kind::answered;
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::string words;              ///< what happened, unless answered
  double retry_after_s = 0;       ///< what the server asks for
  std::optional<Time> date = {};  ///< the server's clock

  [[nodiscard]] const std::string& header(const std::string& name) const;
  [[nodiscard]] bool good() const { return kind == Kind::answered && status >= 200 && status < 300; }
};

struct HttpCall {
  std::string method;
  std::string url;
  std::vector<std::string> headers;  ///< "name: value"
  std::string_view body;
  std::size_t body_limit = 1 << 20;  ///< of what HttpAnswer::body takes
  /// Takes the body where the status is 2xx, in place of HttpAnswer::body. False ends the exchange.
  std::function<bool(const HttpAnswer& so_far, std::string_view bytes)> write = {};
  double timeout_s = 60;  ///< of the whole exchange
};

class HttpPool {
 public:
  /// InputError if there is no such file of authorities.
  explicit HttpPool(HttpLimits limits);
  ~HttpPool();
  HttpPool(const HttpPool&) = delete;
  HttpPool& operator=(const HttpPool&) = delete;

  HttpAnswer exchange(const HttpCall& call);

 private:
  HttpLimits limits_;
  std::mutex mutex_;         ///< guards idle_
  std::vector<void*> idle_;  ///< libcurl's handles, the one used last at the end
};

}  // namespace drst
