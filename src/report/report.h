// The report of a run: plots/*.svg and *.png by gnuplot, report.md, and report.html with everything inside
// (SPEC 12).
//
// Plots: truth/baseline/adaptive over time with marks for stages, drift, retrains (published and refused),
// refits, rollbacks and swaps, and the drift signal with its thresholds below; accuracy by stage; error CDF
// by stage; per-feature drift heat map; CPU and memory. Tables: stages, drift events with the counters behind
// them, answers to drift with reasons, refits and rollbacks, releases with lineage, resources. gnuplot
// missing or failing: a warning, the report without pictures. No wall-clock time inside but for resources, so
// equal runs give equal pages but for those. Files: summary and facts (what is told), tables, plots with
// plot_timeline and plot_scripts (what is drawn), gnuplot, report (this: the pages).
#pragma once

#include <filesystem>

#include "report/summary.h"

namespace drst {

/// Of the newest run or the named one. Writes into `out`: summary.json, report.md, report.html, plots/.
/// `predictions`: so many the store is known to hold of all targets; FailedError, and nothing written, if it
/// shows fewer, as stores do whose lists end early while objects are written.
/// The answer: records of all targets that were lost.
int64_t write_report(ObjectStore& store, const std::filesystem::path& out, const std::string& run_id = {},
                     int64_t predictions = 0);

}  // namespace drst
