// From raw bundles to tables: start here. `preprocess` finds the experiments of trees and archives
// (bundles.h), makes a table of each (experiment.h, with one reader a format: perf_series.h, rates.h,
// latency.h, wide.h), and merges them (merge.h, subsets.h). Nothing that is left out or taken as missing goes
// uncounted (dirt.h).
//
// Below the output folder:
//     experiments/<scenario>/<experiment>.csv             a table an experiment
//     <scenario>.csv                                      perf: those of a scenario ('/' becomes '-')
//     pcm_global.csv                                      pcm: all
//     <subset>.csv                                        a named list of experiments
//     <table>.quality.csv                                 perf: share of its interval a counter was scheduled
//     <table>.provenance.json                             sources, decisions, rows cut, dirt
//     dirt.json                                           dirt by file and line
//     preprocess.json                                     what was made, by which settings
// All of it appears when the work is whole; a run that fails or is stopped leaves nothing. Memory does not
// grow with the number of experiments but for their names. Results do not depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "measure/bundles.h"
#include "measure/dirt.h"
#include "measure/merge.h"
#include "measure/settings.h"

namespace drst {

struct PreprocessRequest {
  BundleKind kind = BundleKind::perf;
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path out;
  std::filesystem::path subsets;  ///< TOML; "": none
  bool overwrite = false;         ///< what an earlier run made there
  bool strict = false;            ///< any dirt is an error
  PreprocessSettings settings;
  std::map<std::string, std::string> told_settings;                   ///< for preprocess.json
  std::function<void(std::size_t done, std::size_t total)> progress;  ///< experiments; may be empty
};

struct PreprocessResult {
  std::vector<MergedTable> tables;
  std::size_t experiments = 0;
  std::vector<std::string> without_rows;  ///< experiments of which nothing could be taken
  std::size_t of_other_kind = 0;          ///< bundles that were passed over
  std::uint64_t bytes = 0;                ///< of the bundles, unpacked
  DirtTotals dirt;
  bool refused = false;  ///< strict, and there was dirt: dirt.json was written, no tables
};

/// InputError if there are no bundles, an input cannot be read, or `out` holds something already.
PreprocessResult preprocess(const PreprocessRequest& request);

}  // namespace drst
