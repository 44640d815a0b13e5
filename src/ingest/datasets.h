// The published stage tables, fetched and verified (`drst datasets fetch`).
//
// A file is downloaded to <name>.part and goes on there after a broken connection (HTTP ranges; begins anew
// where the server does not know them). Its size and Git blob id are checked before it is renamed to its
// name, so what stands there is whole and right, at any time. What is there already and right is not fetched
// again; a file that differs is not touched unless `overwrite`. Proxies come from the environment
// (http_proxy, https_proxy, no_proxy), as libcurl reads them. Time-outs, retries and sizes are bounded.
// Errors: Error(unreachable) where the source cannot be reached or keeps failing, FailedError where it serves
// something else, InputError for a wrong setting or a file in the way; each says what to do. One thread a
// call.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/settings.h"

namespace drst {

struct DatasetFile {
  std::string path;                    ///< in the repository; the last part is the local name
  std::string git_blob_id;             ///< SHA-1 of "blob <size>\\0" + content
  std::optional<std::uint64_t> bytes;  ///< where known; else the blob id alone tells
  bool optional = false;               ///< a source without it is no error

  [[nodiscard]] std::string name() const;
};

struct DatasetSettings {
  std::string base_url =
      "https://raw.githubusercontent.com/Epochex/MLOps_Kubeflow_DRST/"
      "207439b01442ca9a67407ef15aa2a35d44f18542/";
  double connect_timeout_s = 15;
  double stall_timeout_s = 30;
  int64_t retries = 4;
  double retry_wait_s = 1;
  int64_t max_bytes = int64_t{64} << 20;
};
void describe(SettingsVisitor& visitor, DatasetSettings& settings);

/// The four stage tables of the linear topology, and that of dag-1. Of dag-2 nothing is known to check it by.
const std::vector<DatasetFile>& published_datasets();

struct FetchProgress {
  std::string name;
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> total;
};
using FetchObserver = std::function<void(const FetchProgress&)>;
/// One line on stderr that is written over and over; empty if stderr is no terminal.
FetchObserver terminal_progress();

struct FetchedFile {
  std::filesystem::path path;
  std::uint64_t bytes = 0;        ///< of the file
  std::uint64_t transferred = 0;  ///< over the network, this time
  bool was_there = false;         ///< and right
};

enum class Overwrite { no, yes };

/// Fetches all into `folder` (created if need be); throws at the first that fails; leaves out, with a
/// warning, an optional one that the source does not have. `observer` may be empty.
std::vector<FetchedFile> fetch_datasets(const std::vector<DatasetFile>& files,
                                        const std::filesystem::path& folder, const DatasetSettings& settings,
                                        Overwrite overwrite = Overwrite::no,
                                        const FetchObserver& observer = {});

}  // namespace drst
