// The tables of a report, as plain texts: pages (report.cpp) set them in Markdown and HTML. Internal to this
// room.
#pragma once

#include <string>
#include <vector>

#include "report/summary.h"

namespace drst {

struct Grid {
  std::string title;  ///< empty: the section's is enough
  std::string note;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> keep = {};  ///< rows that are shown even where a long table is shortened
};

Grid stage_grid(const Summary& summary);
Grid drift_grid(const Summary& summary);
/// Answers to drift.
Grid retrain_grid(const Summary& summary);
/// Refits that were published, and rollbacks.
Grid refit_grid(const Summary& summary);
/// Moves of the pointer and their evidence.
Grid judgement_grid(const Summary& summary);
Grid release_grid(const Summary& summary);
Grid resource_grid(const Summary& summary);

/// "96.9 %"; a dash for what is no number.
std::string percent(double value);
/// The run in some sentences.
std::string headline(const Summary& summary);

}  // namespace drst
