// How raw bundles become tables ([preprocess]).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings.h"
#include "measure/latency.h"
#include "measure/perf_series.h"
#include "measure/rates.h"
#include "measure/wide.h"
#include "table/table.h"

namespace drst {

struct PreprocessSettings {
  std::vector<std::string> vnfs = ChainSchema{}.vnfs;
  std::vector<std::string> events = ChainSchema{}.events;
  std::string anchor = "firewall_instructions";
  std::string rate_column = "auto";
  std::string latency_unit = "auto";
  double latency_threshold = 1000;
  double latency_time_out = 15'000'000;
  int64_t latency_probes_per_row = 0;
  std::string separator = "auto";
  std::string hybrid_pmus = "summed";
  std::string conflict_side = "ours";
  std::string duplicates = "keep";
  double impossible_count = 1e15;
  int64_t threads = 0;
  int64_t max_columns = 16'384;
  int64_t max_file_mib = 512;
  int64_t max_archive_mib = 65'536;
  int64_t max_entries = 1'000'000;
  int64_t max_pending_mib = 1024;

  [[nodiscard]] ConflictSide conflict() const {
    return conflict_side == "theirs" ? ConflictSide::theirs : ConflictSide::ours;
  }
  [[nodiscard]] PerfOptions perf_options() const;
  [[nodiscard]] RateOptions rate_options() const;
  [[nodiscard]] LatencyOptions latency_options() const;
  [[nodiscard]] WideOptions wide_options() const;
};

void describe(SettingsVisitor& visitor, PreprocessSettings& settings);

}  // namespace drst
