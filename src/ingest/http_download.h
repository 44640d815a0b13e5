// One attempt to download a file by HTTP, going on where an earlier one stopped. Internal; keeps libcurl out
// of other files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace drst {

struct HttpRequest {
  std::string url;
  double connect_timeout_s = 15;
  double stall_timeout_s = 30;  ///< without a byte
  std::uint64_t max_bytes = 0;  ///< of the whole file
  std::function<void(std::uint64_t bytes_so_far)> progress;
};

struct HttpOutcome {
  enum class Kind {
    complete,     ///< the server has sent all it wanted to
    interrupted,  ///< no connection, cut, stalled, or a server error that may pass: worth another attempt
    refused,      ///< the server says no: another attempt changes nothing
    missing,      ///< the same, because there is no such file
    too_large,    ///< more than max_bytes
    range         ///< the server has nothing from our place on: the part is whole, or of another file
  } kind = Kind::complete;
  std::string words;  ///< what happened
  std::uint64_t transferred = 0;
  bool resumed = false;  ///< the beginning of the file is from an earlier attempt
};

/// Appends to `part` where the server can go on from its size, else writes it anew. FailedError if the file
/// cannot be written.
HttpOutcome download(const HttpRequest& request, const std::filesystem::path& part);

}  // namespace drst
