// Tables: columns by name, one row a second of one chain. Start here for everything that reads or writes
// columns.
//
// A `Table` holds float64 columns of equal length (counters exceed 2^24, so float32 would not do); NaN is a
// missing cell. Rows keep the experiment they belong to: published tables carry an index column that restarts
// at each experiment, and nothing (lag, split, bootstrap block) may reach across such a boundary. What was
// odd about the file a table was read from is in the reader's report (csv.h), not here. Not thread-safe while
// written; const use from many threads is fine.
//
// Files of this room: csv.h (reads published tables and any numeric CSV; writes), npy.h (NPY and NPZ, as
// numpy).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace drst {

class Table {
 public:
  Table() = default;
  /// All cells missing, one experiment. Names must be distinct and not empty, else InputError.
  Table(std::vector<std::string> names, std::size_t rows);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return names_.size(); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  [[nodiscard]] std::span<const double> column(std::size_t index) const { return data_[index]; }
  [[nodiscard]] std::span<double> column(std::size_t index) { return data_[index]; }
  /// By name; InputError that lists near names if there is none.
  [[nodiscard]] std::span<const double> column(std::string_view name) const;
  [[nodiscard]] double at(std::size_t row, std::size_t column) const { return data_[column][row]; }

  /// Adds a column (rows() values; any number if it is the first). InputError on a duplicate name or another
  /// length.
  void add_column(std::string name, std::vector<double> values);
  /// InputError that lists near names if there is none.
  void remove_column(std::string_view name);

  /// First rows of experiments, ascending, always starting with 0 (empty for a table without rows).
  [[nodiscard]] const std::vector<std::size_t>& experiment_starts() const { return experiment_starts_; }
  /// InputError unless `starts` is as described above.
  void set_experiment_starts(std::vector<std::size_t> starts);
  /// True where `row` has a predecessor in its own experiment.
  [[nodiscard]] bool has_previous(std::size_t row) const;

  /// Rows [begin, end), experiments kept (a cut experiment begins at the cut). InputError unless begin <= end
  /// <= rows().
  [[nodiscard]] Table slice(std::size_t begin, std::size_t end) const;
  /// The rows of `other` appended; `other` begins a new experiment. Columns are matched by name; a column
  /// that only one side has is kept, NaN on the other side's rows.
  void append(const Table& other);

 private:
  [[nodiscard]] std::size_t require(std::string_view name) const;

  std::size_t rows_ = 0;
  std::vector<std::string> names_;
  std::vector<std::vector<double>> data_;
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  std::unordered_map<std::string, std::size_t, NameHash, std::equal_to<>> index_;  ///< name -> position
  std::vector<std::size_t> experiment_starts_;
};

/// The default chain: 5 VNFs, 12 events, KPIs first (SPEC 3.1). Others come from configuration: model.kpis
/// says which columns of a table are KPIs, all others are counters whatever their names; [simulator] names
/// its own.
struct ChainSchema {
  std::vector<std::string> kpis = {"input_rate", "output_rate", "latency"};
  std::vector<std::string> vnfs = {"firewall", "nf_router", "ndpi_stats", "payload_scan", "bridge"};
  std::vector<std::string> events = {
      "instructions",    "branches",         "branch-misses", "branch-load-misses",
      "cache-misses",    "cache-references", "cycles",        "L1-dcache-load-misses",
      "L1-dcache-loads", "LLC-load-misses",  "LLC-stores",    "LLC-loads"};
  [[nodiscard]] std::vector<std::string> counter_names() const;  ///< <vnf>_<event>, event by event
  [[nodiscard]] std::vector<std::string> all_names() const;      ///< KPIs, then counters
};

}  // namespace drst
