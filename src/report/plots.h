// Pictures of a run, by gnuplot: each as SVG (for the page) and PNG (for everywhere else) under `folder`.
// gnuplot is fed a script file, never a shell line; what it complains about is in the warning. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "report/summary.h"

namespace drst {

/// results/drift_signal.npz as the monitor leaves it; empty if there is none.
struct DriftSignal {
  std::vector<double> row, signal, threshold_a, threshold_b, threshold_c;
  /// The shorter windows, which may alarm on their own.
  struct Recent {
    int64_t records = 0;
    std::vector<double> signal, threshold_a;
  };
  std::vector<Recent> recent;
  std::vector<std::string> features;
  std::vector<double> by_feature;  ///< evaluations x features, bits
};
DriftSignal read_drift_signal(ObjectStore& store);

struct Plot {
  std::string name;  ///< file stem
  std::string title;
  std::string caption;  ///< what to see in it
};

/// Those that could be drawn, in the order of the report. `signals`: one a target; of a further one there is
/// "timeline-<target>".
std::vector<Plot> draw_plots(const Summary& summary, const Series& series,
                             const std::vector<DriftSignal>& signals, const std::filesystem::path& folder);

}  // namespace drst
