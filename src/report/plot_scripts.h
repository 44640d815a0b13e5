// The bodies of the gnuplot scripts, as pure functions: data blocks and commands, without terminal and output
// (gnuplot.h sets those). Internal to this room. Each is empty where there is nothing to draw.
//
// Colours are safe for the colour-blind (Okabe and Ito 2008). What may come by the hundred (refits, swaps) is
// a tick in a lane of its own; a line through all panels is kept for what is rare and matters (stages,
// drift).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/plots.h"
#include "report/summary.h"

namespace drst::plots {

inline constexpr const char* colour_truth = "#777777";
inline constexpr const char* colour_baseline = "#E69F00";
inline constexpr const char* colour_adaptive = "#0072B2";
inline constexpr const char* colour_drift = "#D55E00";
inline constexpr const char* colour_good = "#009E73";
inline constexpr const char* colour_back = "#CC79A7";

/// "NaN" for what is no number.
std::string number(double value);
/// "$name << EOD ... EOD", one line an element.
std::string block(const std::string& name, const std::vector<std::string>& lines);
/// A vertical line over the whole height of the current panel.
std::string mark(double x, const char* colour, const char* dash, double width);
/// Dotted lines where stages begin; `names`: written above the panel, too.
std::string stage_marks(const Summary& summary, bool names);
/// Lines where drift was noticed.
std::string drift_marks(const Summary& summary);

/// Truth and predictions, lanes of events, accuracy over the last rows, drift signal; one row axis.
std::string timeline(const Summary& summary, const Series& series, const DriftSignal& signal);
std::string error_cdf(const Summary& summary, const Series& series);
std::string heat_map(const Summary& summary, const DriftSignal& signal);
std::string stage_bars(const Summary& summary);
/// CPU by component, CPU and memory of each process over time.
std::string resources(const Summary& summary);

}  // namespace drst::plots
