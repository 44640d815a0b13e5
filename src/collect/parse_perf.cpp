// `perf stat -I` while it runs, as text or JSON lines.
#include <cctype>
#include <cmath>

#include "base/text.h"
#include "collect/line_parser.h"
#include "measure/perf_series.h"
#include "table/table.h"

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class PerfParser final : public GroupParser {
 public:
  PerfParser(const SourceSpec& spec, const CollectSettings& settings) : GroupParser(spec, settings) {
    options_.events = spec.events.empty() ? ChainSchema{}.events : spec.events;
    options_.separator = spec.separator;
    for (const auto& event : options_.events) places_.push_back(columns_.place(event));
  }

  void begins(Begin how) override {
    GroupParser::begins(how);
    if (how == Begin::file) return;
    before_ = how == Begin::run ? 0 : nan;  // the times of -I count from the start of perf
  }

 protected:
  bool takes(std::string_view text) override {
    FileDirt dirt;
    const bool wanted = !read_perf(with_end(text), options_, dirt).columns.empty();
    // "No permission to enable cycles event" has an event's name, but no count where one belongs.
    const bool no_count = dirt.count(Dirt::bad_cell) > 0;
    if (wanted && !no_count) return true;
    const auto words = trim(text);
    const bool said = !words.empty() && std::isalpha(static_cast<unsigned char>(words[0])) != 0 &&
                      words.find(' ') != std::string_view::npos;
    if (said) said_ = std::string(words.substr(0, 200));
    if (said || no_count || dirt.count(Dirt::ragged_row) > 0) dirt_.add(Dirt::ragged_row);
    return false;
  }

  bool is_next(const std::string& first, std::string_view text) override {
    FileDirt dirt;
    return read_perf(first + "\n" + with_end(text), options_, dirt).times.size() > 1;
  }

  bool timed() override { return !std::isnan(time_); }

  void parse(const std::string& lines, std::int64_t came_ns, bool whole) override {
    const PerfSeries series = read_perf(lines, options_, dirt_);
    time_ = series.times.empty() ? nan : series.times.back();
    if (!whole) return;
    double interval = nan;
    if (!std::isnan(time_)) {
      // Of an interval whose length is not known the counts are worth nothing: the next one has a begin.
      if (!(time_ > before_)) return;
      interval = time_ - before_;
    }
    new_row(came_ns);
    newest_.interval_s = interval;
    missing_.clear();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const PerfColumn* column = series.find(options_.events[i]);
      const bool counted = column != nullptr && !column->counts.empty();
      if (!counted || std::isnan(column->counts.back())) missing_.push_back(options_.events[i]);
      if (counted && places_[i]) set(*places_[i], column->counts.back(), column->shares.back());
    }
    said_.clear();
  }

  void ended() override { before_ = time_; }

  [[nodiscard]] std::string note() const override {
    return join_words({missing_.empty() ? "" : "no count of " + join_first(missing_),
                       said_.empty() ? "" : "perf said: " + said_});
  }

 private:
  static std::string with_end(std::string_view text) { return std::string(text) + "\n"; }

  PerfOptions options_;
  std::vector<std::optional<std::size_t>> places_;
  double before_ = nan;  ///< time of the interval before; NaN: not known
  double time_ = nan;    ///< of the interval that was parsed last
  std::vector<std::string> missing_;
  std::string said_;
};

}  // namespace

std::unique_ptr<LineParser> make_perf_parser(const SourceSpec& spec, const CollectSettings& settings) {
  return std::make_unique<PerfParser>(spec, settings);
}

}  // namespace drst
