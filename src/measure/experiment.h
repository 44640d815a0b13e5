// One bundle becomes one table: a row a second, KPIs first, then the counters or what PCM measured.
//
// perf (SPEC 3.2): columns input_rate, output_rate, latency (microseconds), <vnf>_<event> event by event; all
// that are configured, missing ones NaN. The anchor's length is the table's; all else is cut or padded with
// NaN at its end. pcm (SPEC 3.3): input_rate, output_rate, latency where the bundle has them, then each
// source's columns as "<source>_<column>"; the shortest source's length is the table's (sources without any
// row aside). Pure functions of bundle and settings; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "measure/bundles.h"
#include "measure/dirt.h"
#include "measure/settings.h"
#include "table/table.h"

namespace drst {

struct Experiment {
  Table table;
  Table quality;  ///< perf: share of each interval in which a counter was scheduled; may have no columns
  std::string provenance;  ///< JSON: where each part came from and what was decided
  std::vector<std::pair<std::string, FileDirt>> dirt;  ///< by file, those with any
  DirtTotals totals;
  std::string fingerprint;  ///< of the counters' bytes; "" without any
  std::uint64_t bytes = 0;  ///< read
};

Experiment make_perf_experiment(const Bundle& bundle, const PreprocessSettings& settings);
Experiment make_pcm_experiment(const Bundle& bundle, const PreprocessSettings& settings);

/// One file's dirt as JSON: {"file": ..., "<kind>": {"count": n, "lines": [[first, last], ...]}, ...}.
std::string dirt_json(const std::string& file, const FileDirt& dirt);

}  // namespace drst
