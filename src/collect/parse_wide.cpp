// Sources of many columns: PCM's CSV and OpenNetVM's nf_out.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "collect/line_parser.h"
#include "measure/wide.h"

namespace drst {

namespace {

WideOptions wide_options(const CollectSettings& settings) {
  WideOptions options;
  options.most_columns = static_cast<std::size_t>(settings.max_columns);
  return options;
}

/// Two header rows, then a line a second.
class PcmParser final : public LineParser {
 public:
  PcmParser(const SourceSpec& spec, const CollectSettings& settings)
      : LineParser(spec, settings), options_(wide_options(settings)) {}

  [[nodiscard]] std::size_t head_lines() const override { return 2; }
  [[nodiscard]] bool knows_columns() const override { return !columns_.all_wanted() || !heads_.empty(); }

  void head(std::string_view text) override {
    if (const auto fields = count_fields(text); fields > 2 && !is_data(text)) header_row(text, fields);
  }

  void line(std::string_view text) override {
    const std::size_t fields = count_fields(text);
    if (fields > 2 && !is_data(text)) return header_row(text, fields);
    candidate_.clear();
    if (trim(text).empty()) return;
    if (fields <= 2 || heads_.empty()) return dirt_.add(Dirt::ragged_row);  // words, or no header yet
    const WideSeries series = read_pcm(groups_ + heads_ + std::string(text) + "\n", options_, dirt_);
    if (series.rows == 0) return;
    new_row(now_ns_);
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (places_[i]) set(*places_[i], series.columns[i].back());
  }

 protected:
  [[nodiscard]] std::string note() const override { return heads_.empty() ? "no header seen yet" : ""; }

 private:
  static std::size_t count_fields(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), ',')) + 1;
  }

  /// Names hardly begin with a digit; numbers, dates and times do. Restarted tools print their header again,
  /// and a file may go on without one.
  static bool is_data(std::string_view text) {
    std::size_t numbers = 0;
    std::size_t others = 0;
    while (true) {
      const std::size_t end = text.find(',');
      const auto cell = trim(text.substr(0, end));
      const std::size_t at = cell.find_first_not_of("-.");
      const bool number = at != std::string_view::npos && cell[at] >= '0' && cell[at] <= '9';
      if (!cell.empty()) ++(number || cell == "N/A" ? numbers : others);
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
    return numbers > 0 && 2 * numbers >= others;
  }

  /// Two of them after one another, equally long, are a header; one alone is rubbish.
  void header_row(std::string_view text, std::size_t fields) {
    if (candidate_.empty() || count_fields(candidate_) != fields) {
      candidate_ = std::string(text) + "\n";
      return;
    }
    groups_ = std::move(candidate_);
    heads_ = std::string(text) + "\n";
    candidate_.clear();
    FileDirt dirt;
    places_.clear();
    for (const auto& name : read_pcm(groups_ + heads_, options_, dirt).names)
      places_.push_back(columns_.place(name));
  }

  WideOptions options_;
  std::string candidate_, groups_, heads_;
  std::vector<std::optional<std::size_t>> places_;  ///< by column of the header
};

/// A line a VNF and second, without a header and without a time.
class NfOutParser final : public GroupParser {
 public:
  NfOutParser(const SourceSpec& spec, const CollectSettings& settings)
      : GroupParser(spec, settings), options_(wide_options(settings)) {}

  [[nodiscard]] bool knows_columns() const override { return !columns_.all_wanted() || newest_.number > 0; }

 protected:
  bool takes(std::string_view text) override {
    FileDirt dirt;
    const auto series = read_nf_out(std::string(text) + "\n", options_, dirt);
    // Live columns stay for ever, so a line that was cut or is none names no VNF here.
    if (dirt.count(Dirt::ragged_row) > 0) dirt_.add(Dirt::ragged_row);
    return series.rows > 0 && dirt.count(Dirt::ragged_row) == 0;
  }

  bool is_next(const std::string& first, std::string_view text) override {
    if (vnfs_.empty()) vnfs_.insert(vnf_of(first));
    return !vnfs_.insert(vnf_of(text)).second;
  }

  bool timed() override { return false; }

  void parse(const std::string& lines, std::int64_t came_ns, bool whole) override {
    if (!whole) return;
    const WideSeries series = read_nf_out(lines, options_, dirt_);
    if (series.rows == 0) return;
    new_row(came_ns);
    for (std::size_t i = 0; i < series.names.size(); ++i)
      if (const auto place = columns_.place(series.names[i])) set(*place, series.columns[i].back());
  }

  void ended() override { vnfs_.clear(); }

 private:
  static std::string vnf_of(std::string_view text) {
    return std::string(trim(text.substr(0, text.find(','))));
  }

  WideOptions options_;
  std::set<std::string> vnfs_;  ///< of the second
};

}  // namespace

std::unique_ptr<LineParser> make_pcm_parser(const SourceSpec& spec, const CollectSettings& settings) {
  return std::make_unique<PcmParser>(spec, settings);
}
std::unique_ptr<LineParser> make_nf_out_parser(const SourceSpec& spec, const CollectSettings& settings) {
  return std::make_unique<NfOutParser>(spec, settings);
}

}  // namespace drst
