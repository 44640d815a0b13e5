// The closed loop in one process: `drst run`.
//
// Offline training, then producer, consumers with their guards, monitor and retrainer on an embedded log and
// a local store, on either clock; ends with traces, summary.json, report and plots under `out`. On the
// virtual clock, same binary, data, settings, seed -> same summary but for timings.
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

/// What is streamed and what is trained on.
struct StreamChoice {
  RowRange offline;
  std::vector<StageSpec> stages;
};
/// The stream for these texts (--offline, --stage); what they leave open is the default stream of `data`
/// (SPEC 3.1), cut as [stream] says. InputError.
StreamChoice choose_stream(const std::string& offline, const std::vector<std::string>& stages,
                           const std::filesystem::path& data, const Config& config);

struct RunRequest {
  Config config;
  std::string offline_text;              ///< --offline, or empty
  std::vector<std::string> stage_texts;  ///< --stage, or empty
  std::filesystem::path data;            ///< folder of tables for the default stream
  bool simulated = false;  ///< make the tables with the simulator, under <out>/data, and say so in the report
  std::filesystem::path out;
  bool overwrite = false;
  bool report = true;  ///< false: summary.json only, no plots
};

/// Holds an output folder: refuses one that already has a run (unless `overwrite`, which empties it) or is in
/// use by another process.
class OutputFolder {
 public:
  OutputFolder(const std::filesystem::path& path, bool overwrite);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::unique_ptr<FileLock> lock_;
};

/// Holds the folder of a report: refuses one in use by another process, and, unless `overwrite`, one with the
/// results of another run than `run_id` of `store`. A report replaces reports only, never a store or a log.
class ReportFolder {
 public:
  ReportFolder(const std::filesystem::path& path, const ObjectStore& store, const std::string& run_id,
               bool overwrite);

 private:
  std::unique_ptr<FileLock> lock_;
};

/// `progress(done, total)`: rows; may be empty.
Summary execute_run(const RunRequest& request, const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace drst
