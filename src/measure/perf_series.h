// Counters as `perf stat` leaves them, one row an interval.
//
// Read are the text of `-x SEPARATOR` in every layout that perf has had (with or without the time of -I, a
// CPU, socket or cgroup, a variance, metric columns) and the JSON lines of `-j`. Where an event stands is
// told by the event's name; the count is the field two before it, after which comes the unit. Lines of other
// shape are taken, too, if a field is exactly a wanted event: the count is then the number of the largest
// magnitude in the line.
//
// An event may be spelled with a PMU and modifiers: `cycles`, `cycles:u`, `cpu_core/cycles/`. A wanted event
// that the file has exactly so is taken as it is. Else the first set of modifiers that the file has of it is
// taken, and of hybrid processors the PMUs' counts are summed or kept as events of their own. Other
// modifiers of the same event are left out, which `spelled` of the provenance shows. Pure functions over
// bytes; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "measure/dirt.h"
#include "measure/lines.h"

namespace drst {

enum class HybridPmus { summed, apart };

struct PerfOptions {
  std::vector<std::string> events;  ///< wanted ones, as `perf list` spells them
  std::string separator;            ///< "": found out
  HybridPmus hybrid = HybridPmus::summed;
  ConflictSide conflict = ConflictSide::ours;
  double impossible_count = 1e15;  ///< above: missing, and counted as wrapped
};

struct PerfColumn {
  std::string event;           ///< a wanted one; PMUs apart: "cpu_core/cycles/"
  std::vector<double> counts;  ///< by interval; NaN: missing
  std::vector<double> shares;  ///< of the interval in which the counter was scheduled, 0 to 1; NaN: unknown
  std::size_t length = 0;      ///< intervals up to the last in which the file lists it, counted or not
  std::vector<std::string> spelled;  ///< what was taken for it
};

struct PerfSeries {
  std::vector<double> times;          ///< end of each interval in seconds; NaN without -I
  std::vector<PerfColumn> columns;    ///< in the order of the wanted events; those that the file has
  std::vector<std::string> left_out;  ///< spellings of wanted events beside those taken
  [[nodiscard]] const PerfColumn* find(std::string_view event) const;
};

/// Text or JSON lines, as the first character that is no blank says.
PerfSeries read_perf(std::string_view bytes, const PerfOptions& options, FileDirt& dirt);

/// How an event is spelled: "cpu_core/cycles/u" is PMU "cpu_core", event "cycles", modifiers "u".
struct EventSpelling {
  std::string_view pmu, event, modifiers;
};
EventSpelling parse_event(std::string_view spelled);

/// Takes counts as a reader finds them, and makes the series. Internal to the two readers.
class PerfCollector {
 public:
  /// `bytes` of the file: what it may take in memory follows from it.
  PerfCollector(const PerfOptions& options, FileDirt& dirt, std::size_t bytes);

  static constexpr int unwanted = -1;
  /// Which variant of a wanted event this is, or `unwanted`.
  int find(std::string_view spelled);
  /// `time` as text: another than before begins an interval. Empty: there are none, and an event that comes
  /// again does.
  void begin_line(std::string_view time, std::uint64_t line);
  /// `aggregated`: one of several lines of the event in the interval (of a CPU, a socket): they are summed.
  void add(int variant, double count, double share, bool aggregated, std::uint64_t line);
  /// An event without a count.
  void add_missing(int variant, Dirt why, bool aggregated, std::uint64_t line);
  PerfSeries take();

 private:
  struct Variant {
    std::size_t event;
    std::string spelled, pmu, modifiers;
    std::vector<double> counts, shares;
    std::size_t length = 0;
    std::size_t lines = 0;  ///< summed in the interval of `length`
  };
  int resolve(std::string_view spelled);
  /// True where the count belongs into the interval.
  bool place(Variant& variant, bool aggregated, std::uint64_t line);
  [[nodiscard]] std::vector<std::size_t> chosen(std::size_t event) const;

  const PerfOptions& options_;
  std::size_t padding_;  ///< cells that may still be filled for lines that are not there
  FileDirt& dirt_;
  std::vector<Variant> variants_;
  std::unordered_map<std::string, int> known_;
  std::vector<std::pair<std::string, int>> order_;  ///< by position in an interval: events come in one order
  std::size_t position_ = 0;
  std::vector<double> times_;
  std::string time_;
};

/// The readers; `read_perf` chooses.
PerfSeries read_perf_text(std::string_view bytes, const PerfOptions& options, FileDirt& dirt);
PerfSeries read_perf_json(std::string_view bytes, const PerfOptions& options, FileDirt& dirt);

}  // namespace drst
