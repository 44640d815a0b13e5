// Collected rows as a table that `drst offline` and `drst drift scan` read: FILE.csv, the counters' quality
// as FILE.quality.csv (as drst preprocess makes it), and FILE.provenance.json, what it was measured on and
// by.
//
// KPIs come first. The index column is the tick's number, so a missed tick begins a new experiment, as does
// what is appended to an earlier table. Rows are written whole, one a tick, and synced each few seconds; a
// row that a crash cut short is removed when the table is gone on with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "collect/row_sink.h"

namespace drst {

struct CsvSinkOptions {
  std::filesystem::path file;
  std::vector<std::string> kpis;  ///< columns that come first, in this order
  double sync_s = 5;
  bool append = false;     ///< to a table with the same columns
  bool overwrite = false;  ///< replace a table that is there
  std::string provenance;  ///< JSON
};

class CsvSink final : public RowSink {
 public:
  /// InputError if the file is there and is neither to be replaced nor appended to.
  explicit CsvSink(CsvSinkOptions options);
  /// InputError if the table to append to has other columns. Columns that are appended later are left out,
  /// and that is said.
  void begin(const std::vector<std::string>& columns) override;
  void put(const CollectedRow& row) override;
  void finish(bool ended) override;

 private:
  struct File {
    std::filesystem::path path;
    Descriptor descriptor;
    std::uint64_t length = 0;
  };
  void open(File& file, const std::string& header) const;
  static void write(File& file, const std::string& text);
  void sync();

  CsvSinkOptions options_;
  File table_, quality_;
  bool begun_ = false;
  std::size_t known_ = 0;            // columns of begin()
  std::vector<std::size_t> order_;   // of the table's columns: where they are in a row
  std::vector<std::size_t> shared_;  // of those, the ones that are no KPIs
  std::vector<double> cells_;
  std::string line_, quality_line_;
  double synced_at_s_ = 0;
};

}  // namespace drst
