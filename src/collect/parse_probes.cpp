// MoonGen's rates and latencies while it runs.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "collect/line_parser.h"
#include "measure/latency.h"
#include "measure/rates.h"

namespace drst {

namespace {

class RateParser final : public GroupParser {
 public:
  RateParser(const SourceSpec& spec, const CollectSettings& settings)
      : GroupParser(spec, settings), place_(columns_.place("rate")) {
    options_.column = spec.column;
  }

  [[nodiscard]] std::size_t head_lines() const override { return 1; }
  void head(std::string_view text) override {
    if (is_header(text)) header_ = std::string(text) + "\n";
  }

 protected:
  bool takes(std::string_view text) override {
    if (trim(text).empty()) return false;
    if (is_header(text)) {
      finish();  // the generator was started again, perhaps with other columns
      header_ = std::string(text) + "\n";
      return false;
    }
    if (!std::isnan(cell_number(text.substr(0, text.find(','))))) return true;
    dirt_.add(Dirt::ragged_row);
    return false;
  }

  bool is_next(const std::string& first, std::string_view text) override {
    FileDirt dirt;
    return read_rates(header_ + first + "\n" + std::string(text) + "\n", options_, dirt).rates.size() > 1;
  }

  bool timed() override { return true; }  // its first cell is the time: takes() has looked

  void parse(const std::string& lines, std::int64_t came_ns, bool whole) override {
    if (!whole) return;
    const RateSeries series = read_rates(header_ + lines, options_, dirt_);
    if (series.rates.empty()) return;
    note_ = options_.column == series.column ? "" : series.column + " is taken";
    if (series.fallback && options_.column != "auto") note_ = "there is no " + options_.column + ": " + note_;
    new_row(came_ns);
    if (place_) set(*place_, series.rates.back());
  }

  [[nodiscard]] std::string note() const override { return note_; }

 private:
  static bool is_header(std::string_view text) {
    return std::count(text.begin(), text.end(), ',') >= 2 &&
           std::isnan(cell_number(text.substr(0, text.find(','))));
  }

  RateOptions options_;
  std::optional<std::size_t> place_;
  std::string header_;
  std::string note_;
};

/// A probe a line; the newest counts, as the last of a second does in recorded files.
class LatencyParser final : public LineParser {
 public:
  LatencyParser(const SourceSpec& spec, const CollectSettings& settings)
      : LineParser(spec, settings), place_(columns_.place("latency")) {
    options_.unit = spec.unit;
    if (!undecided()) reason_ = "unit " + spec.unit;
  }

  [[nodiscard]] std::size_t head_lines() const override { return undecided() ? most_seen : 0; }
  void head(std::string_view text) override {
    if (undecided()) see(text);
  }
  void begins(Begin) override { decide(); }

  void line(std::string_view text) override {
    if (undecided()) {
      see(text);
      decide();
    }
    // A line that is no number is taken for a header, and counted, only where it may be one.
    const LatencySeries series =
        read_latency((seen_any_ ? "header\n" : "") + std::string(text) + "\n", options_, dirt_);
    if (series.values.empty()) return;
    seen_any_ = true;
    if (undecided()) return;
    new_row(now_ns_);
    if (place_) set(*place_, series.values.back());
  }

 protected:
  [[nodiscard]] std::string note() const override {
    return reason_.empty() ? "the unit is not known before some probes have come" : reason_;
  }

 private:
  static constexpr std::size_t most_seen = 1000;
  static constexpr std::size_t enough = 5;  // of nanoseconds and microseconds the medians are far apart

  [[nodiscard]] bool undecided() const { return options_.unit == "auto"; }

  void see(std::string_view text) {
    FileDirt dirt;
    const LatencySeries series = read_latency(std::string(text) + "\n", options_, dirt);
    if (series.values.empty()) return;
    told_ = told_ || dirt.count(Dirt::probe_time_out) > 0;
    if (std::isnan(series.values.back()) && dirt.count(Dirt::probe_time_out) == 0) return;
    if (++seen_count_ > most_seen) return;
    seen_ += text;
    seen_ += '\n';
  }

  /// Once: rows before and after another decision could not be compared.
  void decide() {
    if (!undecided() || (seen_count_ < enough && !told_)) return;
    FileDirt dirt;
    const LatencySeries series = read_latency(seen_, options_, dirt);
    options_.unit = series.unit;
    reason_ = "unit " + series.unit + ", told by " + series.reason;
    seen_ = {};
  }

  LatencyOptions options_;
  std::optional<std::size_t> place_;
  std::string seen_;
  std::size_t seen_count_ = 0;
  bool told_ = false;  ///< by a time-out, which only nanoseconds have
  bool seen_any_ = false;
  std::string reason_;
};

}  // namespace

std::unique_ptr<LineParser> make_rate_parser(const SourceSpec& spec, const CollectSettings& settings) {
  return std::make_unique<RateParser>(spec, settings);
}
std::unique_ptr<LineParser> make_latency_parser(const SourceSpec& spec, const CollectSettings& settings) {
  return std::make_unique<LatencyParser>(spec, settings);
}

}  // namespace drst
