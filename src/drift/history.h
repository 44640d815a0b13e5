// What is known of a world that does not change, beyond the baseline: a table's rows, as the source of
// pseudo-streams for calibration (run_length.h).
//
// Three hundred records cannot tell how much experiments of one regime differ, since they hold a handful of
// them; the offline table can. Pseudo-streams are drawn from it in blocks, so that what hangs together stays
// together: whole experiments, where the table has at least six (a block bootstrap whose blocks are the
// natural units: Carlstein, Annals of Statistics 14, 1986); otherwise stationary-bootstrap blocks (Politis
// and Romano, JASA 89, 1994) whose mean length is chosen by the rule of Politis and White (Econometric
// Reviews 23(1), 2004, as corrected by Patton, Politis and White, 28(4), 2009). Either kind can be drawn from
// a random half of the source, which is how a threshold's uncertainty is found and how pseudo-baselines and
// pseudo-streams are kept apart. Immutable after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "table/table.h"

namespace drst {

struct DriftHistory {
  std::vector<std::string> columns;
  std::vector<double> values;       ///< rows x columns; NaN: missing
  std::vector<std::size_t> starts;  ///< first rows of experiments
  [[nodiscard]] std::size_t rows() const { return columns.empty() ? 0 : values.size() / columns.size(); }
};
/// The counters of a table (columns named in `kpis` and empty ones left out), its last `most_rows` rows.
/// Infinite cells are missing.
DriftHistory history_of(const Table& table, const std::vector<std::string>& kpis,
                        std::size_t most_rows = 20'000);

/// Those of `columns` that the history has not.
std::vector<std::string> lacking(const DriftHistory& history, std::span<const std::string> columns);

/// Mean block length of the stationary bootstrap for the mean of a series. 1 for a constant series.
double optimal_block(std::span<const double> series);

/// Where blocks may be cut from.
struct Pieces {
  std::size_t rows = 0;
  /// Row ranges; none: blocks may begin anywhere, and are of mean length
  std::vector<std::pair<std::size_t, std::size_t>> experiments;
  double mean_block = 1;
  std::size_t apart = 0;  ///< an experiment does not return before so many others (at most half of them)
};
/// Experiments that the table's ends cut short (less than half the median's length) are no pieces: a stretch
/// of many of them would be like nothing in the world.
Pieces pieces_of(const DriftHistory& history, std::size_t window, double least_block);

/// Row numbers of an endless pseudo-stream. An experiment is not drawn again within a window: one that holds
/// the same records twice is further from any baseline than the world ever gets.
class PieceStream {
 public:
  /// From all of it.
  PieceStream(const Pieces& pieces, Random random);
  /// Two streams from the two halves of a random cut: of the experiments, or of the rows laid in a circle.
  static std::pair<PieceStream, PieceStream> halves(const Pieces& pieces, Random random);
  std::size_t next();

 private:
  const Pieces* pieces_;
  Random random_;
  std::vector<std::size_t>
      allowed_;  // experiments; empty: blocks from rows [begin_, begin_ + length_), cyclic
  std::size_t begin_ = 0;
  std::size_t length_ = 0;
  std::size_t at_ = 0;
  std::size_t oldest_ = 0;
  std::size_t left_ = 0;  // of the present experiment
  bool inside_ = false;   // a block has begun
};

}  // namespace drst
