// The closed loop in one process: `drst run`.
//
// Offline training, then producer, consumers with their guards, monitor and retrainer on an embedded log and a local store, on either clock;
// ends with traces, summary.json, report and plots under `out`. On the virtual clock, same binary, data, settings, seed -> same summary but for timings.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "ingest/producer.h"
#include "pipeline/config.h"
#include "report/summary.h"

namespace drst {

struct RunRequest {
  Config config;
  RowRange offline;
  std::vector<StageSpec> stages;
  std::filesystem::path out;
  bool overwrite = false;
  bool simulated = false;      ///< the tables come from the simulator: said in the report
  bool report = true;          ///< false: summary.json only, no plots
};

/// The stream for these options: what was named, else the default stream of `data` (SPEC 3.1). InputError if there is none.
void choose_stream(RunRequest& request, const std::string& offline, const std::vector<std::string>& stages,
                   const std::filesystem::path& data);

/// Holds an output folder: refuses one that already has a run (unless `overwrite`, which empties it) or is in use by another process.
class OutputFolder {
 public:
  OutputFolder(const std::filesystem::path& path, bool overwrite);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::unique_ptr<FileLock> lock_;
};

/// `progress(done, total)`: rows; may be empty.
Summary execute_run(const RunRequest& request, const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace drst
