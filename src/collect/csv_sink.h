// Collected rows as a table that `drst offline` and `drst drift scan` read: FILE.csv, the counters' quality
// as FILE.quality.csv (as drst preprocess makes it), and FILE.provenance.json, what it was measured on and
// by.
//
// KPIs come first. The index column is the tick's number, so a missed tick begins a new experiment, as does
// what is appended to an earlier table. Rows are written whole, one a tick, and synced each few seconds. A
// table has one writer, by a lock on it. When it is gone on with, what a crash left is mended: a row that was
// cut short goes, and both tables are cut to the rows that both have; its columns stay those of its header,
// and one that the chain does not have now is missing.
#pragma once

#include <cstddef>
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
  double interval_s = 1;   ///< of the grid; a table has one
  bool append = false;     ///< go on with the table
  bool overwrite = false;  ///< replace a table that is there
  std::string provenance;  ///< JSON; of an append it is added to the first one's
};

class CsvSink final : public RowSink {
 public:
  /// InputError if one of the three files is there and is neither to be replaced nor gone on with, if the
  /// table has another interval, or another process writes it.
  explicit CsvSink(CsvSinkOptions options);
  CsvSink(const CsvSink&) = delete;
  CsvSink& operator=(const CsvSink&) = delete;
  ~CsvSink() override;  ///< a new table that was not begun leaves nothing
  /// InputError if a table that is gone on with lacks columns. Columns that are appended later and are not in
  /// the header are left out, and that is said.
  void begin(const std::vector<std::string>& columns) override;
  /// FailedError, too, when the file has been removed meanwhile (noticed when it is synced).
  void put(const CollectedRow& row) override;
  void finish(bool ended) override;

 private:
  struct File {
    std::filesystem::path path;
    Descriptor descriptor;
    std::uint64_t length = 0;
    std::vector<std::string> names;      // of the header
    std::vector<std::ptrdiff_t> places;  // of those: in a row; -1: the chain does not have it now
  };
  void open(File& file);
  void go_on();
  void write_provenance() const;
  void place(File& file, const std::vector<std::string>& columns) const;
  static void write(File& file, const std::string& text);
  void line_of(const File& file, std::int64_t tick, const std::vector<double>& values, std::string& line);
  void sync();

  CsvSinkOptions options_;
  File table_, quality_;
  bool begun_ = false;
  bool fresh_ = false;  // there was none of the files before
  std::vector<double> cells_;
  std::string line_, quality_line_;
  double synced_at_s_ = 0;
};

}  // namespace drst
