// Sources of many columns, one row a second: PCM's CSV files and OpenNetVM's nf_out. Pure functions over
// bytes; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "measure/dirt.h"
#include "measure/lines.h"

namespace drst {

struct WideOptions {
  ConflictSide conflict = ConflictSide::ours;
  double impossible = 1e15;           ///< a number above: missing, and counted as wrapped
  std::size_t most_columns = 16'384;  ///< further ones are left out, their lines counted as ragged
};

/// Columns of equal length; NaN: missing.
struct WideSeries {
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns;
  std::size_t rows = 0;
};

/// `pcm -csv`, `pcm-memory -csv`: two header rows, group and name, joined as "<group>-<name>" ("<name>" where
/// the group is empty); a name that is there already gets ".1", ".2". Date and time become no columns, and a
/// column without group and name neither.
WideSeries read_pcm(std::string_view bytes, const WideOptions& options, FileDirt& dirt);

/// `pcm-pcie -csv`: one block of lines a second, a header and a line for each socket and sort, unfolded into
/// "skt-<socket>_<name>-<total|miss|hit>" (total only where the tool was not asked for more). A last block
/// that lacks lines is left out and counted.
WideSeries read_pcm_pcie(std::string_view bytes, const WideOptions& options, FileDirt& dirt);

/// OpenNetVM's manager: a line a VNF and second without header, widened to "<vnf>-<name>". A VNF that comes
/// again begins the next second.
WideSeries read_nf_out(std::string_view bytes, const WideOptions& options, FileDirt& dirt);

/// Adds ".1", ".2" to names that came before.
std::vector<std::string> distinct_names(std::vector<std::string> names);

}  // namespace drst
