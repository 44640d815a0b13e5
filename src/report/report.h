// The report of a run: plots/*.svg and *.png by gnuplot, report.md, and report.html with everything inside
// (SPEC 12).
//
// Plots: truth/baseline/adaptive over time with drift, retrain and swap marks and the drift signal with its
// thresholds below; error CDF by stage; per-feature drift heat map; accuracy by stage; resources. Tables:
// stages, releases with lineage, drift events with the counters behind them, retrains with reasons. gnuplot
// missing or failing: a warning, the report without pictures. No wall-clock time inside, so equal runs give
// equal pages but for timings.
#pragma once

#include <filesystem>

#include "report/summary.h"

namespace drst {

/// Writes into `out`: summary.json, report.md, report.html, plots/.
void write_report(ObjectStore& store, const std::filesystem::path& out);

}  // namespace drst
