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

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "report/summary.h"

namespace drst {

/// What the log has told, if it was asked.
struct LogFacts {
  int64_t predictions = 0;             ///< so many the store is known to hold, of all targets
  std::vector<std::string> notes;      ///< for Summary::notes
  std::vector<std::string> retention;  ///< the same, if rows are lost: what may be why
};

/// Of the newest run or the named one. Writes into `out`: summary.json, report.md, report.html, plots/.
/// FailedError, and nothing written, if the store shows fewer predictions than the log, as stores do whose
/// lists end early while objects are written. The answer is what was written, `of_log.notes` among its notes.
Summary write_report(ObjectStore& store, const std::filesystem::path& out, const std::string& run_id = {},
                     const LogFacts& of_log = {});

}  // namespace drst
