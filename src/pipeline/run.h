// The closed loop in one process: `drst run`.
//
// Offline training, then producer, consumers with their guards, monitor and retrainer on an embedded log and
// a local store, on either clock; ends with traces, summary.json, report and plots under `out`, which are
// made aside and moved there at the very end. On the virtual clock, same binary, data, settings, seed -> same
// summary but for timings. The components are put together in closed_loop.h, a lane for each target.
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

/// Where a relative file is not here but in `data`, or its perf/ subfolder, that one is meant.
void seek_in(const std::filesystem::path& data, RowRange& range);

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

/// Holds an output folder: refuses one that already has a run (unless `overwrite`) or is in use by another
/// process. A run is made aside, in a folder of its own within, and takes its place only once it is whole, so
/// that one which fails neither costs the run that was there nor refuses the next. What a crash leaves aside
/// the next run removes; a replacement that a crash broke off is undone by it. FailedError and
/// filesystem_error where the disk says so.
class OutputFolder {
 public:
  OutputFolder(const std::filesystem::path& path, bool overwrite);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();  ///< removes what is still aside, unless keep()
  /// Where the run is made.
  [[nodiscard]] const std::filesystem::path& unfinished() const { return unfinished_; }
  /// What is aside is worth a look even if the run fails.
  void keep() { keep_ = true; }
  /// The run is whole: it replaces what was there. Nothing in it may be open.
  void take_place();

 private:
  void clear_up();

  std::filesystem::path path_, unfinished_;
  std::unique_ptr<FileLock> lock_;
  bool keep_ = false;
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
