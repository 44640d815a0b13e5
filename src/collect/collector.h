// Live collection: start here. At each tick of the grid (grid.h) all sources (source.h) are asked, and what
// they say is one row for a sink (row_sink.h).
//
// The first tick only sets the counters' beginnings: a row is always a whole interval. Sources that must wait
// for an answer have `patience` x interval; who is late is missing in that row. Between ticks nothing is
// done. A source that is missing for two seconds (and two ticks), and one that comes back, is said once; a
// line that comes a little late is no news. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "collect/chain.h"
#include "collect/row_sink.h"
#include "collect/settings.h"
#include "collect/source.h"
#include "measure/lag.h"

namespace drst {

/// A source, and the entry of the chain file that it was made of, which may rename its columns.
struct ChainSource {
  std::unique_ptr<Source> source;
  SourceSpec spec;
};
/// InputError of what can never work, by chain file and line.
std::vector<ChainSource> open_sources(const ChainFile& chain, const CollectSettings& settings);

struct CollectLimits {
  std::int64_t rows = 0;              ///< 0: without end
  double seconds = 0;                 ///< of the grid; 0: without end
  std::function<bool()> enough = {};  ///< asked after each row; may be empty
};

struct CollectCounts {
  std::int64_t rows = 0;
  std::int64_t missed_ticks = 0;   ///< the machine was too busy, or asleep
  std::int64_t missing_cells = 0;  ///< of the rows
  std::int64_t late_answers = 0;   ///< sources times ticks
  double worst_late_s = 0;         ///< begin of a tick after its place on the grid
};

/// How far a source's first column is out of step with a KPI, over the last rows.
struct SourceLag {
  std::string column, kpi;
  Lag lag;
};

/// What a source gave at the last tick, for people.
struct SourceReport {
  std::string name;
  SourceState state;
  double age_s = 0;
  std::vector<std::string> columns;  ///< as in the row
  std::vector<double> values, shares;
};

class Collector {
 public:
  /// run() has an InputError if two sources have a column of one name, or one that knows its columns has not
  /// those that are to be renamed.
  Collector(std::vector<ChainSource> sources, const CollectSettings& settings, const Clock& wall,
            std::vector<std::string> kpis = {});

  /// Until a limit is reached (true) or a stop is requested (false). Rows go to `sink`, which is begun but
  /// not finished. Throws what the sink throws.
  bool run(RowSink& sink, const CollectLimits& limits);
  [[nodiscard]] const CollectCounts& counts() const { return counts_; }
  /// After the last tick.
  [[nodiscard]] std::vector<SourceReport> report() const;
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  /// Of sources and KPIs for which a lag stands out in the last 600 rows (measure/lag.h).
  [[nodiscard]] std::vector<SourceLag> lags() const;

 private:
  struct Part {
    ChainSource chain;
    std::size_t taken = 0;               // columns of the source that were looked at
    std::vector<std::ptrdiff_t> places;  // in the row; -1: left out
    std::vector<double> values, shares;
    std::int64_t missing_ticks = 0;  // in a row, now
    bool said_missing = false, said_words = false;
  };
  bool wait_until(std::int64_t due_ns) const;
  void wait_for_columns();
  void check_renames() const;
  bool learn_columns();
  void ask(const Tick& tick);
  void take(const Tick& tick);
  void say(Part& part) const;
  void remember();

  std::vector<Part> parts_;
  const CollectSettings settings_;
  const Clock& wall_;
  const std::vector<std::string> kpis_;
  std::vector<std::string> columns_;
  std::vector<std::size_t> watched_;  // places of KPIs and of sources' first columns
  struct Remembered {
    bool follows;
    std::vector<double> values;
  };
  std::deque<Remembered> last_rows_;  // of those
  CollectedRow row_;
  CollectCounts counts_;
};

/// Rows without a sink until all sources are there, four at most: what --dry-run shows. False: stopped.
bool probe(Collector& collector);

}  // namespace drst
