// A simulated chain as raw bundles: what perf, MoonGen and the probe would have left on disk, with the dirt
// of real bundles by seed. Whoever reads them (drst preprocess, or another) can be held to the table that the
// simulator would have written, and to the list of what was spoilt.
//
// One folder an experiment, files and layouts as in docs/preprocess.md. Probes give whole nanoseconds, so
// latencies of the table are rounded to them; a probe that gave up is 15000000. Same specification, same
// bytes. One thread an object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "ingest/simulator.h"

namespace drst {

/// Something that was spoilt on purpose, under the name that a dirt report gives it (crlf, wrapped_missing).
struct RawDirt {
  std::string file;
  std::string kind;
  int64_t count = 1;        ///< lines or cells
  int64_t row = -1;         ///< of the experiment; -1: the file as a whole, or no cell
  std::string column = {};  ///< the cell that is lost; "": none
};

struct RawBundle {
  std::map<std::string, std::string> files;
  std::vector<std::vector<double>> clean;  ///< rows as the simulator has them
  std::vector<std::vector<double>> left;   ///< the same, what was spoilt missing (NaN)
  std::vector<RawDirt> dirt;
};

struct RawSpec {
  SimulationSpec simulation;
  double dirt = 0;  ///< 0 to 1: how likely each file has each kind
};

class RawSimulator {
 public:
  /// InputError for a specification that the simulator refuses, or one without an end.
  explicit RawSimulator(const RawSpec& spec);
  /// The next experiment; false at the end.
  bool next(RawBundle& bundle);
  [[nodiscard]] const std::vector<std::string>& columns() const { return simulator_.columns(); }

 private:
  RawSpec spec_;
  Simulator simulator_;
  Random random_;
  SimulatedSecond ahead_;
  bool has_ahead_ = false;
};

/// <folder>/<scenario>/exp-<n>/..., <folder>/simulated.csv (the clean table) and
/// <folder>/simulated-dirt.csv (experiment,file,kind,count,row,column). The folder must be new or empty
/// (InputError) and appears when all is written. Returns the rows.
int64_t simulate_raw_folder(const std::filesystem::path& folder, const RawSpec& spec);

}  // namespace drst
