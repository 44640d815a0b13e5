// From the lines of a running tool to rows of values: a parser a format, over the readers of recorded files
// (measure/), so that a live row is what the reader would have made of the same lines. How the lines were cut
// into pieces on their way changes nothing. Pure functions of the lines and the times given; one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collect/columns.h"
#include "collect/follower.h"
#include "measure/dirt.h"

namespace drst {

struct LineRow {
  std::uint64_t number = 0;  ///< from 1, growing; 0: there is none yet
  std::int64_t came_ns = 0;  ///< when its last line came
  std::vector<double> values, shares;
  /// What counts are counts of, by the tool's own times; NaN: it does not tell, or these are no counts.
  double interval_s = std::numeric_limits<double>::quiet_NaN();
};

class LineParser : public LineSink {
 public:
  LineParser(const SourceSpec& spec, const CollectSettings& settings);

  /// Of the lines that follow.
  void set_time(std::int64_t now_ns) { now_ns_ = now_ns; }
  /// Ends an interval of several lines after which nothing came for a while.
  virtual void settle() {}
  void head(std::string_view) override {}
  void begins(Begin) override {}
  /// How much of the head of an old file it wants to see.
  [[nodiscard]] virtual std::size_t head_lines() const { return 0; }
  [[nodiscard]] virtual bool knows_columns() const { return true; }

  [[nodiscard]] const LineRow& newest() const { return newest_; }
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_.names(); }
  /// What is less than asked for, and the dirt by its names.
  [[nodiscard]] std::string words() const;

 protected:
  /// A row with nothing in it becomes the newest; its values follow by `set`.
  void new_row(std::int64_t came_ns);
  void set(std::size_t place, double value, double share = std::numeric_limits<double>::quiet_NaN());
  /// Said by the parser itself.
  [[nodiscard]] virtual std::string note() const { return ""; }

  std::int64_t now_ns_ = 0;
  double interval_ns_;  ///< of the grid
  ColumnSet columns_;
  FileDirt dirt_;
  LineRow newest_;
};

/// An interval is several lines (an event, a device, a VNF each). It is whole when a line of the next comes,
/// or nothing came for a third of the grid's interval. The first one after a gap may lack lines: left out.
class GroupParser : public LineParser {
 public:
  using LineParser::LineParser;
  void line(std::string_view text) override;
  void begins(Begin how) override;
  void settle() override;

 protected:
  /// False: not one of an interval's lines (a header, a comment, rubbish), which is counted if it is dirt.
  virtual bool takes(std::string_view text) = 0;
  /// `text` belongs to the interval after that of `first`, the first line of the current one.
  virtual bool is_next(const std::string& first, std::string_view text) = 0;
  /// Makes a row of the lines of an interval; unless `whole`, there may have been others, and it makes none.
  virtual void parse(const std::string& lines, std::int64_t came_ns, bool whole) = 0;
  /// What was parsed tells the time, so a line that comes late still finds its interval.
  virtual bool timed() = 0;
  /// The interval's last line has come; the next call of `parse` is for another.
  virtual void ended() {}
  void finish();

 private:
  void drop();
  void parse_once();

  std::string first_, lines_;
  std::int64_t last_ns_ = 0;
  bool parsed_ = false;   ///< `lines_` are a row already
  bool partial_ = false;  ///< lines before them were not seen
};

/// By `spec.type`; InputError if it is none that is followed.
std::unique_ptr<LineParser> make_line_parser(const SourceSpec& spec, const CollectSettings& settings);

/// The makers by type.
std::unique_ptr<LineParser> make_perf_parser(const SourceSpec& spec, const CollectSettings& settings);
std::unique_ptr<LineParser> make_pcm_parser(const SourceSpec& spec, const CollectSettings& settings);
std::unique_ptr<LineParser> make_nf_out_parser(const SourceSpec& spec, const CollectSettings& settings);
std::unique_ptr<LineParser> make_rate_parser(const SourceSpec& spec, const CollectSettings& settings);
std::unique_ptr<LineParser> make_latency_parser(const SourceSpec& spec, const CollectSettings& settings);

}  // namespace drst
